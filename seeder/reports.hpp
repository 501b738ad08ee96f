// What machines tell about their updates (protocol/messages/report.hpp).
#pragma once

#include <string_view>

#include "protocol/base/clock.hpp"
#include "protocol/base/database.hpp"
#include "protocol/messages/report.hpp"

namespace upswarm::seeder {

/// Errors: corrupt.
Result<messages::Report> read_report(std::string_view text);

/// The reports of one database, which must outlive it. The newest million is kept. Safe from any thread.
/// Nobody vouches for a report yet: it is kept for people and moves nothing.
class Reports {
 public:
  explicit Reports(Database& database) : database_(database) {}

  /// True when it is new; false when one with the same machine, number, product and time is there (which then stays).
  Result<bool> store(const messages::Report& report, Time received);
  Result<std::int64_t> count();

 private:
  Database& database_;
};

}  // namespace upswarm::seeder
