// How often one address may fail before it is no longer listened to.
#pragma once

#include <map>
#include <mutex>

#include "protocol/base/clock.hpp"
#include "seeder/http_handler.hpp"

namespace upswarm::seeder {

/// Counts failures by address (IPv6: by /64, which one host has to itself) and forgets ten of them a second.
///
/// A site of 5,000 machines behind one address with a wrong token fails 5,000 times at once and some 6 times a second
/// from then on: that must not shut out the next one, which has the right token. Whoever fails faster than ten times a
/// second is shut out at ten thousand, and with him his address alone. At most 10,000 addresses are remembered; beyond
/// that the one that failed least makes room. Safe from any thread.
class FailureLimit {
 public:
  static constexpr std::int64_t kMostFailures = 10'000;
  static constexpr std::int64_t kForgottenASecond = 10;
  static constexpr std::size_t kMostAddresses = 10'000;

  /// `clock` must outlive it.
  explicit FailureLimit(const Clock& clock) : clock_(clock) {}

  bool may_try(const IpAddress& address);
  void count_failure(const IpAddress& address);

 private:
  struct Failures {
    std::int64_t count = 0;
    Time at;  ///< when `count` was right
  };

  std::int64_t left(const Failures& failures, Time now) const;
  void make_room(Time now);

  const Clock& clock_;
  std::mutex mutex_;
  std::map<IpAddress, Failures> failures_;
};

}  // namespace upswarm::seeder
