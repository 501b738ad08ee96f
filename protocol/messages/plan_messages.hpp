// How a machine came to a release, or is about to: each way that there is, and why it was taken or not; and what it
// gives to others, and why.
//
//   upswarm                                          agent
//     {"ask": "why", "product"}                 ->   without a product: of all
//                                               <-   {"products": [WhyStatus ...], "may_upload", "may_lead",
//                                                     "gates": [GateStatus ...], "sources": [SourceStatus ...]}
#pragma once

#include "protocol/messages/installer_messages.hpp"

namespace upswarm::messages {

inline constexpr std::size_t kMostWays = 16;
inline constexpr std::size_t kMostGates = 64;
inline constexpr std::size_t kMostSources = 64;

/// One way to a release. The bytes are what was reckoned with, not what came.
struct WayStatus {
  std::string kind;  ///< "nothing", "delta", "chain", "sparse", "full"
  std::string what;  ///< for people: "delta from 1.0.0 (12.0 KiB)"
  bool is_chosen = false;
  bool is_usable = false;
  std::string verdict;                ///< why it was chosen, or why not
  Bytes disk;                         ///< already in the agent's cache
  Bytes site;                         ///< from neighbours
  Bytes origin;                       ///< from the seeder
  std::int64_t cost = 0;              ///< weighed (agent/plan.hpp)
  std::vector<std::string> packages;  ///< target paths, in order
};

struct PlanStatus {
  std::string from;  ///< version; empty: nothing was installed
  std::string to;
  std::string link;  ///< "normal", "slow", "metered"
  std::string reason;
  Time at;
  std::vector<WayStatus> ways;  ///< those that could be taken first, the cheapest first
};

/// Of one product.
struct WhyStatus {
  std::string product;
  std::string phase;  ///< as ProductStatus
  std::string wanted;
  std::string detail;
  std::optional<PlanStatus> plan;  ///< the last one that was made
};

/// One thing that can stand in the way of giving to others.
struct GateStatus {
  std::string name;    ///< of the setting
  std::string value;   ///< of the setting
  std::string set_by;  ///< "configuration", "default"
  bool is_open = true;
  std::string says;  ///< what is the case, and, of a closed one, what would have to change
};

/// One way by which the bytes of a download come, or do not.
struct SourceStatus {
  std::string name;  ///< "neighbours", an endpoint, "origin, BitTorrent", "origin, HTTP"
  bool is_used = false;
  std::string says;  ///< how it stands, or what would have to change
};

struct WhyAnswer {
  std::vector<WhyStatus> products;
  bool may_upload = true;
  bool may_lead = true;
  std::vector<GateStatus> gates;
  std::vector<SourceStatus> sources;  ///< of what is being fetched just now
};

Json to_json(const PlanStatus& plan);
Json to_json(const WhyAnswer& answer);

// Errors of all: corrupt.
Result<PlanStatus> parse_plan(const Json& value);
Result<WhyAnswer> parse_why(const Json& value);

}  // namespace upswarm::messages
