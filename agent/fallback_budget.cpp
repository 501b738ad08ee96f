#include "agent/fallback_budget.hpp"

#include <algorithm>

#include "agent/monthly_count.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr const char* kSpent = "metered_fallback_spent";
constexpr const char* kUnfinished = "metered_fallback_unfinished";             // digest of the file
constexpr const char* kUnfinishedSpent = "metered_fallback_unfinished_spent";  // on it

Bytes network(const BytesBySource& bytes) {
  return bytes.site + bytes.other + bytes.origin_bt + bytes.origin_http + bytes.wasted;
}

}  // namespace

Bytes FallbackBudget::left(Bytes month, const trust::PackageFile& file) const {
  const auto now = clock_.now();
  const auto left = month - std::min(month, MonthlyCount(store_, kSpent).sum(now));
  const auto unfinished = store_.setting(kUnfinished);
  if (!unfinished || *unfinished != file.sha256.hex()) return left;
  return std::min(month, left + MonthlyCount(store_, kUnfinishedSpent).sum(now));
}

Result<void> FallbackBudget::spend(const trust::PackageFile& file, Bytes bytes) {
  UPSWARM_TRY(const auto unfinished, store_.setting(kUnfinished));
  if (unfinished != file.sha256.hex()) {
    UPSWARM_CHECK(store_.set(kUnfinishedSpent, ""));
    UPSWARM_CHECK(store_.set(kUnfinished, file.sha256.hex()));
  }
  UPSWARM_CHECK(MonthlyCount(store_, kUnfinishedSpent).add(bytes, clock_.now()));
  return MonthlyCount(store_, kSpent).add(bytes, clock_.now());
}

Result<void> FallbackBudget::settle(const trust::PackageFile& file) {
  UPSWARM_TRY(const auto unfinished, store_.setting(kUnfinished));
  if (unfinished != file.sha256.hex()) return {};
  return store_.set(kUnfinished, "");
}

void FallbackMeter::see(const BytesBySource& bytes) {
  const auto now = network(bytes);
  if (!begin_) begin_ = now;
  came_ = std::max(came_, now - std::min(now, *begin_));
  if (came_ - spent_ < kStep) return;
  if (const auto written = finish(); !written)
    log::warning("what a failed delta costs is not noted", {{"error", written.error().message()}});
}

Result<void> FallbackMeter::finish() {
  if (came_ == spent_) return {};
  UPSWARM_CHECK(budget_.spend(file_, came_ - spent_));
  spent_ = came_;
  return {};
}

}  // namespace upswarm::agent
