#include "protocol/messages/installer_messages.hpp"

#include <array>

#include "protocol/base/hex.hpp"
#include "protocol/messages/report.hpp"

namespace upswarm::messages {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kMostOutcomes = 1000;
constexpr std::size_t kLongestReason = 128 * 1024;
constexpr std::array kDecisionNames{"current", "wanted", "held"};

Json counter_to_json(const trust::ReleaseCounter& counter) { return {{"epoch", counter.epoch}, {"n", counter.n}}; }

trust::ReleaseCounter read_counter(ObjectReader& in) {
  auto counter = in.inside(in.object("counter"), "counter");
  trust::ReleaseCounter value{counter.integer("epoch", 0, kMax), counter.integer("n", 0, kMax)};
  if (const auto end = counter.finish(); !end) in.fail("counter", end.error().message());
  return value;
}

/// Reads each item of the list `key` by `read`.
template <typename Item, typename Read>
Result<std::vector<Item>> read_list(const Json& value, const char* key, std::size_t most, Read read) {
  ObjectReader in(value, "the installer's answer");
  std::vector<Item> items;
  for (const auto& one : in.array(key, most)) {
    auto inside = in.inside(one, key, items.size());
    UPSWARM_TRY(auto item, read(inside));
    UPSWARM_CHECK(inside.finish_open());
    items.push_back(std::move(item));
  }
  UPSWARM_CHECK(in.finish_open());
  return items;
}

Result<ProductState> read_state(ObjectReader& in) {
  ProductState state;
  state.product = in.text("product", 64);
  state.channel = in.text("channel", 64);
  state.platform = in.text("platform", 64);
  if (in.has("version")) state.version = in.text("version", 128);
  if (in.has("content")) state.content = in.parsed("content", parse_sha256);
  if (in.has("before")) state.before = in.parsed("before", parse_sha256);
  state.counter = read_counter(in);
  state.prerelease = in.boolean_or("prerelease", false);
  state.busy = in.boolean("busy");
  for (const auto& one : in.array_or_none("quarantine", kMostQuarantined)) {
    auto inside = in.inside(one, "quarantine", state.quarantine.size());
    UPSWARM_TRY(auto quarantined, read_quarantined(inside));
    state.quarantine.push_back(std::move(quarantined));
  }
  state.damage = in.text_or("damage", "", kLongestReason);
  state.is_best_effort = in.boolean_or("best_effort", false);
  if (in.has("repair")) {
    UPSWARM_TRY(state.repair, trust::parse_entry(in.object("repair"), "repair"));
    if (trust::unknown_requirements(*state.repair)) state.repair.reset();  // a newer agent will do it
  }
  return state;
}

Result<ProductDecision> read_decision(ObjectReader& in) {
  ProductDecision decision;
  decision.product = in.text("product", 64);
  const auto kind = in.text("kind", 20);
  decision.reason = in.text("reason", kLongestReason);
  for (std::size_t i = 0; i < kDecisionNames.size(); ++i) {
    if (kind == kDecisionNames.at(i)) decision.kind = static_cast<ProductDecision::Kind>(i);
  }
  if (in.has("entry")) {
    UPSWARM_TRY(decision.entry, trust::parse_entry(in.object("entry"), "entry"));
  }
  if (decision.kind == ProductDecision::Kind::wanted && !decision.entry)
    in.fail("entry", "a wanted release needs its entry");
  // The installer is newer than this program: the rest of its answer stays of use.
  if (const auto names = decision.entry ? trust::unknown_requirements(*decision.entry) : std::nullopt) {
    decision.kind = ProductDecision::Kind::held;
    decision.reason = "held: " + decision.entry->version + ": needs a newer agent: " + *names;
    decision.entry.reset();
  }
  return decision;
}

Bytes read_bytes(ObjectReader& in, std::string_view key) {
  return Bytes{static_cast<std::uint64_t>(in.integer(key, 0, kMax))};
}

Result<ProductProgress> read_progress(ObjectReader& in) {
  ProductProgress progress;
  progress.product = in.text("product", 64);
  progress.version = in.text("version", 128);
  progress.phase = in.text("phase", 64);
  progress.done = read_bytes(in, "done");
  progress.total = read_bytes(in, "total");
  return progress;
}

Result<Outcome> read_outcome(ObjectReader& in) {
  Outcome outcome;
  outcome.number = in.integer("number", 0, kMax);
  outcome.product = in.text("product", 64);
  outcome.from = in.text("from", 128);
  outcome.to = in.text("to", 128);
  outcome.running = in.text("running", 128);
  outcome.kind = in.text("kind", 20);
  outcome.result = in.text("result", 20);
  outcome.reason = in.text("reason", kLongestReason);
  outcome.at = in.parsed("at", parse_time).value_or(Time{});
  outcome.milliseconds = in.integer("milliseconds", 0, kMax);
  if (in.has("files")) outcome.files = in.integer("files", 0, kMax);
  return outcome;
}

}  // namespace

Json to_json(const Hello& hello) {
  Json products = Json::array();
  for (const auto& state : hello.products) {
    Json one{{"product", state.product},
             {"channel", state.channel},
             {"platform", state.platform},
             {"counter", counter_to_json(state.counter)},
             {"busy", state.busy}};
    if (state.version) one["version"] = *state.version;
    if (state.content) one["content"] = state.content->hex();
    if (state.before) one["before"] = state.before->hex();
    if (state.prerelease) one["prerelease"] = true;
    if (!state.damage.empty()) one["damage"] = shortened(state.damage, kLongestReason);
    if (state.is_best_effort) one["best_effort"] = true;
    if (state.repair) one["repair"] = trust::to_json(*state.repair);
    for (const auto& quarantined : state.quarantine) one["quarantine"].push_back(to_json(quarantined));
    products.push_back(std::move(one));
  }
  return {{"root_version", hello.root_version}, {"machine_id", hello.machine_id}, {"products", std::move(products)}};
}

Json to_json(const Quarantined& one) {
  Json value{{"package", one.package.hex()},
             {"version", one.version},
             {"reason", one.reason},
             {"at", upswarm::to_string(one.at)}};
  if (one.base) value["base"] = one.base->hex();
  return value;
}

Json to_json(const Presence& presence) {
  Json present = Json::array();
  for (const auto& content : presence.present) present.push_back(content.hex());
  Json damaged = Json::array();
  for (const auto& one : presence.damaged) damaged.push_back({{"content", one.content.hex()}, {"why", one.why}});
  return {{"present", std::move(present)}, {"damaged", std::move(damaged)}};
}

Json to_json(const MissingParts& missing) {
  Json parts = Json::array();
  for (const auto& part : missing.parts)
    parts.push_back({{"offset", part.offset.count}, {"length", part.length.count}});
  Json value{{"parts", std::move(parts)}, {"needed", missing.needed.count}, {"from_disk", missing.from_disk.count}};
  for (const auto& [place, sha256] : missing.frames) {
    value["frames"].push_back(
        {{"offset", place.offset.count}, {"length", place.length.count}, {"sha256", sha256.hex()}});
  }
  return value;
}

Json to_json(const ProductDecision& decision) {
  Json value{{"product", decision.product},
             {"kind", kDecisionNames.at(static_cast<std::size_t>(decision.kind))},
             {"reason", decision.reason}};
  if (decision.entry) value["entry"] = trust::to_json(*decision.entry);
  return value;
}

Json to_json(const ProductProgress& progress) {
  return {{"product", progress.product},
          {"version", progress.version},
          {"phase", progress.phase},
          {"done", progress.done.count},
          {"total", progress.total.count}};
}

Json to_json(const Outcome& outcome) {
  Json value{{"number", outcome.number},    {"product", outcome.product},
             {"from", outcome.from},        {"to", outcome.to},
             {"running", outcome.running},  {"kind", outcome.kind},
             {"result", outcome.result},    {"reason", outcome.reason},
             {"at", to_string(outcome.at)}, {"milliseconds", outcome.milliseconds}};
  if (outcome.files) value["files"] = *outcome.files;
  return value;
}

Result<Hello> parse_hello(const Json& value) {
  ObjectReader in(value, "hello");
  Hello hello;
  hello.root_version = in.integer("root_version", 0, kMax);
  hello.machine_id = in.text("machine_id", 128);
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(hello.products, read_list<ProductState>(value, "products", kMostProducts, read_state));
  return hello;
}

Result<Quarantined> read_quarantined(ObjectReader& in) {
  Quarantined one;
  one.package = in.parsed("package", parse_sha256).value_or(Sha256{});
  if (in.has("base")) one.base = in.parsed("base", parse_sha256);
  one.version = in.text("version", 128);
  one.reason = in.text("reason", kLongestReason);
  one.at = in.parsed("at", parse_time).value_or(Time{});
  UPSWARM_CHECK(in.finish_open());
  return one;
}

Result<Presence> parse_presence(const Json& value) {
  ObjectReader in(value, "present");
  Presence presence;
  for (const auto& text : in.texts_or_none("present", kMostPresent)) {
    UPSWARM_TRY(const auto content, parse_sha256(text));
    presence.present.push_back(content);
  }
  for (const auto& one : in.array_or_none("damaged", kMostPresent)) {
    auto inside = in.inside(one, "damaged", presence.damaged.size());
    Presence::Damaged damaged;
    damaged.content = inside.parsed("content", parse_sha256).value_or(Sha256{});
    damaged.why = inside.text("why", kLongestReason);
    UPSWARM_CHECK(inside.finish_open());
    presence.damaged.push_back(std::move(damaged));
  }
  UPSWARM_CHECK(in.finish_open());
  return presence;
}

Result<MissingParts> parse_missing(const Json& value) {
  ObjectReader in(value, "missing");
  MissingParts missing;
  Bytes before;
  const auto read_place = [&](ObjectReader& inside) {
    const FilePart part{read_bytes(inside, "offset"), read_bytes(inside, "length")};
    if (part.length.count == 0 || part.offset < before) inside.fail("offset", "parts must rise, and none be empty");
    before = part.offset + part.length;
    return part;
  };
  for (const auto& one : in.array("parts", kMostMissingParts)) {
    auto inside = in.inside(one, "parts", missing.parts.size());
    missing.parts.push_back(read_place(inside));
    UPSWARM_CHECK(inside.finish_open());
  }
  before = {};
  for (const auto& one : in.array_or_none("frames", kMostMissingFrames)) {
    auto inside = in.inside(one, "frames", missing.frames.size());
    const auto place = read_place(inside);
    missing.frames.push_back({place, inside.parsed("sha256", parse_sha256).value_or(Sha256{})});
    UPSWARM_CHECK(inside.finish_open());
  }
  missing.needed = read_bytes(in, "needed");
  missing.from_disk = read_bytes(in, "from_disk");
  UPSWARM_CHECK(in.finish_open());
  return missing;
}

Result<std::vector<ProductDecision>> parse_decisions(const Json& value) {
  return read_list<ProductDecision>(value, "decisions", kMostProducts, read_decision);
}

Result<std::vector<ProductProgress>> parse_progress(const Json& value) {
  return read_list<ProductProgress>(value, "products", kMostProducts, read_progress);
}

Result<std::vector<Outcome>> parse_outcomes(const Json& value) {
  return read_list<Outcome>(value, "outcomes", kMostOutcomes, read_outcome);
}

Result<std::map<std::string, std::string>> parse_offer(const Json& question) {
  ObjectReader in(question, "offer_metadata");
  const auto& files = in.object("files");
  UPSWARM_CHECK(in.finish_open());
  if (files.size() > kMostOfferedFiles) {
    return Error{ErrorKind::corrupt, "offer_metadata", "more than " + std::to_string(kMostOfferedFiles) + " files"};
  }
  std::map<std::string, std::string> offer;
  for (const auto& [name, content] : files.items()) {
    if (!content.is_string()) return Error{ErrorKind::corrupt, "offer_metadata: " + name, "base64 text is wanted"};
    UPSWARM_TRY(const auto bytes, from_base64(content.get_ref<const std::string&>()));
    offer[name] = std::string(as_text(bytes));
  }
  return offer;
}

Json make_offer(const std::map<std::string, std::string>& files) {
  Json encoded = Json::object();
  for (const auto& [name, content] : files) encoded[name] = to_base64(as_bytes(content));
  return {{"ask", "offer_metadata"}, {"files", std::move(encoded)}};
}

}  // namespace upswarm::messages
