// The conversation between upswarm (any user of the machine) and the agent, over a local socket.
//
//   upswarm                                          agent
//     {"ask": "status"}                         ->
//                                               <-   AgentStatus
//     {"ask": "check"}                          ->   polls the seeder at once
//                                               <-   {"cycle": n}     done when AgentStatus::cycles_ended >= n
//     {"ask": "update", "product"}              ->   the same; what was put off or skipped is installed now. With a
//                                                    product only of that, and also a major version that waits
//                                               <-   {"cycle": n}
//     {"ask": "defer", "product", "duration"}   ->   "2h"; bounded by the signed entry
//                                               <-   {"until": time}
//     {"ask": "skip", "product", "version"}     ->   until there is a newer one
//                                               <-   {}
//     {"ask": "history", "limit"}               ->   newest first
//                                               <-   {"history": [HistoryItem ...]}
//     {"ask": "sessions", "limit"}                   session_messages.hpp; newest first
//     {"ask": "why", ...}                            plan_messages.hpp
//     {"ask": "forget_bad"}                     ->   packages whose bytes failed here may be tried again
//                                               <-   {"cleared": n}
//
// Any question may be answered by {"error": ...}, as in installer_messages.hpp.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "protocol/messages/report.hpp"

namespace upswarm::messages {

inline constexpr std::int64_t kMostHistory = 1000;

struct ProductStatus {
  std::string product;
  std::string channel;
  std::string platform;
  std::string installed;  ///< version; empty: none
  std::string wanted;     ///< version on its way, put off or held; empty: none
  std::string phase;      ///< "current", "held", "put_off", or a state of the session: "downloading", ...
  std::string detail;     ///< a sentence for people: why held, what the installer does
  Bytes done;
  Bytes total;        ///< 0: nothing is being counted
  SourceBytes bytes;  ///< of the last download
  std::uint64_t bytes_per_second = 0;
  int peers = 0;
  std::optional<std::chrono::milliseconds> time_left;
  std::optional<Time> deferred_until;  ///< as bounded by the signed entry
  std::string skipped;                 ///< version
  std::vector<Quarantined> quarantine = {};
  std::string damage = {};      ///< what of it is damaged, and what becomes of that; empty: nothing is known
  bool is_best_effort = false;  ///< another installer put it here: so much is a way back
};

/// A failure as a person should hear it: what happened where, and what to do about it.
struct TroubleStatus {
  std::string kind;  ///< of ErrorKind
  std::string what;
  std::string advice;
  Time at;
};

struct AgentStatus {
  std::string program_version;
  std::string machine_id;
  std::string seeder_url;
  std::string state;              ///< "starting", "idle", "working", "failing"
  std::int64_t cycles_ended = 0;  ///< since the start of the agent
  std::string last_result;        ///< "", "nothing", "updated", "rolled_back", "put_off", "held", "failed"
  std::optional<Time> last_poll;  ///< when the seeder last answered
  std::optional<Time> next_poll;
  std::optional<TroubleStatus> last_error;  ///< of the last cycle
  std::optional<Time> metadata_expires;
  std::string expires_role;          ///< whose
  std::int64_t seeding = 0;          ///< packages
  Bytes uploaded;                    ///< since the start
  std::int64_t reports_waiting = 0;  ///< not yet taken by the seeder
  std::string machine_key;           ///< the public half, 64 hexadecimal digits; empty: there is none
  bool enrolled = false;             ///< the seeder has bound machine_id to machine_key: reports count
  std::string enrolment;             ///< why not
  std::vector<ProductStatus> products;
};

struct HistoryItem {
  Outcome outcome;
  SourceBytes bytes;
  bool reported = false;  ///< the seeder has it
};

Json to_json(const ProductStatus& status);
Json to_json(const AgentStatus& status);
Json to_json(const HistoryItem& item);
Json history_to_json(const std::vector<HistoryItem>& items);

// Errors of all: corrupt.
Result<AgentStatus> parse_agent_status(const Json& value);
Result<std::vector<HistoryItem>> parse_history(const Json& value);

}  // namespace upswarm::messages
