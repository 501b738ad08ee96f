// What a machine tells the seeder about one installation: POST /v1/reports, one JSON object.
//
//   {"machine", "number", "product", "from", "to", "running", "kind", "result", "reason", "at", "milliseconds",
//    "bytes": {"disk", "site", "origin_bt", "origin_http", "wasted"}}
//
// The answer is any 2xx status. A machine repeats a report until it gets one, so (machine, number, product, at) names a
// report: a second one with the same four is the same.
#pragma once

#include <string>

#include "protocol/messages/installer_messages.hpp"

namespace upswarm::messages {

/// Where the bytes of a download came from. Each verified byte has one source; waste stands apart.
struct SourceBytes {
  Bytes disk;         ///< already there
  Bytes site;         ///< neighbours
  Bytes origin_bt;    ///< the seeder, by BitTorrent
  Bytes origin_http;  ///< the seeder, by HTTP ranges
  Bytes wasted;       ///< failed their check, or came twice

  Bytes verified() const { return disk + site + origin_bt + origin_http; }
  bool operator==(const SourceBytes&) const = default;
};

struct Report {
  std::string machine;
  Outcome outcome;
  SourceBytes bytes;
};

inline constexpr Bytes kLongestReport = 64_KiB;
/// A longer reason is cut in a report, so that one always fits into kLongestReport.
inline constexpr std::size_t kLongestReportedReason = 8 * 1024;

/// The first `longest` bytes of UTF-8 text, cut between characters.
std::string shortened(std::string text, std::size_t longest);

Json to_json(const SourceBytes& bytes);
Json to_json(const Report& report);

// Errors of both: corrupt.
Result<SourceBytes> parse_source_bytes(const Json& value);
Result<Report> parse_report(const Json& value);

}  // namespace upswarm::messages
