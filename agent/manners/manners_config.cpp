#include "agent/manners/manners_config.hpp"

namespace upswarm::agent {
namespace {

constexpr Bytes kMost = 1024_GiB;

std::optional<std::uint64_t> read_rate(ObjectReader& in, const char* key) {
  if (!in.has(key)) return std::nullopt;
  return in.bytes_or(key, {}, {}, kMost).count;
}

Result<RateRule> read_rule(ObjectReader in) {
  RateRule rule;
  if (in.has("traffic")) rule.traffic = in.parsed("traffic", parse_traffic, 20).value_or(Traffic::all);
  if (in.has("hours")) rule.when = in.parsed("hours", parse_hours, 20).value_or(WeekSpan{});
  if (in.has("days")) rule.when.days = in.parsed("days", parse_days, 40).value_or(rule.when.days);
  rule.upload = read_rate(in, "upload");
  rule.download = read_rate(in, "download");
  if (!rule.upload && !rule.download) in.fail("upload", "an upload or a download rate is wanted");
  UPSWARM_CHECK(in.finish());
  return rule;
}

}  // namespace

Result<void> read_manners(ObjectReader& in, MannersPolicy& policy) {
  for (const auto* name : {"upload", "upload_when_metered", "upload_by_vpn", "upload_above_battery", "least_memory",
                           "least_disk", "monthly_upload", "time_zone"}) {
    if (in.has(name)) policy.given.insert(name);
  }
  policy.upload = in.boolean_or("upload", policy.upload);
  policy.upload_when_metered = in.boolean_or("upload_when_metered", policy.upload_when_metered);
  policy.upload_by_vpn = in.boolean_or("upload_by_vpn", policy.upload_by_vpn);
  policy.upload_above_battery =
      static_cast<int>(in.integer_or("upload_above_battery", policy.upload_above_battery, 0, 100));
  policy.least_memory = in.bytes_or("least_memory", policy.least_memory, {}, kMost);
  policy.least_disk = in.bytes_or("least_disk", policy.least_disk, {}, kMost);
  policy.monthly_upload = in.bytes_or("monthly_upload", policy.monthly_upload, {}, Bytes{std::uint64_t{1} << 60U});
  if (in.has("time_zone")) policy.rates.zone = in.parsed("time_zone", TimeZone::parse, 20).value_or(TimeZone());
  for (const auto& one : in.array_or_none("rate", kMostRateRules)) {
    UPSWARM_TRY(auto rule, read_rule(in.inside(one, "rate", policy.rates.rules.size())));
    policy.given.insert(rate_name(rule.traffic));
    policy.rates.rules.push_back(std::move(rule));
  }
  return {};
}

}  // namespace upswarm::agent
