#include "agent/manners_keeper.hpp"

#include <condition_variable>

#include "agent/monthly_count.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr auto kEvery = std::chrono::seconds(30);
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
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  for (;;) {
    never.wait_for(lock, stop, kEvery, [] { return false; });
    if (stop.stop_requested()) return;
    look();
  }
}

Bytes MannersKeeper::uploaded_this_month(Time now) {
  const auto total = tools_.swarm.uploaded();
  MonthlyCount month(tools_.store, kUploaded);
  const auto fresh = total - counted_;
  const auto sum = month.sum(now) + fresh;
  if (fresh == 0_B) return sum;
  if (const auto written = month.add(fresh, now); written) counted_ = total;
  else log::warning("what was uploaded is not noted", {{"error", written.error().message()}});
  return sum;
}

}  // namespace upswarm::agent
