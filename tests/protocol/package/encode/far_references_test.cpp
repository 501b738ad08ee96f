#include "protocol/package/encode/far_references.hpp"

#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

TEST(FarReferences, WhatIsRepeatedIsFoundWhole) {
  FarReferences far(1_GiB);
  const auto bytes = noise(1'000'000, 1) + noise(50'000, 2) + noise(1'000'000, 3) + noise(50'000, 2);
  EXPECT_EQ(far.find(as_bytes(bytes), 0, {}), (std::vector<BackReference>{{2'050'000, 50'000, 1'050'000}}));
}

TEST(FarReferences, WhatCameBeforeIsRemembered) {
  FarReferences far(1_GiB);
  const auto before = noise(500'000, 1);
  EXPECT_TRUE(far.find(as_bytes(before), 0, {}).empty());
  // Only the end of what came before is still at hand.
  const auto bytes = before.substr(300'000) + "x" + before.substr(290'000, 100'000);
  const auto found = far.find(as_bytes(bytes), 200'000, 300'000_B);
  EXPECT_EQ(found, (std::vector<BackReference>{{10'001, 90'000, 210'001}}));
}

TEST(FarReferences, NoneGoesFurtherThanItMay) {
  const auto bytes = as_bytes("");
  const auto repeated = noise(50'000, 2) + noise(100'000, 3) + noise(50'000, 2);
  EXPECT_TRUE(FarReferences(149'999_B).find(as_bytes(repeated), 0, {}).empty());
  EXPECT_EQ(FarReferences(150'000_B).find(as_bytes(repeated), 0, {}).size(), 1U);
  EXPECT_TRUE(FarReferences(1_GiB).find(bytes, 0, {}).empty());
}

TEST(FarReferences, PlacesBeyond32BitsAreFound) {
  FarReferences far(1_GiB);
  const Bytes position{(std::uint64_t{1} << 32U) - 100'000};
  const auto bytes = noise(150'000, 1) + noise(150'000, 1);
  EXPECT_EQ(far.find(as_bytes(bytes), 0, position), (std::vector<BackReference>{{150'000, 150'000, 150'000}}));
}

TEST(FarReferences, ARunRefersToItself) {
  FarReferences far(1_GiB);
  const auto found = far.find(as_bytes(std::string(100'000, 'a')), 0, {});
  for (const auto& one : found) {
    EXPECT_LE(one.distance, one.at);
    EXPECT_LE(one.end(), 100'000U);
  }
}

}  // namespace
}  // namespace upswarm::package
