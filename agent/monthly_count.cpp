#include "agent/monthly_count.hpp"

#include <charconv>

namespace upswarm::agent {
namespace {

std::string month_of(Time time) { return to_string(time).substr(0, 7); }

}  // namespace

Bytes MonthlyCount::sum(Time now) const {
  const auto stored = store_.setting(key_);
  const auto month = month_of(now) + " ";
  if (!stored || !stored->starts_with(month)) return {};
  std::uint64_t count = 0;
  const auto* const last = stored->data() + stored->size();
  const auto [end, problem] = std::from_chars(stored->data() + month.size(), last, count);
  return problem == std::errc{} && end == last ? Bytes{count} : Bytes{};
}

Result<void> MonthlyCount::add(Bytes bytes, Time now) {
  return store_.set(key_, month_of(now) + " " + std::to_string((sum(now) + bytes).count));
}

}  // namespace upswarm::agent
