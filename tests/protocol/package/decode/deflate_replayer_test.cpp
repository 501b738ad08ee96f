#include "protocol/package/decode/deflate_replayer.hpp"

#include <array>
#include <string_view>

#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/deflate_contents.hpp"
#include "tests/protocol/package/deflate_zlib.hpp"

namespace upswarm::package {
namespace {

/// A test for each level: all of them together take long under a sanitizer.
class DeflateLevel : public testing::TestWithParam<int> {};

TEST_P(DeflateLevel, MakesWhatZlibMakes) {
  const int level = GetParam();
  int other = level;
  for (const auto& [name, content] : deflate_contents()) {
    other = other % 9 + 1;  // of the other memLevels one after the other
    for (const int memory : {8, other}) {
      const DeflateRecipe recipe{static_cast<std::uint8_t>(level), static_cast<std::uint8_t>(memory)};
      ASSERT_EQ(deflated(content, recipe), zlib_stream(content, level, memory))
          << name << ", level " << level << ", memLevel " << memory;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, DeflateLevel, testing::Range(1, 10));

TEST(DeflateReplayerTest, ItDoesNotMatterHowTheContentIsCut) {
  const auto content = patchwork(150'000, 7) + prose(50'000, 8);
  for (const auto recipe : {kZlib, kGzip, DeflateRecipe{1, 9}, DeflateRecipe{3, 0}}) {
    const auto whole = deflated(content, recipe);
    for (const std::size_t part : {1U, 261U, 262U, 4096U, 65'536U, 65'537U}) {
      std::string out;
      DeflateReplayer replayer(recipe, [&](ByteView bytes) -> Result<void> {
        out += as_text(bytes);
        return {};
      });
      for (std::size_t at = 0; at < content.size(); at += part)
        ASSERT_TRUE(replayer.write(as_bytes(std::string_view(content).substr(at, part))));
      ASSERT_TRUE(replayer.finish());
      EXPECT_EQ(out, whole) << part;
    }
  }
}

TEST(DeflateReplayerTest, NothingIsLeftOfTheStreamBefore) {
  for (const auto recipe : {kZlib, kGzip, DeflateRecipe{2, 1}}) {
    std::string out;
    DeflateReplayer replayer(recipe, [&](ByteView bytes) -> Result<void> {
      out += as_text(bytes);
      return {};
    });
    for (const std::size_t size : {200'000U, 3U, 70'000U, 0U, 1000U}) {
      const auto content = patchwork(size, 5);
      ASSERT_TRUE(replayer.write(as_bytes(content)));
      ASSERT_TRUE(replayer.finish());
      EXPECT_EQ(out, deflated(content, recipe)) << size;
      replayer.start();
      ASSERT_TRUE(replayer.write(as_bytes(content))) << "of a stream that is given up";
      replayer.start();
      out.clear();
    }
  }
}

TEST(DeflateReplayerTest, AFailingSinkEndsIt) {
  const Error full{ErrorKind::no_space, "write", "full"};
  DeflateReplayer replayer(kZlib, [&](ByteView) -> Result<void> { return full; });
  const auto written = replayer.write(as_bytes(noise(1'000'000, 1)));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().kind, ErrorKind::no_space);
}

TEST(DeflateReplayerTest, RecipesHaveNumbers) {
  for (std::uint32_t number = 0; number < 256; ++number) {
    const auto recipe = recipe_of(static_cast<std::uint8_t>(number));
    const bool is_one = number % 16 >= 1 && number % 16 <= 9 && number / 16 <= 9;
    ASSERT_EQ(recipe.has_value(), is_one) << number;
    if (recipe) {
      EXPECT_EQ(number_of(*recipe), number);
    }
  }
}

// Deltas that are out there were made against these bytes: they never change.
class DeflateMemory : public testing::TestWithParam<std::uint8_t> {};

TEST_P(DeflateMemory, MakesWhatItAlwaysMade) {
  static constexpr std::array<std::string_view, 10> kDigests{
      "0aacc0972fcd8b9e", "7d44bdddafed1f3b", "b463a3c3c3993cdc", "05b5e02c8d029999", "af36f19c88f7ffd8",
      "8ac1ae7ebbae7c2e", "0b2a53b6fef3df30", "b923974ea3ee0592", "5209123ab87df715", "105b2a49c59214ee"};
  const std::string content = prose(100'000, 1) + std::string(3000, 'x') + patchwork(100'000, 2) + prose(70'000, 1);
  const auto memory = GetParam();
  Sha256Hasher hasher;
  for (std::uint8_t level = 1; level <= 9; ++level) hasher.update(as_bytes(deflated(content, {level, memory})));
  EXPECT_EQ(hasher.finish().hex().substr(0, 16), kDigests.at(memory));
}

INSTANTIATE_TEST_SUITE_P(Of, DeflateMemory, testing::Range<std::uint8_t>(0, 10));

}  // namespace
}  // namespace upswarm::package
