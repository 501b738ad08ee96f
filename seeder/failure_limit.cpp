#include "seeder/failure_limit.hpp"

#include <algorithm>

namespace upswarm::seeder {
namespace {

IpAddress home_of(const IpAddress& address) {
  if (!address.is_v6()) return address;
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, v6);
  auto bytes = v6.to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
  return boost::asio::ip::address_v6(bytes);
}

}  // namespace

std::int64_t FailureLimit::left(const Failures& failures, Time now) const {
  const auto seconds = std::max<std::int64_t>((now - failures.at).count(), 0);
  return std::max<std::int64_t>(failures.count - std::min(seconds, kMostFailures) * kForgottenASecond, 0);
}

bool FailureLimit::may_try(const IpAddress& address) {
  const std::lock_guard lock(mutex_);
  const auto found = failures_.find(home_of(address));
  return found == failures_.end() || left(found->second, clock_.now()) < kMostFailures;
}

void FailureLimit::count_failure(const IpAddress& address) {
  const std::lock_guard lock(mutex_);
  const auto now = clock_.now();
  const auto home = home_of(address);
  if (failures_.size() >= kMostAddresses && !failures_.contains(home)) make_room(now);
  auto& failures = failures_[home];
  failures = {std::min(left(failures, now) + 1, kMostFailures), now};
}

void FailureLimit::make_room(Time now) {
  std::erase_if(failures_, [&](const auto& one) { return left(one.second, now) == 0; });
  if (failures_.size() < kMostAddresses) return;
  failures_.erase(std::ranges::min_element(failures_, {}, [&](const auto& one) { return left(one.second, now); }));
}

}  // namespace upswarm::seeder
