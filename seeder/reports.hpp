// What machines tell about their updates (protocol/messages/report.hpp).
#pragma once

#include <string_view>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/database.hpp"
#include "protocol/messages/report.hpp"

namespace upswarm::seeder {

/// Errors: corrupt.
Result<messages::Report> read_report(std::string_view text);

struct StoredReport {
  messages::Report report;
  bool trusted = false;
  std::string received;
};

/// How many machines ended with `result` when they went to `version`.
struct OutcomeCount {
  std::string version;
  std::string result;
  std::int64_t machines = 0;
};

/// How much is kept, the newest of each.
struct ReportLimits {
  std::int64_t trusted_of_machine = 200;  ///< a stolen key pushes out nobody's reports but its own
  std::int64_t untrusted = 100'000;       ///< of strangers: they push out no trusted one
};

/// The reports of one database, which must outlive it. Safe from any thread.
///
/// A report is trusted when the key of its machine signed it. The others are kept for people and move nothing.
class Reports {
 public:
  explicit Reports(Database& database, ReportLimits limits = {}) : database_(database), limits_(limits) {}

  /// `signer`: the public key that vouches for it, now that of its machine; empty: nobody.
  /// True when it is new. False when one with the same machine, number, product and time is there: that one stays, but
  /// for one that is less trusted (or was signed by a key that the machine had before).
  Result<bool> store(const messages::Report& report, const std::string& signer, Time received);

  /// What a rollout may go by: of each machine that is enrolled and not revoked, the last trusted report about each
  /// version of `product`, if the key that it has now signed it. So a machine has one voice, whoever has its key.
  /// `version` empty: of all; that takes seconds where a million reports are kept.
  Result<std::vector<OutcomeCount>> count_outcomes(const std::string& product, const std::string& version = "");

  /// Newest first. `product` empty: of all.
  Result<std::vector<StoredReport>> newest(const std::string& product, std::int64_t limit);
  Result<std::int64_t> count();

 private:
  Result<void> prune(const std::string& machine, bool trusted, std::int64_t id);

  Database& database_;
  ReportLimits limits_;
};

}  // namespace upswarm::seeder
