#include "protocol/package/decode/chunker.hpp"

#include <set>

#include "tests/fuzz/support.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

std::vector<std::string> chunks_of(const std::string& content) {
  fuzz::MemoryFile file(content);
  std::vector<std::string> chunks;
  const auto read = each_chunk(file, [&](ByteView chunk) -> Result<void> {
    chunks.emplace_back(as_text(chunk));
    return {};
  });
  EXPECT_TRUE(read);
  return chunks;
}

TEST(Chunker, ChunksAreTheContentAndKeepTheirBounds) {
  const auto content = noise(5'000'000, 1);
  std::string joined;
  const auto chunks = chunks_of(content);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    joined += chunks[i];
    EXPECT_LE(chunks[i].size(), kLongestChunk.count);
    if (i + 1 < chunks.size()) {
      EXPECT_GE(chunks[i].size(), kShortestChunk.count);
    }
  }
  EXPECT_EQ(joined, content);
  EXPECT_GT(chunks.size(), 40U);
  EXPECT_LT(chunks.size(), 120U);
}

TEST(Chunker, NothingHasNoChunksAndLittleHasOne) {
  EXPECT_TRUE(chunks_of("").empty());
  EXPECT_EQ(chunks_of("x"), std::vector<std::string>{"x"});
  EXPECT_EQ(chunks_of(std::string(kShortestChunk.count, 'x')).size(), 1U);
}

TEST(Chunker, AnInsertionMovesOnlyTheCutsBesideIt) {
  const auto before = noise(3'000'000, 2);
  auto after = before;
  after.insert(1'000'000, "inserted");
  const auto old_chunks = chunks_of(before);
  const std::set<std::string> old(old_chunks.begin(), old_chunks.end());
  std::size_t fresh = 0;
  for (const auto& chunk : chunks_of(after)) fresh += old.contains(chunk) ? 0U : 1U;
  EXPECT_GE(fresh, 1U);
  EXPECT_LE(fresh, 3U);
}

TEST(Chunker, TheCutsAreThoseOfTheFormat) {
  // SplitMix64 from 0 as content: a second implementation can compare.
  std::string content;
  std::uint64_t state = 0;
  while (content.size() < 1'000'000) {
    state += 0x9e3779b97f4a7c15U;
    auto z = state;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    z ^= z >> 31U;
    for (unsigned i = 0; i < 8; ++i) content.push_back(static_cast<char>(z >> (8 * i) & 0xffU));
  }
  std::vector<std::size_t> sizes;
  for (const auto& chunk : chunks_of(content)) sizes.push_back(chunk.size());
  sizes.resize(4);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{50260, 104441, 70940, 17869}));
}

TEST(Chunker, AnErrorOfTheUserEndsIt) {
  fuzz::MemoryFile file("content");
  const auto read = each_chunk(file, [](ByteView) -> Result<void> {
    return Error{ErrorKind::cancelled, "test", "stop"};
  });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace upswarm::package
