#include "protocol/package/encode/recipe_search.hpp"

#include <algorithm>
#include <numeric>

#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

Result<void> go_on() { return {}; }

/// The recipes of all streams in `file`.
std::vector<std::optional<DeflateRecipe>> recipes_in(const std::string& file, std::size_t threads = 1) {
  const auto streams = find_streams(as_bytes(file), 100_MiB);
  std::vector<std::size_t> all(streams.size());
  std::iota(all.begin(), all.end(), 0U);
  auto found = find_recipes(as_bytes(file), streams, all, threads, go_on);
  EXPECT_TRUE(found);
  return found ? *found : std::vector<std::optional<DeflateRecipe>>();
}

TEST(RecipeSearchTest, FindsHowAStreamWasDeflated) {
  const auto content = prose(36'000, 1) + noise(1000, 1) + prose(36'000, 2);
  for (const std::uint8_t memory : std::initializer_list<std::uint8_t>{0, 8, 9}) {
    for (std::uint8_t level = 1; level <= 9; ++level) {
      const DeflateRecipe recipe{level, memory};
      const auto found = recipes_in(gzip_member(content, recipe));
      ASSERT_EQ(found.size(), 1U);
      ASSERT_TRUE(found[0]) << int{number_of(recipe)};
      EXPECT_EQ(deflated(content, *found[0]), deflated(content, recipe));
    }
  }
}

/// A stream that is right, and that no program here makes: what two of them make, one after the other.
std::string foreign_stream(const std::string& content) {
  constexpr std::size_t start = 100;
  // A block of stored bytes, which is not the last one.
  std::string stream("\0", 1);
  stream += std::string("\x64\0\x9b\xff", 4) + content.substr(0, start);
  return stream + deflated(content.substr(start), kZlib);
}

TEST(RecipeSearchTest, AStreamOfAnotherProgramHasNone) {
  const auto content = prose(50'000, 1);
  const auto found = recipes_in(
      zip_file({{"a", {content}}, {"b", {.content = content, .packed = foreign_stream(content)}}, {"c", {content}}}));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], kZlib);
  EXPECT_FALSE(found[1]);
  EXPECT_EQ(found[2], kZlib);
}

TEST(RecipeSearchTest, TheSameAtAnyNumberOfThreads) {
  std::map<std::string, ZipMember> members;
  for (unsigned i = 0; i < 600; ++i) {
    const DeflateRecipe recipe{static_cast<std::uint8_t>(i % 50 < 30 ? 9 : 6), 8};
    members[std::to_string(i)] = {.content = prose(200 + 10 * i, i), .recipe = recipe};
  }
  const auto zip = zip_file(members);
  const auto found = recipes_in(zip);
  EXPECT_EQ(found.size(), 600U);
  EXPECT_TRUE(std::ranges::all_of(found, [](const auto& one) { return one.has_value(); }));
  EXPECT_EQ(recipes_in(zip, 2), found);
  EXPECT_EQ(recipes_in(zip, 7), found);
}

TEST(RecipeSearchTest, ItCanBeCancelled) {
  const auto file = gzip_member(prose(1000, 1));
  const auto streams = find_streams(as_bytes(file), 1_MiB);
  const auto stopped = [] { return Result<void>(Error{ErrorKind::cancelled, "make a delta", "stopped"}); };
  const auto found = find_recipes(as_bytes(file), streams, {0}, 1, stopped);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace upswarm::package
