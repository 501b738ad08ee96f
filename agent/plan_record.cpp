#include "agent/plan_record.hpp"

namespace upswarm::agent {
namespace {

std::string key_of(const std::string& product) { return "plan:" + product; }

}  // namespace

messages::PlanStatus describe(const Plan& plan, const PlanFacts& facts, Time now) {
  messages::PlanStatus status{.from = facts.installed_version,
                              .to = facts.wanted.version,
                              .link = std::string(name_of(facts.link)),
                              .reason = plan.reason,
                              .at = now,
                              .ways = {}};
  for (const auto& way : plan.ways) {
    messages::WayStatus one{.kind = std::string(to_string(way.kind)),
                            .what = words_of(way),
                            .is_chosen = &way == plan.chosen(),
                            .is_usable = way.why_not.empty(),
                            .verdict = way.verdict,
                            .disk = way.bytes.disk,
                            .site = way.bytes.site,
                            .origin = way.bytes.origin,
                            .cost = way.cost,
                            .packages = {}};
    for (const auto& step : way.steps) one.packages.push_back(step.file.path);
    status.ways.push_back(std::move(one));
  }
  return status;
}

Result<void> keep_plan(StateStore& store, const std::string& product, const messages::PlanStatus& plan) {
  return store.set(key_of(product), to_text(messages::to_json(plan)));
}

Result<std::optional<messages::PlanStatus>> load_plan(StateStore& store, const std::string& product) {
  UPSWARM_TRY(const auto text, store.setting(key_of(product)));
  if (text.empty()) return std::optional<messages::PlanStatus>();
  const auto json = parse_json(text, "the last plan");
  auto plan = json ? messages::parse_plan(*json) : Result<messages::PlanStatus>(json.error());
  return plan ? std::optional(std::move(*plan)) : std::nullopt;
}

}  // namespace upswarm::agent
