#include "protocol/package/decode/package_index.hpp"

#include <algorithm>
#include <array>

#include "protocol/package/byte_coding.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint32_t kSeen = std::uint32_t{1} << 31U;

/// An index as its fields, right as it stands: two files, of 10 and 30 bytes, in two frames; a third file is twice the
/// first.
struct Fields {
  struct FrameField {
    std::uint32_t length;
    std::uint32_t chunks;
  };
  std::vector<std::uint64_t> file_sizes{10, 30, 20};
  std::uint32_t history = 40;
  std::vector<FrameField> frames{{5, 1}, {7, 2}};
  std::vector<std::vector<std::uint32_t>> contents{{0}, {20, 0}, {kSeen | 0, kSeen | 0}};
  std::optional<std::uint32_t> frame_count;
  std::optional<std::uint32_t> chunk_count;
  std::string behind;
  std::uint64_t file_size = 100 + 12;

  Tree tree() const {
    Tree tree;
    for (std::size_t i = 0; i < file_sizes.size(); ++i) {
      tree.entries.push_back({.path = "file" + std::to_string(i),
                              .type = FileType::regular,
                              .mode = 0644,
                              .size = Bytes{file_sizes[i]},
                              .digest = sha256(std::to_string(i)),
                              .link_target = {}});
    }
    return tree;
  }

  std::string encoded() const {
    std::string bytes;
    ByteWriter out(bytes);
    out.u64(encode_outline(tree()).size());
    out.raw(encode_outline(tree()));
    for (const auto& entry : tree().entries) out.digest(entry.digest);
    out.u32(history);
    out.u32(frame_count.value_or(static_cast<std::uint32_t>(frames.size())));
    for (const auto& frame : frames) out.u32(frame.length);
    for (const auto& frame : frames) out.u32(frame.chunks);
    for (std::size_t i = 0; i < frames.size(); ++i) out.digest(sha256("frame"));
    for (const auto& content : contents) {
      out.u32(chunk_count.value_or(static_cast<std::uint32_t>(content.size())));
      for (const auto field : content) out.u32(field);
    }
    for (const auto& content : contents) {
      if (content.size() == 1) continue;
      for (const auto field : content) out.raw((field & kSeen) == 0 ? "0123456789abcdef" : "");
    }
    return bytes + behind;
  }

  Result<PackageIndex> decoded() const { return decode_package_index(encoded(), 100_B, Bytes{file_size}); }
};

/// It is refused, and for this reason.
testing::AssertionResult is_refused(const Fields& fields, const std::string& why) {
  const auto index = fields.decoded();
  if (index) return testing::AssertionFailure() << "it was taken";
  if (index.error().kind == ErrorKind::corrupt && index.error().cause.find(why) != std::string::npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << index.error().message();
}

TEST(PackageIndex, AWholeOneIsRead) {
  const auto index = Fields().decoded();
  ASSERT_TRUE(index) << index.error().message();
  ASSERT_EQ(index->frames.size(), 2U);
  EXPECT_EQ(index->frames[0].offset, 100_B);
  EXPECT_EQ(index->frames[1].offset, 105_B);
  EXPECT_EQ(index->frames[1].start, 10_B);
  EXPECT_EQ(index->frames[1].first_chunk, 1U);
  EXPECT_EQ(index->frames[1].chunks, 2U);
  ASSERT_EQ(index->chunks.size(), 3U);
  EXPECT_EQ(index->chunks[0].digest, chunk_digest(sha256("0")));
  EXPECT_EQ(as_text(index->chunks[2].digest), "0123456789abcdef");
  EXPECT_EQ(index->tree, Fields().tree());
  EXPECT_EQ(index->history, 40_B);
  EXPECT_EQ(index->frames[1].size, 30_B);
  EXPECT_EQ(index->chunks[2].size(), 10_B);
  EXPECT_EQ(index->chunks[2].entry, 1U);
  EXPECT_EQ(index->chunks[2].offset, 20_B);
  EXPECT_EQ(index->chunks[2].start, 30_B);
  EXPECT_TRUE(std::ranges::equal(index->contents[2], std::array{0U, 0U}));
  EXPECT_EQ(index->stream_size(), 40_B);
}

TEST(PackageIndex, EveryTruncationIsRefused) {
  const auto whole = Fields().encoded();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(decode_package_index(whole.substr(0, length), 100_B, 112_B)) << length;
}

TEST(PackageIndex, BytesBehindItAreRefused) {
  Fields fields;
  fields.behind = "x";
  EXPECT_TRUE(is_refused(fields, "longer than it says"));
}

TEST(PackageIndex, CountsThatItCannotHoldAreRefusedBeforeAnythingIsMade) {
  for (const auto count : {&Fields::frame_count, &Fields::chunk_count}) {
    Fields fields;
    fields.*count = 0xffffffffU;
    EXPECT_TRUE(is_refused(fields, "than its index can hold"));
  }
}

TEST(PackageIndex, TheHistoryHasABound) {
  Fields fields;
  fields.history = static_cast<std::uint32_t>(kLongestHistory.count);
  EXPECT_TRUE(fields.decoded());
  ++fields.history;
  EXPECT_TRUE(is_refused(fields, "more history than any may"));
}

TEST(PackageIndex, FramesMustFillTheFile) {
  Fields fields;
  fields.frames[1].length = 8;
  EXPECT_TRUE(is_refused(fields, "outside the file"));
  fields.frames[1].length = 6;
  EXPECT_TRUE(is_refused(fields, "its length is not what the index says"));
  fields.frames[1].length = 0;
  EXPECT_TRUE(is_refused(fields, "outside the file"));
  fields.frames[1].length = 0xffffffffU;
  EXPECT_TRUE(is_refused(fields, "outside the file"));
}

TEST(PackageIndex, FramesHaveBounds) {
  constexpr auto kSize = static_cast<std::uint32_t>(kLongestFrame.count);
  Fields fields;
  fields.file_sizes = {10, kSize, 20};
  fields.contents[1] = {kSize - 10, 0};
  EXPECT_TRUE(fields.decoded());
  fields.file_sizes[1] = kSize + 1;
  EXPECT_TRUE(is_refused(fields, "a frame has an impossible size"));
}

TEST(PackageIndex, ChunksMustBeTheirFiles) {
  Fields fields;
  fields.contents[1] = {31, 0};
  EXPECT_TRUE(is_refused(fields, "are more than the file"));
  fields.contents[1] = {20, 10};
  EXPECT_TRUE(is_refused(fields, "a size of its own"));
  fields.contents[1] = {30, 0};
  EXPECT_TRUE(is_refused(fields, "a chunk has an impossible size"));
  fields.contents[1] = {0, 0};
  EXPECT_TRUE(is_refused(fields, "a chunk has an impossible size"));
  fields.contents[1] = {};
  EXPECT_TRUE(is_refused(fields, "are less than the file"));
  fields = {};
  fields.contents[2] = {kSeen | 0};
  EXPECT_TRUE(is_refused(fields, "are less than the file"));
  fields = {};
  fields.file_sizes[0] = kLongestChunk.count + 1;
  EXPECT_TRUE(is_refused(fields, "a chunk has an impossible size"));
}

TEST(PackageIndex, OnlyChunksThatCameBeforeCanBeNamed) {
  for (const std::uint32_t chunk : {0U, 1U, 0x7fffffffU}) {
    Fields fields;
    fields.contents[0] = {kSeen | chunk};
    EXPECT_TRUE(is_refused(fields, "did not come before it")) << chunk;
  }
}

TEST(PackageIndex, FramesHoldEveryChunkOnce) {
  Fields fields;
  fields.frames = {{5, 1}, {7, 1}};
  EXPECT_TRUE(is_refused(fields, "a chunk belongs to no frame"));
  for (const std::uint32_t chunks : {0U, 3U, 0xffffffffU}) {
    fields.frames[1].chunks = chunks;
    EXPECT_TRUE(is_refused(fields, "chunks that are not there")) << chunks;
  }
}

}  // namespace
}  // namespace upswarm::package
