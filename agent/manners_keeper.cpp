#include "agent/manners_keeper.hpp"

#include <charconv>
#include <condition_variable>

#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr auto kEvery = std::chrono::seconds(30);
constexpr const char* kUploaded = "uploaded";  // "2026-11 1048576"

std::string month_of(Time time) { return to_string(time).substr(0, 7); }

std::uint64_t count_of(const std::string& stored, const std::string& month) {
  if (!stored.starts_with(month + " ")) return 0;
  std::uint64_t count = 0;
  const auto* const begin = stored.data() + month.size() + 1;
  const auto [end, problem] = std::from_chars(begin, stored.data() + stored.size(), count);
  return problem == std::errc{} ? count : 0;
}

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
  const auto month = month_of(now);
  const auto stored = tools_.store.setting(kUploaded);
  const auto before = Bytes{stored ? count_of(*stored, month) : 0};
  const auto sum = before + (total - counted_);
  if (sum == before) return sum;
  const auto written = tools_.store.set(kUploaded, month + " " + std::to_string(sum.count));
  if (!written) {
    log::warning("what was uploaded is not noted", {{"error", written.error().message()}});
    return sum;
  }
  counted_ = total;
  return sum;
}

}  // namespace upswarm::agent
