#include "agent/manners_keeper.hpp"

#include <algorithm>
#include <condition_variable>

#include "agent/monthly_count.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr auto kEvery = std::chrono::seconds(30);
constexpr auto kShortest = std::chrono::seconds(1);
constexpr Bytes kFastest = 125_MiB;  // a second
constexpr const char* kUploaded = "uploaded";

std::string closed_gates(const Manners& manners) {
  std::string text;
  for (const auto& gate : manners.gates) {
    if (!gate.is_open) text += (text.empty() ? "" : "; ") + gate.name + " = " + gate.value + ": " + gate.says;
  }
  return text;
}

}  // namespace

void MannersKeeper::look() {
  const auto now = tools_.clock.now();
  auto manners = decide_manners(tools_.policy, tools_.look(), uploaded_this_month(now), now);
  tools_.swarm.behave(manners);
  const std::lock_guard lock(mutex_);
  if (manners.may_upload != last_.may_upload) {
    log::info(manners.may_upload ? "gives to others again" : "gives nothing to others",
              {{"why", closed_gates(manners)}});
  }
  last_ = std::move(manners);
}

Manners MannersKeeper::last() const {
  const std::lock_guard lock(mutex_);
  return last_;
}

void MannersKeeper::run(const std::stop_token& stop) {
  using Steady = std::chrono::steady_clock;
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  auto next_look = Steady::now() + kEvery;
  for (;;) {
    never.wait_until(lock, stop, std::min(next_look, Steady::now() + until_count()), [] { return false; });
    if (stop.stop_requested()) break;
    if (Steady::now() < next_look && !is_over_cap()) continue;
    look();
    next_look = Steady::now() + kEvery;
  }
  (void)uploaded_this_month(tools_.clock.now());
}

Bytes MannersKeeper::left_of_cap() const {
  const auto used = month_ + (tools_.swarm.uploaded() - counted_);
  return tools_.policy.monthly_upload - std::min(tools_.policy.monthly_upload, used);
}

std::chrono::milliseconds MannersKeeper::until_count() const {
  if (tools_.policy.monthly_upload == 0_B || !last().may_upload) return kEvery;
  const std::chrono::milliseconds until(left_of_cap().count * 1000 / kFastest.count);
  return std::clamp<std::chrono::milliseconds>(until, kShortest, kEvery);
}

bool MannersKeeper::is_over_cap() const {
  return tools_.policy.monthly_upload != 0_B && last().may_upload && left_of_cap() == 0_B;
}

Bytes MannersKeeper::uploaded_this_month(Time now) {
  const auto total = tools_.swarm.uploaded();
  MonthlyCount month(tools_.store, kUploaded);
  const auto fresh = total - counted_;
  month_ = month.sum(now);
  if (fresh == 0_B) return month_;
  const auto sum = month_ + fresh;
  if (const auto written = month.add(fresh, now); !written) {
    log::warning("what was uploaded is not noted", {{"error", written.error().message()}});
    return sum;
  }
  counted_ = total;
  month_ = sum;
  return sum;
}

}  // namespace upswarm::agent
