#include "seeder/rollouts.hpp"

#include <gtest/gtest.h>

#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

/// 1.0.0 and 1.1.0 are out, to everybody.
class RolloutsTest : public testing::Test {
 protected:
  void SetUp() override {
    world.add_release("1.0.0", "the first package");
    world.add_release("1.1.0", "the second package");
    take_in("0001", {world.wish(0, 1000), world.wish(1, 1000)});
  }

  std::string reason(const std::string& name) {
    return world.is_there("rejected/" + name) ? world.folder.read("rejected/" + name + "/reason.txt")
                                              : "it was not rejected";
  }
  void take_in(const std::string& name, const std::vector<RolloutWish>& wishes = {}) {
    world.write_bundle(name, wishes);
    ASSERT_EQ(world.incoming().poll()->taken, 1) << reason(name);
  }
  tests::SeederWorld world;
};

TEST_F(RolloutsTest, ANightlyWithTheCounterOfAReleaseHasAFilterOfItsOwn) {
  FilteredIndexes indexes{.releases = world.index, .nightlies = world.index};
  for (auto& entry : indexes.nightlies->entries) entry.version += "-nightly";
  const auto wish = world.wish(1, 1000);
  auto nightly = wish;
  nightly.item.entry = indexes.nightlies->entries[1].digest();
  nightly.item.permille = 10;
  Rollouts rollouts;
  EXPECT_TRUE(apply_wish(rollouts, nightly, indexes, Steering::first_filter).value());
  EXPECT_TRUE(apply_wish(rollouts, wish, indexes, Steering::first_filter).value());
  EXPECT_FALSE(apply_wish(rollouts, nightly, indexes, Steering::first_filter).value()) << "it is so already";
  EXPECT_EQ(rollouts.begin()->second.items.size(), 2U);
  nightly.item.entry = sha256("another");
  EXPECT_EQ(apply_wish(rollouts, nightly, indexes, Steering::any).error().reason, "entry");
}

}  // namespace
}  // namespace upswarm::seeder
