#include "protocol/messages/agent_messages.hpp"

namespace upswarm::messages {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kLongestSentence = 128 * 1024;

Bytes read_count(ObjectReader& in, std::string_view key) {
  return Bytes{static_cast<std::uint64_t>(in.integer(key, 0, kMax))};
}

std::optional<Time> read_time(ObjectReader& in, std::string_view key) {
  return in.has(key) ? in.parsed(key, parse_time) : std::nullopt;
}

void put(Json& value, const char* key, const std::optional<Time>& time) {
  if (time) value[key] = to_string(*time);
}

Result<ProductStatus> read_product(ObjectReader& in) {
  ProductStatus status;
  status.product = in.text("product", 64);
  status.channel = in.text("channel", 64);
  status.platform = in.text("platform", 64);
  status.installed = in.text("installed", 128);
  status.wanted = in.text("wanted", 128);
  status.phase = in.text("phase", 64);
  status.detail = in.text("detail", kLongestSentence);
  status.done = read_count(in, "done");
  status.total = read_count(in, "total");
  const auto& bytes = in.object("bytes");
  status.bytes_per_second = read_count(in, "bytes_per_second").count;
  status.peers = static_cast<int>(in.integer("peers", 0, 1'000'000));
  if (in.has("time_left_ms")) status.time_left = std::chrono::milliseconds(in.integer("time_left_ms", 0, kMax));
  status.deferred_until = read_time(in, "deferred_until");
  status.skipped = in.text("skipped", 128);
  for (const auto& one : in.array_or_none("quarantine", kMostQuarantined)) {
    auto inside = in.inside(one, "quarantine", status.quarantine.size());
    UPSWARM_TRY(auto quarantined, read_quarantined(inside));
    status.quarantine.push_back(std::move(quarantined));
  }
  status.damage = in.text_or("damage", "", kLongestSentence);
  status.is_best_effort = in.boolean_or("best_effort", false);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(status.bytes, parse_source_bytes(bytes));
  return status;
}

Result<TroubleStatus> read_trouble(ObjectReader in) {
  TroubleStatus trouble;
  trouble.kind = in.text("kind", 40);
  trouble.what = in.text("what", 2 * kLongestSentence);
  trouble.advice = in.text("advice", kLongestSentence);
  trouble.at = in.parsed("at", parse_time).value_or(Time{});
  UPSWARM_CHECK(in.finish_open());
  return trouble;
}

Result<HistoryItem> read_item(ObjectReader& in, const Json& value) {
  HistoryItem item;
  item.reported = in.boolean("reported");
  const auto& bytes = in.object("bytes");
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(item.bytes, parse_source_bytes(bytes));
  auto rest = value;
  rest.erase("reported");
  rest.erase("bytes");
  UPSWARM_TRY(auto outcomes, parse_outcomes(Json{{"outcomes", Json::array({std::move(rest)})}}));
  item.outcome = std::move(outcomes.front());
  return item;
}

}  // namespace

Json to_json(const ProductStatus& status) {
  Json value{{"product", status.product},
             {"channel", status.channel},
             {"platform", status.platform},
             {"installed", status.installed},
             {"wanted", status.wanted},
             {"phase", status.phase},
             {"detail", status.detail},
             {"done", status.done.count},
             {"total", status.total.count},
             {"bytes", to_json(status.bytes)},
             {"bytes_per_second", status.bytes_per_second},
             {"peers", status.peers},
             {"skipped", status.skipped}};
  if (status.time_left) value["time_left_ms"] = status.time_left->count();
  put(value, "deferred_until", status.deferred_until);
  for (const auto& one : status.quarantine) value["quarantine"].push_back(to_json(one));
  if (!status.damage.empty()) value["damage"] = status.damage;
  if (status.is_best_effort) value["best_effort"] = true;
  return value;
}

Json to_json(const AgentStatus& status) {
  Json products = Json::array();
  for (const auto& product : status.products) products.push_back(to_json(product));
  Json value{{"program_version", status.program_version},
             {"machine_id", status.machine_id},
             {"seeder_url", status.seeder_url},
             {"state", status.state},
             {"cycles_ended", status.cycles_ended},
             {"last_result", status.last_result},
             {"expires_role", status.expires_role},
             {"seeding", status.seeding},
             {"uploaded", status.uploaded.count},
             {"reports_waiting", status.reports_waiting},
             {"machine_key", status.machine_key},
             {"enrolled", status.enrolled},
             {"enrolment", status.enrolment},
             {"products", std::move(products)}};
  put(value, "last_poll", status.last_poll);
  put(value, "next_poll", status.next_poll);
  put(value, "metadata_expires", status.metadata_expires);
  if (const auto& trouble = status.last_error) {
    value["last_error"] = {
        {"kind", trouble->kind}, {"what", trouble->what}, {"advice", trouble->advice}, {"at", to_string(trouble->at)}};
  }
  return value;
}

Json to_json(const HistoryItem& item) {
  auto value = to_json(item.outcome);
  value["bytes"] = to_json(item.bytes);
  value["reported"] = item.reported;
  return value;
}

Json history_to_json(const std::vector<HistoryItem>& items) {
  Json list = Json::array();
  for (const auto& item : items) list.push_back(to_json(item));
  return {{"history", std::move(list)}};
}

Result<AgentStatus> parse_agent_status(const Json& value) {
  ObjectReader in(value, "status");
  AgentStatus status;
  status.program_version = in.text("program_version", 64);
  status.machine_id = in.text("machine_id", 128);
  status.seeder_url = in.text("seeder_url");
  status.state = in.text("state", 40);
  status.cycles_ended = in.integer("cycles_ended", 0, kMax);
  status.last_result = in.text("last_result", 40);
  status.last_poll = read_time(in, "last_poll");
  status.next_poll = read_time(in, "next_poll");
  status.metadata_expires = read_time(in, "metadata_expires");
  status.expires_role = in.text("expires_role", 128);
  status.seeding = in.integer("seeding", 0, kMax);
  status.uploaded = read_count(in, "uploaded");
  status.reports_waiting = in.integer("reports_waiting", 0, kMax);
  status.machine_key = in.text("machine_key", 64);
  status.enrolled = in.boolean("enrolled");
  status.enrolment = in.text("enrolment");
  if (in.has("last_error")) {
    UPSWARM_TRY(status.last_error, read_trouble(in.inside(in.object("last_error"), "last_error")));
  }
  for (const auto& one : in.array("products", kMostProducts)) {
    auto inside = in.inside(one, "products", status.products.size());
    UPSWARM_TRY(auto product, read_product(inside));
    status.products.push_back(std::move(product));
  }
  UPSWARM_CHECK(in.finish_open());
  return status;
}

Result<std::vector<HistoryItem>> parse_history(const Json& value) {
  ObjectReader in(value, "history");
  std::vector<HistoryItem> items;
  for (const auto& one : in.array("history", static_cast<std::size_t>(kMostHistory))) {
    auto inside = in.inside(one, "history", items.size());
    UPSWARM_TRY(auto item, read_item(inside, one));
    items.push_back(std::move(item));
  }
  UPSWARM_CHECK(in.finish_open());
  return items;
}

}  // namespace upswarm::messages
