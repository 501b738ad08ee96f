// What a machine tells the seeder about one installation: POST /v1/reports, one JSON object.
//
//   {"machine", "number", "product", "from", "to", "running", "kind", "result", "reason", "at", "milliseconds",
//    "files", "bytes": {"disk", "site", "other", "origin_bt", "origin_http", "wasted", "delta"}}
//
// "other" and "delta" are left out where they are 0, "files" where it is not known. A seeder leaves keys alone that it
// does not know.
//
// A machine that has enrolled signs the request (machine_request.hpp). The answer:
//
//   200 {"stored", "trusted", "reason"}    reason: "" when trusted, else "unsigned", "unknown_machine",
//   "revoked_machine" 403 {"error": {..., "reason": "signature"}}    the signature is not that of the key that the
//   machine has
//
// Only a trusted report counts for anything; the others are kept for people. A machine repeats a report until it gets a
// 2xx status, so (machine, number, product, at) names a report: a second one with the same four is the same, but that a
// trusted one takes the place of one that is not.
#pragma once

#include <string>

#include "protocol/messages/installer_messages.hpp"

namespace upswarm::messages {

/// Where the bytes of a download came from. Each verified byte has one source; waste stands apart. What was installed
/// by a delta, a chain of them or parts of the full package has the size of the full package: verified() and `delta`.
struct SourceBytes {
  Bytes disk;         ///< already there
  Bytes site;         ///< neighbours
  Bytes other = {};   ///< machines of other sites
  Bytes origin_bt;    ///< the seeder, by BitTorrent
  Bytes origin_http;  ///< the seeder, by HTTP ranges
  Bytes wasted;       ///< failed their check, came twice, or lay between what was wanted
  Bytes delta = {};   ///< of the full package, that needed not come: made from the release that was installed

  Bytes verified() const { return disk + site + other + origin_bt + origin_http; }
  bool operator==(const SourceBytes&) const = default;
};

struct Report {
  std::string machine;
  Outcome outcome;
  SourceBytes bytes;
};

/// What the seeder made of a report.
struct ReportAnswer {
  bool stored = false;   ///< false: it was there already
  bool trusted = false;  ///< the machine's key vouches for it
  std::string reason;    ///< why it is not trusted
};

inline constexpr const char* kReportsPath = "/v1/reports";
inline constexpr Bytes kLongestReport = 64_KiB;
/// A longer reason is cut in a report, so that one always fits into kLongestReport.
inline constexpr std::size_t kLongestReportedReason = 8 * 1024;

/// The first `longest` bytes of UTF-8 text, cut between characters.
std::string shortened(std::string text, std::size_t longest);

Json to_json(const SourceBytes& bytes);
Json to_json(const Report& report);
Json to_json(const ReportAnswer& answer);

// Errors of all: corrupt.
Result<SourceBytes> parse_source_bytes(const Json& value);
Result<Report> parse_report(const Json& value);
/// Unknown fields are allowed, and `trusted` may be missing: a seeder may be newer or older than its machines.
Result<ReportAnswer> parse_report_answer(const Json& value);

}  // namespace upswarm::messages
