#include "seeder/bundle.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::size_t kMostWishes = 200;
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::string write_bundle(const Bundle& bundle) {
  Json rollouts = Json::array();
  for (const auto& wish : bundle.rollouts) {
    rollouts.push_back({{"product", wish.product},
                        {"channel", wish.channel},
                        {"platform", wish.platform},
                        {"counter", {{"epoch", wish.item.counter.epoch}, {"n", wish.item.counter.n}}},
                        {"entry", wish.item.entry.hex()},
                        {"permille", wish.item.permille},
                        {"paused", wish.item.paused},
                        {"reason", wish.item.reason}});
    if (!wish.item.rings.empty()) rollouts.back()["rings"] = wish.item.rings;
  }
  return to_text(Json{{"format", 1}, {"rollouts", std::move(rollouts)}}, 1);
}

Result<Bundle> parse_bundle(std::string_view text, const std::string& what) {
  UPSWARM_TRY(const auto json, parse_json(text, what, {.longest = kLongestBundleFile, .deepest = 8}));
  ObjectReader in(json, what);
  in.integer("format", 1, 1);
  Bundle bundle;
  for (const auto& value : in.array("rollouts", kMostWishes)) {
    auto one = in.inside(value, "rollouts", bundle.rollouts.size());
    auto counter = one.inside(one.object("counter"), "counter");
    RolloutWish wish;
    wish.product = one.parsed("product", trust::parse_name).value_or("");
    wish.channel = one.parsed("channel", trust::parse_name).value_or("");
    wish.platform = one.parsed("platform", trust::parse_name).value_or("");
    wish.item.counter = {counter.integer("epoch", 1, kMax), counter.integer("n", 1, kMax)};
    wish.item.entry = one.parsed("entry", parse_sha256).value_or(Sha256{});
    wish.item.permille = one.integer("permille", 0, 1000);
    wish.item.paused = one.boolean("paused");
    wish.item.reason = one.text("reason", 1000);
    wish.item.rings = trust::read_rings(one);
    UPSWARM_CHECK(counter.finish());
    UPSWARM_CHECK(one.finish());
    bundle.rollouts.push_back(std::move(wish));
  }
  UPSWARM_CHECK(in.finish());
  return bundle;
}

}  // namespace upswarm::seeder
