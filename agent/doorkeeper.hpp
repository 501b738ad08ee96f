// Who is shut out, and for how long.
#pragma once

#include <chrono>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace upswarm::agent {

/// Somebody who is shut out.
struct ShutOut {
  std::string address;
  std::string why;
  std::chrono::seconds left{0};
  bool may_knock = false;  ///< it is let in before that, when it connects by itself
};

/// Shuts neighbours out for ten minutes. Not thread-safe.
///   too many connections  More than sixty made by others within ten seconds: libtorrent has room for 200, holds those
///                         that say nothing for ten seconds, and knows no limit for one address. A neighbour makes one
///                         for a package, and tries again once a second.
///   lies                  It says that it has what it does not give, or what it gives fails its check.
///   silence               It takes requests and answers none. It may have been asleep: the first time within an hour
///                         it is let in after a minute, or as soon as it comes by itself. Where nobody else gave
///                         anything meanwhile, this machine's own network may have been away: that counts for nothing
///                         later, and lasts ten seconds.
class Doorkeeper {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Each says whether the address is shut out with that.

  /// A connection came from this address.
  bool came(const std::string& address, Time now);
  bool lied(const std::string& address, Time now);
  bool gave_garbage(const std::string& address, Time now);
  bool was_silent(const std::string& address, Time now, bool others_gave);

  /// Somebody who is not let in wanted to connect.   Whether this one is from now on.
  bool knocked(const std::string& address);
  /// Whether somebody's time is over.
  bool let_in(Time now);
  /// At most 1,000.
  std::set<std::string> shut_out() const;
  /// The same, by address, with reasons.
  std::vector<ShutOut> reasons(Time now) const;

 private:
  struct Out {
    Time until;
    const char* why = "";
    bool may_knock = false;
  };

  bool shut(const std::string& address, const Out& out);

  static constexpr int kMost = 60;
  static constexpr auto kWithin = std::chrono::seconds(10);
  static constexpr auto kFor = std::chrono::minutes(10);
  static constexpr auto kForAsleep = std::chrono::minutes(1);
  static constexpr auto kForAlone = std::chrono::seconds(10);
  static constexpr auto kRemembered = std::chrono::hours(1);
  static constexpr std::size_t kMostCounted = 4096;
  static constexpr std::size_t kMostShutOut = 1000;

  Time since_ = {};
  std::map<std::string, int> counts_;   ///< since then
  std::map<std::string, Time> silent_;  ///< last
  std::map<std::string, Out> out_;
};

/// Which refused addresses are worth a line of the log: few, and each once in ten minutes. Not thread-safe.
class OutsidersTold {
 public:
  bool is_news(const std::string& address, Doorkeeper::Time now);

 private:
  static constexpr std::size_t kMost = 10;
  static constexpr auto kWithin = std::chrono::minutes(10);

  Doorkeeper::Time since_ = {};
  std::set<std::string> told_;  ///< since then
};

}  // namespace upswarm::agent
