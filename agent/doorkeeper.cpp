#include "agent/doorkeeper.hpp"

namespace upswarm::agent {

bool Doorkeeper::came(const std::string& address, Time now) {
  if (now - since_ >= kWithin) {
    since_ = now;
    counts_.clear();
  }
  if (counts_.size() >= kMostCounted && !counts_.contains(address)) return false;
  if (++counts_[address] <= kMost || until_.size() >= kMostShutOut) return false;
  return until_.try_emplace(address, now + kFor).second;
}

bool Doorkeeper::let_in(Time now) {
  return std::erase_if(until_, [&](const auto& item) { return now >= item.second; }) > 0;
}

std::set<std::string> Doorkeeper::shut_out() const {
  std::set<std::string> addresses;
  for (const auto& [address, until] : until_) addresses.insert(address);
  return addresses;
}

}  // namespace upswarm::agent
