#include "protocol/trust/release_index.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <set>

namespace upswarm::trust {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kLongestPath = 512;
constexpr std::size_t kLongestPathPart = 200;
constexpr std::size_t kMostPathParts = 8;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kLongestServiceName = 256;
constexpr std::size_t kLongestSalt = 128;
constexpr std::size_t kLongestUrlPath = 1024;
constexpr std::int64_t kHighestPort = 65535;
constexpr std::int64_t kMostDays = 3650;

/// All that an entry may require of this program.
constexpr std::string_view kConfirmExecutable = "confirm-executable";
constexpr std::string_view kHealthHttp = "health-http";
constexpr std::string_view kHealthStable = "health-stable";
constexpr std::string_view kLayoutForeign = "layout-foreign";
constexpr std::string_view kLayoutInPlace = "layout-in-place";
constexpr std::array kKnownRequirements{kConfirmExecutable, kHealthHttp, kHealthStable, kLayoutForeign, kLayoutInPlace};
constexpr std::array<std::string_view, 3> kKnownLayouts{kVersionedLayout, kInPlaceLayout, kForeignLayout};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

bool is_path_part(std::string_view part) {
  return !part.empty() && part.size() <= kLongestPathPart && part.front() != '.' &&
         std::ranges::all_of(part, [](char c) {
           return is_digit(c) || is_lower(c) || is_upper(c) ||
                  std::string_view("._+~-").find(c) != std::string_view::npos;
         });
}

bool is_package_path(std::string_view path) {
  if (!path.starts_with("pkg/") && !path.starts_with("pre/")) return false;
  for (std::size_t parts = 1;; ++parts) {
    const auto slash = path.find('/');
    if (parts > kMostPathParts || !is_path_part(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_info_hash(std::string_view text) {
  return text.size() == 40 && std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

/// No service manager may take it for an option or a path.
bool is_service_name(std::string_view name) {
  return !name.empty() && name.front() != '-' && is_plain_text(name) && name.find('/') == std::string_view::npos;
}

std::string read_version(ObjectReader& in, std::string_view key) {
  const auto version = in.parsed(key, Version::parse, kLongestPathPart);
  return version ? version->text() : "";
}

ReleaseCounter read_counter(ObjectReader& in, std::string_view key, std::int64_t least) {
  auto inner = in.inside(in.object(key), key);
  const ReleaseCounter counter{inner.integer("epoch", 1, kMax), inner.integer("n", least, kMax)};
  if (const auto done = inner.finish(); !done) in.fail(key, done.error().message());
  return counter;
}

Bytes read_length(ObjectReader& in, std::string_view key) {
  return Bytes{static_cast<std::uint64_t>(in.integer(key, 1, kMax))};
}

PackageFile read_package_file(ObjectReader& in) {
  PackageFile file;
  file.path = in.text("path", kLongestPath);
  if (!is_package_path(file.path)) in.fail("path", "a plain path under pkg/ or pre/ is wanted");
  file.length = read_length(in, "length");
  file.sha256 = in.parsed("sha256", parse_sha256).value_or(Sha256{});
  file.info_hash = in.text("info_hash");
  if (!is_info_hash(file.info_hash)) in.fail("info_hash", "40 lower-case hexadecimal digits are wanted");
  file.piece_length = read_length(in, "piece_length");
  if (!std::has_single_bit(file.piece_length.count) || file.piece_length < kSmallestPiece ||
      file.piece_length > kLargestPiece) {
    in.fail("piece_length", "a power of two from 16 KiB to 16 MiB is wanted");
  }
  return file;
}

Result<DeltaFile> read_delta(ObjectReader in) {
  DeltaFile delta;
  delta.from_version = read_version(in, "from_version");
  delta.from_content = in.parsed("from_content", parse_sha256).value_or(Sha256{});
  delta.file = read_package_file(in);
  UPSWARM_CHECK(in.finish());
  return delta;
}

Result<std::vector<DeltaFile>> read_deltas(ObjectReader& in) {
  std::vector<DeltaFile> deltas;
  std::set<Sha256> bases;
  for (const auto& value : in.array_or_none("deltas", kMostDeltas)) {
    UPSWARM_TRY(auto delta, read_delta(in.inside(value, "deltas", deltas.size())));
    if (!bases.insert(delta.from_content).second) in.fail("deltas", "two of them start from the same content");
    deltas.push_back(std::move(delta));
  }
  return deltas;
}

Result<Hooks> read_hooks(ObjectReader in) {
  Hooks hooks;
  const auto read = [&](const char* key, std::optional<Command>& hook) -> Result<void> {
    if (!in.has(key)) return {};
    UPSWARM_TRY(hook, read_command(in.inside(in.object(key), key)));
    return {};
  };
  UPSWARM_CHECK(read("before", hooks.before));
  UPSWARM_CHECK(read("after", hooks.after));
  UPSWARM_CHECK(read("rollback", hooks.rollback));
  UPSWARM_CHECK(in.finish());
  return hooks;
}

void read_http(ObjectReader& in, HealthCheck& health) {
  health.kind = HealthCheck::Kind::http;
  health.port = in.integer("port", 1, kHighestPort);
  health.path = in.text_or("path", "/", kLongestUrlPath);
  if (!health.path.starts_with('/') || !std::ranges::all_of(health.path, [](char c) { return c > ' ' && c < 0x7f; }))
    in.fail("path", "a slash and printable ASCII without spaces are wanted");
  health.status = in.integer_or("status", 200, 100, 599);
  health.account = read_account(in, "account");
  if (health.account.empty()) in.fail("account", "it must be said who listens");
}

Result<HealthCheck> read_health(ObjectReader in) {
  HealthCheck health;
  const auto kind = in.text("kind", kLongestName);
  if (in.has("stable")) health.stable = in.duration_or("stable", health.stable, kShortestTime, kLongestCommand);
  UPSWARM_CHECK(in.finish_open());
  if (kind == "none") {
    UPSWARM_CHECK(in.finish());
    return health;
  }
  if (kind == "command") {
    health.kind = HealthCheck::Kind::command;
    const auto& command = in.object("command");
    UPSWARM_CHECK(in.finish_open());
    UPSWARM_TRY(health.command, read_command(in.inside(command, "command")));
  } else if (kind == "confirm") {
    health.kind = HealthCheck::Kind::confirm;
    health.account = read_account(in, "account");
    if (health.account.empty()) in.fail("account", "it must be said who confirms");
    health.executable = in.boolean_or("executable", false);
  } else if (kind == "http") {
    read_http(in, health);
  } else {
    in.fail("kind", "none, command, confirm or http is wanted");
  }
  health.within = in.duration_or("within", health.within, kShortestTime, kLongestCommand);
  health.every = in.duration_or("every", health.every, kShortestTime, kLongestCommand);
  UPSWARM_CHECK(in.finish());
  return health;
}

/// Reads the document's own head; a format of the future is named before anything else can be wrong with it.
void read_head(ObjectReader& in, std::string_view type) {
  if (in.text("_type") != type) in.fail("_type", "\"" + std::string(type) + "\" is wanted here");
  const auto format = in.integer("format", 1, kMax);
  if (format != kFormat)
    in.fail("format", "format " + std::to_string(format) + " is not known to this program; it is newer");
}

std::string read_name(ObjectReader& in, std::string_view key) { return in.parsed(key, parse_name).value_or(""); }

Result<RolloutItem> read_item(ObjectReader in) {
  RolloutItem item;
  item.counter = read_counter(in, "counter", 1);
  item.entry = in.parsed("entry", parse_sha256).value_or(Sha256{});
  item.permille = in.integer("permille", 0, 1000);
  item.paused = in.boolean_or("paused", false);
  item.reason = in.text_or("reason", "", kLongestReason);
  item.rings = read_rings(in);
  UPSWARM_CHECK(in.finish());
  return item;
}

std::vector<std::string> read_requirements(ObjectReader& in) {
  if (!in.has("requires")) return {};
  auto names = in.texts_or_none("requires", kMostRequirements, kLongestName);
  // One form for "nothing": without the key.
  if (in.good() && names.empty()) in.fail("requires", "at least one is wanted, or none of this key");
  if (!std::ranges::all_of(names, [](const auto& name) { return static_cast<bool>(parse_name(name)); }))
    in.fail("requires", "names are wanted: a-z 0-9 . _ -");
  if (std::ranges::adjacent_find(names, std::ranges::greater_equal{}) != names.end())
    in.fail("requires", "the names do not rise");
  return names;
}

/// `index` has its entries already.
Result<Withdrawal> read_withdrawal(ObjectReader in, const Index& index) {
  Withdrawal withdrawal;
  withdrawal.counter = read_counter(in, "counter", 1);
  if (in.good() && index.find(withdrawal.counter) == nullptr) in.fail("counter", "it is that of no entry");
  if (in.has("go_back_to")) {
    withdrawal.go_back_to = read_counter(in, "go_back_to", 1);
    if (in.good() && index.find(*withdrawal.go_back_to) == nullptr) in.fail("go_back_to", "it is that of no entry");
    if (*withdrawal.go_back_to >= withdrawal.counter) in.fail("go_back_to", "it is not below the one withdrawn");
  }
  withdrawal.reason = in.text_or("reason", "", kLongestReason);
  UPSWARM_CHECK(in.finish());
  return withdrawal;
}

Result<void> read_withdrawn(ObjectReader& in, Index& index) {
  if (!in.has("withdrawn")) return {};
  for (const auto& value : in.array("withdrawn", kMostEntries)) {
    UPSWARM_TRY(auto withdrawal, read_withdrawal(in.inside(value, "withdrawn", index.withdrawn.size()), index));
    if (!index.withdrawn.empty() && withdrawal.counter <= index.withdrawn.back().counter)
      in.fail("withdrawn", "the counters do not rise");
    index.withdrawn.push_back(std::move(withdrawal));
  }
  // One form for "none": without the key.
  if (in.good() && index.withdrawn.empty()) in.fail("withdrawn", "at least one is wanted, or none of this key");
  for (const auto& withdrawal : index.withdrawn) {
    if (withdrawal.go_back_to && index.withdrawal_of(*withdrawal.go_back_to) != nullptr)
      in.fail("withdrawn", "one goes back to " + withdrawal.go_back_to->text() + ", which is withdrawn, too");
  }
  return {};
}

Result<void> read_layout(ObjectReader& in, Entry& entry) {
  entry.layout = in.text_or("layout", kVersionedLayout, kLongestName);
  if (std::ranges::find(kKnownLayouts, entry.layout) == kKnownLayouts.end())
    in.fail("layout", "the layout \"" + entry.layout + "\" is not known to this program");
  const bool is_foreign = entry.layout == kForeignLayout;
  if (!is_foreign && in.has("foreign")) in.fail("foreign", "it goes with the layout \"foreign\" alone");
  if (!is_foreign) return in.finish_open();
  const auto& foreign = in.object("foreign");
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(entry.foreign, read_foreign(in.inside(foreign, "foreign")));
  return {};
}

}  // namespace

const Entry* Index::find(const ReleaseCounter& counter) const {
  const auto found = std::ranges::lower_bound(entries, counter, {}, &Entry::counter);
  return found == entries.end() || found->counter != counter ? nullptr : &*found;
}

const Withdrawal* Index::withdrawal_of(const ReleaseCounter& counter) const {
  const auto found = std::ranges::lower_bound(withdrawn, counter, {}, &Withdrawal::counter);
  return found == withdrawn.end() || found->counter != counter ? nullptr : &*found;
}

std::string ReleaseCounter::text() const { return std::to_string(epoch) + "." + std::to_string(n); }

std::vector<std::string> requirements_of(const Entry& entry) {
  std::vector<std::string> names;
  if (entry.health.executable) names.emplace_back(kConfirmExecutable);
  if (entry.health.kind == HealthCheck::Kind::http) names.emplace_back(kHealthHttp);
  if (entry.health.stable.count() > 0) names.emplace_back(kHealthStable);
  if (entry.layout == kForeignLayout) names.emplace_back(kLayoutForeign);
  if (entry.layout == kInPlaceLayout) names.emplace_back(kLayoutInPlace);
  return names;
}

std::optional<std::string> unknown_requirements(const Entry& entry) {
  std::string names;
  for (const auto& name : entry.not_known) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? std::nullopt : std::optional(names);
}

Result<void> read_recipe(ObjectReader& in, Entry& entry) {
  UPSWARM_CHECK(read_layout(in, entry));
  if (in.has("hooks")) {
    const auto& hooks = in.object("hooks");
    UPSWARM_CHECK(in.finish_open());
    UPSWARM_TRY(entry.hooks, read_hooks(in.inside(hooks, "hooks")));
  }
  if (in.has("health")) {
    const auto& health = in.object("health");
    UPSWARM_CHECK(in.finish_open());
    UPSWARM_TRY(entry.health, read_health(in.inside(health, "health")));
  }
  entry.services = in.texts_or_none("services", kMostServices, kLongestServiceName);
  if (!std::ranges::all_of(entry.services, is_service_name))
    in.fail("services", "a name is empty, or no name of a service");
  if (entry.health.stable.count() > 0 && entry.services.empty())
    in.fail("health", "\"stable\" is of services; none is named");
  const std::set<std::string> different(entry.services.begin(), entry.services.end());
  if (different.size() != entry.services.size()) in.fail("services", "a service stands there twice");
  entry.urgent = in.boolean_or("urgent", false);
  entry.changelog = in.text_or("changelog", "", kLongestChangelog);
  entry.minimum_version = in.text_or("minimum_version", "", kLongestPathPart);
  if (!entry.minimum_version.empty()) entry.minimum_version = read_version(in, "minimum_version");
  if (in.has("not_before")) entry.not_before = in.parsed("not_before", parse_time);
  entry.max_hold_days = in.integer_or("max_hold_days", entry.max_hold_days, 0, kMostDays);
  entry.max_defer_days = in.integer_or("max_defer_days", entry.max_defer_days, 0, kMostDays);
  entry.chain_across_majors = in.boolean_or("chain_across_majors", false);
  return in.finish_open();
}

Result<Entry> parse_entry(const Json& value, const std::string& where) {
  ObjectReader in(value, where);
  Entry entry;
  entry.counter = read_counter(in, "counter", 1);
  entry.version = read_version(in, "version");
  entry.content = in.parsed("content", parse_sha256).value_or(Sha256{});
  entry.requirements = read_requirements(in);
  UPSWARM_CHECK(in.finish_open());
  for (const auto& name : entry.requirements) {
    if (std::ranges::find(kKnownRequirements, name) == kKnownRequirements.end()) entry.not_known.push_back(name);
  }
  if (!entry.not_known.empty()) {
    entry.unread = value;
    return entry;
  }
  auto full = in.inside(in.object("full"), "full");
  UPSWARM_CHECK(in.finish_open());
  entry.full = read_package_file(full);
  UPSWARM_CHECK(full.finish());
  entry.index_length = read_length(in, "index_length");
  if (entry.index_length > entry.full.length) in.fail("index_length", "longer than the package that holds it");
  entry.index_digest = in.parsed("index_digest", parse_sha256).value_or(Sha256{});
  UPSWARM_TRY(entry.deltas, read_deltas(in));
  entry.salt = in.text("salt", kLongestSalt);
  UPSWARM_CHECK(read_recipe(in, entry));
  for (const auto& name : requirements_of(entry)) {
    if (std::ranges::find(entry.requirements, name) == entry.requirements.end())
      in.fail("requires", "the entry uses \"" + name + "\" and does not say so");
  }
  UPSWARM_CHECK(in.finish());
  return entry;
}

Result<Index> parse_index(std::string_view bytes, const std::string& what) {
  UPSWARM_TRY(const auto json, parse_json(bytes, what, {.longest = kLongestIndex, .deepest = 16}));
  ObjectReader in(json, what);
  read_head(in, "upswarm-index");
  Index index;
  index.product = read_name(in, "product");
  index.channel = read_name(in, "channel");
  index.platform = read_name(in, "platform");
  index.floor = read_counter(in, "floor", 0);
  std::set<std::string> versions;
  for (const auto& value : in.array("entries", kMostEntries)) {
    UPSWARM_TRY(auto entry, parse_entry(value, what + ".entries[" + std::to_string(index.entries.size()) + "]"));
    if (!index.entries.empty() && entry.counter <= index.entries.back().counter)
      in.fail("entries", "the counters do not rise");
    if (!versions.insert(entry.version).second)
      in.fail("entries", "the version " + entry.version + " stands there twice");
    index.entries.push_back(std::move(entry));
  }
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_CHECK(read_withdrawn(in, index));
  UPSWARM_CHECK(in.finish());
  return index;
}

Result<Rollout> parse_rollout(std::string_view bytes, const std::string& what) {
  UPSWARM_TRY(const auto json, parse_json(bytes, what, {.longest = kLongestRollout, .deepest = 8}));
  ObjectReader in(json, what);
  read_head(in, "upswarm-rollout");
  Rollout rollout;
  rollout.product = read_name(in, "product");
  rollout.channel = read_name(in, "channel");
  rollout.platform = read_name(in, "platform");
  std::set<std::pair<ReleaseCounter, Sha256>> releases;
  for (const auto& value : in.array("items", kMostEntries)) {
    UPSWARM_TRY(auto item, read_item(in.inside(value, "items", rollout.items.size())));
    if (!releases.emplace(item.counter, item.entry).second) in.fail("items", "two of them are for the same release");
    rollout.items.push_back(std::move(item));
  }
  UPSWARM_CHECK(in.finish());
  return rollout;
}

std::vector<std::string> read_rings(ObjectReader& in) {
  if (!in.has("rings")) return {};
  auto rings = in.texts_or_none("rings", kMostRings, kLongestName);
  // One form for "all machines": without the key.
  if (in.good() && rings.empty()) in.fail("rings", "at least one is wanted, or none of this key");
  if (!std::ranges::all_of(rings, [](const auto& ring) { return static_cast<bool>(parse_name(ring)); }))
    in.fail("rings", "a name of a ring is wanted: a-z 0-9 . _ -");
  const std::set<std::string> different(rings.begin(), rings.end());
  if (different.size() != rings.size()) in.fail("rings", "a ring stands there twice");
  return rings;
}

Result<std::string> parse_name(std::string_view text) {
  const auto is_start = [](char c) { return is_lower(c) || is_digit(c); };
  if (!text.empty() && text.size() <= kLongestName && is_start(text.front()) &&
      std::ranges::all_of(text, [&](char c) { return is_start(c) || c == '.' || c == '_' || c == '-'; })) {
    return std::string(text);
  }
  return Error{ErrorKind::invalid, "name \"" + std::string(text.substr(0, kLongestName)) + "\"",
               "1 to 64 of a-z 0-9 . _ - are wanted, a letter or digit first"};
}

}  // namespace upswarm::trust
