#include "protocol/messages/plan_messages.hpp"

namespace upswarm::messages {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kLongestSentence = 128 * 1024;

Bytes read_count(ObjectReader& in, std::string_view key) {
  return Bytes{static_cast<std::uint64_t>(in.integer(key, 0, kMax))};
}

Json to_json(const WayStatus& way) {
  return {{"kind", way.kind},       {"what", way.what},        {"chosen", way.is_chosen}, {"usable", way.is_usable},
          {"verdict", way.verdict}, {"disk", way.disk.count},  {"site", way.site.count},  {"origin", way.origin.count},
          {"cost", way.cost},       {"packages", way.packages}};
}

Result<WayStatus> read_way(ObjectReader in) {
  WayStatus way;
  way.kind = in.text("kind", 20);
  way.what = in.text("what");
  way.is_chosen = in.boolean("chosen");
  way.is_usable = in.boolean("usable");
  way.verdict = in.text("verdict", kLongestSentence);
  way.disk = read_count(in, "disk");
  way.site = read_count(in, "site");
  way.origin = read_count(in, "origin");
  way.cost = in.integer("cost", 0, kMax);
  way.packages = in.texts_or_none("packages", kLongestChain);
  UPSWARM_CHECK(in.finish_open());
  return way;
}

Result<WhyStatus> read_why(ObjectReader in) {
  WhyStatus why;
  why.product = in.text("product", 64);
  why.phase = in.text("phase", 64);
  why.wanted = in.text("wanted", 128);
  why.detail = in.text("detail", kLongestSentence);
  if (in.has("plan")) {
    UPSWARM_TRY(why.plan, parse_plan(in.object("plan")));
  }
  UPSWARM_CHECK(in.finish_open());
  return why;
}

Result<GateStatus> read_gate(ObjectReader in) {
  GateStatus gate;
  gate.name = in.text("name", 64);
  gate.value = in.text("value", 128);
  gate.set_by = in.text("set_by", 64);
  gate.is_open = in.boolean("open");
  gate.says = in.text("says");
  UPSWARM_CHECK(in.finish_open());
  return gate;
}

Result<SourceStatus> read_source(ObjectReader in) {
  SourceStatus source;
  source.name = in.text("name", 128);
  source.is_used = in.boolean("used");
  source.says = in.text("says");
  UPSWARM_CHECK(in.finish_open());
  return source;
}

}  // namespace

Json to_json(const PlanStatus& plan) {
  Json ways = Json::array();
  for (const auto& way : plan.ways) ways.push_back(to_json(way));
  return {{"from", plan.from},        {"to", plan.to},          {"link", plan.link}, {"reason", plan.reason},
          {"at", to_string(plan.at)}, {"ways", std::move(ways)}};
}

Json to_json(const WhyAnswer& answer) {
  Json products = Json::array();
  for (const auto& one : answer.products) {
    Json value{{"product", one.product}, {"phase", one.phase}, {"wanted", one.wanted}, {"detail", one.detail}};
    if (one.plan) value["plan"] = to_json(*one.plan);
    products.push_back(std::move(value));
  }
  Json gates = Json::array();
  for (const auto& one : answer.gates) {
    gates.push_back(
        {{"name", one.name}, {"value", one.value}, {"set_by", one.set_by}, {"open", one.is_open}, {"says", one.says}});
  }
  Json sources = Json::array();
  for (const auto& one : answer.sources)
    sources.push_back({{"name", one.name}, {"used", one.is_used}, {"says", one.says}});
  return {{"products", std::move(products)},
          {"may_upload", answer.may_upload},
          {"may_lead", answer.may_lead},
          {"gates", std::move(gates)},
          {"sources", std::move(sources)}};
}

Result<PlanStatus> parse_plan(const Json& value) {
  ObjectReader in(value, "plan");
  PlanStatus plan;
  plan.from = in.text("from", 128);
  plan.to = in.text("to", 128);
  plan.link = in.text("link", 20);
  plan.reason = in.text("reason", kLongestSentence);
  plan.at = in.parsed("at", parse_time).value_or(Time{});
  for (const auto& one : in.array("ways", kMostWays)) {
    UPSWARM_TRY(auto way, read_way(in.inside(one, "ways", plan.ways.size())));
    plan.ways.push_back(std::move(way));
  }
  UPSWARM_CHECK(in.finish_open());
  return plan;
}

Result<WhyAnswer> parse_why(const Json& value) {
  ObjectReader in(value, "why");
  WhyAnswer answer;
  for (const auto& one : in.array("products", kMostProducts)) {
    UPSWARM_TRY(auto why, read_why(in.inside(one, "products", answer.products.size())));
    answer.products.push_back(std::move(why));
  }
  answer.may_upload = in.boolean("may_upload");
  answer.may_lead = in.boolean("may_lead");
  for (const auto& one : in.array("gates", kMostGates)) {
    UPSWARM_TRY(auto gate, read_gate(in.inside(one, "gates", answer.gates.size())));
    answer.gates.push_back(std::move(gate));
  }
  for (const auto& one : in.array("sources", kMostSources)) {
    UPSWARM_TRY(auto source, read_source(in.inside(one, "sources", answer.sources.size())));
    answer.sources.push_back(std::move(source));
  }
  UPSWARM_CHECK(in.finish_open());
  return answer;
}

}  // namespace upswarm::messages
