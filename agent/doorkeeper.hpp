// Who takes up more connections than an honest neighbour.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>

namespace upswarm::agent {

/// Counts the connections that others make. Who makes more than sixty within ten seconds is shut out for ten minutes:
/// libtorrent has room for 200, holds those that say nothing for ten seconds, and knows no limit for one address.
/// A neighbour makes one for a package, and tries again once a second. Not thread-safe.
class Doorkeeper {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// A connection came from this address.   Whether it is shut out with that.
  bool came(const std::string& address, Time now);
  /// Whether somebody's time is over.
  bool let_in(Time now);
  /// At most 1,000.
  std::set<std::string> shut_out() const;

 private:
  static constexpr int kMost = 60;
  static constexpr auto kWithin = std::chrono::seconds(10);
  static constexpr auto kFor = std::chrono::minutes(10);
  static constexpr std::size_t kMostCounted = 4096;
  static constexpr std::size_t kMostShutOut = 1000;

  Time since_ = {};
  std::map<std::string, int> counts_;  ///< since then
  std::map<std::string, Time> until_;
};

}  // namespace upswarm::agent
