#include "agent/fallback_budget.hpp"

#include <algorithm>

#include "agent/monthly_count.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr const char* kSpent = "metered_fallback_spent";
constexpr const char* kUnfinished = "metered_fallback_unfinished";             // digest of the file
constexpr const char* kUnfinishedSpent = "metered_fallback_unfinished_spent";  // on it

Bytes network(const BytesBySource& bytes) { return bytes.site + bytes.other + bytes.origin_bt + bytes.origin_http; }

}  // namespace

Bytes FallbackBudget::left(Bytes month, const trust::PackageFile& file) const {
  const auto now = clock_.now();
  const auto left = month - std::min(month, MonthlyCount(store_, kSpent).sum(now));
  const auto unfinished = store_.setting(kUnfinished);
  if (!unfinished || *unfinished != file.sha256.hex()) return left;
  return std::min(month, left + MonthlyCount(store_, kUnfinishedSpent).sum(now));
}

Result<void> FallbackBudget::spend(const trust::PackageFile& file, Bytes bytes, Bytes wasted) {
  UPSWARM_TRY(const auto unfinished, store_.setting(kUnfinished));
  if (unfinished != file.sha256.hex()) {
    UPSWARM_CHECK(store_.set(kUnfinishedSpent, ""));
    UPSWARM_CHECK(store_.set(kUnfinished, file.sha256.hex()));
  }
  UPSWARM_CHECK(MonthlyCount(store_, kUnfinishedSpent).add(bytes, clock_.now()));
  return MonthlyCount(store_, kSpent).add(bytes + wasted, clock_.now());
}

Result<void> FallbackBudget::settle(const trust::PackageFile& file) {
  UPSWARM_TRY(const auto unfinished, store_.setting(kUnfinished));
  if (unfinished != file.sha256.hex()) return {};
  return store_.set(kUnfinished, "");
}

void FallbackMeter::see(const BytesBySource& bytes) {
  const Cost now{network(bytes), bytes.wasted};
  if (!begin_) begin_ = now;
  came_.kept = std::max(came_.kept, now.kept - std::min(now.kept, begin_->kept));
  came_.wasted = std::max(came_.wasted, now.wasted - std::min(now.wasted, begin_->wasted));
  if (came_.sum() - spent_.sum() < kStep) return;
  if (const auto written = finish(); !written)
    log::warning("what a failed delta costs is not noted", {{"error", written.error().message()}});
}

Result<void> FallbackMeter::finish() {
  if (came_.sum() == spent_.sum()) return {};
  UPSWARM_CHECK(budget_.spend(file_, came_.kept - spent_.kept, came_.wasted - spent_.wasted));
  spent_ = came_;
  return {};
}

}  // namespace upswarm::agent
