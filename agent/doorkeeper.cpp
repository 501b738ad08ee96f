#include "agent/doorkeeper.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

constexpr const char* kSilent = "it takes requests and sends nothing";

}  // namespace

bool Doorkeeper::shut(const std::string& address, const Out& out) {
  return out_.size() < kMostShutOut && out_.try_emplace(address, out).second;
}

bool Doorkeeper::came(const std::string& address, Time now) {
  if (now - since_ >= kWithin) {
    since_ = now;
    counts_.clear();
  }
  if (counts_.size() >= kMostCounted && !counts_.contains(address)) return false;
  return ++counts_[address] > kMost && shut(address, {now + kFor, "it makes too many connections"});
}

bool Doorkeeper::lied(const std::string& address, Time now) {
  return shut(address, {now + kFor, "it refuses what it says it has"});
}

bool Doorkeeper::gave_garbage(const std::string& address, Time now) {
  return shut(address, {now + kFor, "what it sent fails its check"});
}

bool Doorkeeper::was_silent(const std::string& address, Time now, bool others_gave) {
  if (!others_gave) return shut(address, {now + kForAlone, kSilent, true});
  std::erase_if(silent_, [&](const auto& item) { return now - item.second >= kRemembered; });
  const bool is_first = !silent_.contains(address);
  if (silent_.size() < kMostCounted || !is_first) silent_[address] = now;
  return shut(address, {now + (is_first ? kForAsleep : kFor), kSilent, is_first});
}

bool Doorkeeper::knocked(const std::string& address) {
  const auto found = out_.find(address);
  if (found == out_.end() || !found->second.may_knock) return false;
  out_.erase(found);
  return true;
}

bool Doorkeeper::let_in(Time now) {
  return std::erase_if(out_, [&](const auto& item) { return now >= item.second.until; }) > 0;
}

std::set<std::string> Doorkeeper::shut_out() const {
  std::set<std::string> addresses;
  for (const auto& [address, out] : out_) addresses.insert(address);
  return addresses;
}

std::vector<ShutOut> Doorkeeper::reasons(Time now) const {
  std::vector<ShutOut> all;
  for (const auto& [address, out] : out_) {
    const auto left = std::chrono::ceil<std::chrono::seconds>(std::max(out.until - now, Time::duration(0)));
    all.push_back({address, out.why, left, out.may_knock});
  }
  return all;
}

bool OutsidersTold::is_news(const std::string& address, Doorkeeper::Time now) {
  if (now - since_ >= kWithin) {
    since_ = now;
    told_.clear();
  }
  return told_.size() < kMost && told_.insert(address).second;
}

}  // namespace upswarm::agent
