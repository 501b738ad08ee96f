#include "protocol/base/yielding.hpp"

#include <algorithm>

namespace upswarm {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kGrowth = 0.25;   ///< of the window, where no packet waits
constexpr double kSteepest = 0.5;  ///< it shrinks to this share at most
constexpr double kForgets = 0.8;   ///< a rate that is not reached any more falls so, from look to look
constexpr double kUnused = 2;      ///< a window of so many times what is on its way limits nothing, and grows no more
constexpr double kTargetSeconds = Seconds(Yielding::kTarget).count();

}  // namespace

std::optional<Bytes> Yielding::look(Tick now, const PathState& path) {
  const auto round_trip = Seconds(path.round_trip).count();
  const auto least = std::min(round_trip, Seconds(path.least_round_trip).count());
  const auto passed = looked_ ? Seconds(now - *looked_).count() : 0;
  const auto came = path.received >= received_ ? static_cast<double>((path.received - received_).count) : 0;
  looked_ = now;
  received_ = path.received;
  next_ = now + std::max<Tick::duration>(kEvery, path.round_trip);
  const auto limit = [&]() -> std::optional<Bytes> {
    if (!window_) return std::nullopt;
    return Bytes{static_cast<std::uint64_t>(*window_)};
  };
  if (passed <= 0 || round_trip <= 0) return limit();

  const auto waits = round_trip - least;
  // Bytes behind one that was lost are not counted until it comes again: one look says little.
  rate_ = std::max(came / passed, rate_ * kForgets);
  const auto on_its_way = rate_ * round_trip;
  if (waits > kTargetSeconds) {
    const auto share = std::max(kSteepest, (least + kTargetSeconds) / round_trip);
    window_ = window_.value_or(on_its_way) * share;
  } else if (window_ && *window_ < kUnused * on_its_way) {
    *window_ *= 1 + kGrowth * (1 - waits / kTargetSeconds);
  }
  const auto least_window =
      std::max(static_cast<double>(kLeastWindow.count), static_cast<double>(kLeastRate.count) * round_trip);
  if (window_) window_ = std::max(*window_, least_window);
  return limit();
}

}  // namespace upswarm
