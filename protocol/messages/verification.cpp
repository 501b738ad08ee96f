#include "protocol/messages/verification.hpp"

#include <algorithm>
#include <array>

namespace upswarm::messages {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kLongestPath = 64 * 1024;  // also of what does not belong there
constexpr std::size_t kLongestWords = 128 * 1024;
constexpr std::array<std::string_view, 4> kKinds{"altered", "missing", "extra", "mode"};

Bytes read_bytes(ObjectReader& in, std::string_view key) {
  return Bytes{static_cast<std::uint64_t>(in.integer(key, 0, kMax))};
}

}  // namespace

std::string_view to_string(DamageKind kind) { return kKinds.at(static_cast<std::size_t>(kind)); }

bool Verification::is_whole() const {
  return link.empty() && !is_list_lost && std::ranges::all_of(counts, [](auto count) { return count == 0; });
}

Json to_json(const Verification& verification) {
  Json damage = Json::array();
  for (const auto& one : verification.damage)
    damage.push_back({{"kind", to_string(one.kind)}, {"path", one.path}, {"how", one.how}});
  Json value{{"product", verification.product},
             {"version", verification.version},
             {"whole", verification.is_whole()},
             {"damage", std::move(damage)},
             {"needs_package", verification.needs_package},
             {"read", verification.read.count},
             {"to_fetch", verification.to_fetch.count},
             {"last_outcome", verification.last_outcome}};
  for (std::size_t i = 0; i < kKinds.size(); ++i) value[std::string(kKinds.at(i))] = verification.counts.at(i);
  if (!verification.link.empty()) value["link"] = verification.link;
  if (verification.is_list_lost) value["list_lost"] = true;
  return value;
}

Result<Verification> parse_verification(const Json& value) {
  ObjectReader in(value, "the installer's verification");
  Verification out;
  out.product = in.text("product", 64);
  out.version = in.text("version", 128);
  out.link = in.text_or("link", "", kLongestWords);
  out.is_list_lost = in.boolean_or("list_lost", false);
  for (const auto& one : in.array("damage", kMostToldDamage)) {
    auto inside = in.inside(one, "damage", out.damage.size());
    Damage damage;
    const auto kind = inside.text("kind", 20);
    const auto* const found = std::ranges::find(kKinds, kind);
    if (found == kKinds.end()) inside.fail("kind", "not a known kind of damage");
    else damage.kind = static_cast<DamageKind>(found - kKinds.begin());
    damage.path = inside.text("path", kLongestPath);
    damage.how = inside.text("how", kLongestWords);
    UPSWARM_CHECK(inside.finish());
    out.damage.push_back(std::move(damage));
  }
  for (std::size_t i = 0; i < kKinds.size(); ++i) out.counts.at(i) = in.integer(kKinds.at(i), 0, kMax);
  out.needs_package = in.boolean("needs_package");
  out.read = read_bytes(in, "read");
  out.to_fetch = read_bytes(in, "to_fetch");
  out.last_outcome = in.integer("last_outcome", 0, kMax);
  UPSWARM_CHECK(in.finish_open());
  return out;
}

}  // namespace upswarm::messages
