#include "protocol/package/decode/difference_memory.hpp"

#include <gtest/gtest.h>

#include <array>

namespace upswarm::package {
namespace {

TEST(DifferenceMemory, PredictsWhatCameTwice) {
  DifferenceMemory memory;
  EXPECT_EQ(memory.predict(57), 0U);
  memory.learn(57, 2);
  EXPECT_EQ(memory.predict(57), 0U) << "once may be chance";
  memory.learn(57, 2);
  EXPECT_EQ(memory.predict(57), 2U);
  EXPECT_EQ(memory.predict(58), 0U);
}

TEST(DifferenceMemory, IsWrongTwiceBeforeItForgets) {
  DifferenceMemory memory;
  for (int i = 0; i < 9; ++i) memory.learn(57, 2);
  memory.learn(57, 0);
  EXPECT_EQ(memory.predict(57), 2U);
  memory.learn(57, 3);
  EXPECT_EQ(memory.predict(57), 0U);
  memory.learn(57, 3);
  memory.learn(57, 3);
  EXPECT_EQ(memory.predict(57), 3U);
}

TEST(DifferenceMemory, DoesNotMixNumbersThatShareASlot) {
  DifferenceMemory memory;
  for (std::uint32_t old = 1; old < 300'000; ++old) {
    memory.learn(old, old + 7);
    memory.learn(old, old + 7);
    ASSERT_EQ(memory.predict(old), old + 7);
  }
  for (std::uint32_t old = 1; old < 300'000; ++old) {
    const auto predicted = memory.predict(old);
    ASSERT_TRUE(predicted == 0 || predicted == old + 7) << old;
  }
}

TEST(ReferenceMask, LeavesReferencesAndTheEndAlone) {
  ReferenceMask mask;
  mask.clear(16);
  mask.take(6, 4);
  const std::array<bool, 16> fields{true,  true,  true, false, false, false, false, false,
                                    false, false, true, true,  true,  false, false, false};
  for (std::size_t at = 0; at < fields.size(); ++at) EXPECT_EQ(mask.has_field(at), fields.at(at)) << at;
  mask.clear(8);
  EXPECT_TRUE(mask.has_field(4));
  EXPECT_FALSE(mask.has_field(5));
}

}  // namespace
}  // namespace upswarm::package
