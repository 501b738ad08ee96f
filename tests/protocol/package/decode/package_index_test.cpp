#include "protocol/package/decode/package_index.hpp"

#include "protocol/package/byte_coding.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint32_t kSeen = std::uint32_t{1} << 31U;

/// An index as its fields, right as it stands: two files, of 10 and 30 bytes, in two frames and two segments; a third
/// file is twice the first.
struct Fields {
  struct FrameField {
    std::uint32_t length;
    std::uint32_t size;
  };
  struct SegmentField {
    std::uint32_t frames;
    std::uint32_t near;
    std::vector<std::uint32_t> far;
  };
  std::vector<std::uint64_t> file_sizes{10, 30, 20};
  std::vector<FrameField> frames{{5, 10}, {7, 30}};
  std::vector<SegmentField> segments{{1, 0, {}}, {1, 0, {0}}};
  std::vector<std::vector<std::uint32_t>> contents{{10}, {20, 10}, {kSeen | 0, kSeen | 0}};
  std::optional<std::uint32_t> frame_count;
  std::optional<std::uint32_t> segment_count;
  std::optional<std::uint32_t> chunk_count;
  std::optional<std::uint32_t> far_count;
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
    out.u64(encode_tree(tree()).size());
    out.raw(encode_tree(tree()));
    out.u32(frame_count.value_or(static_cast<std::uint32_t>(frames.size())));
    for (const auto& frame : frames) {
      out.u32(frame.length);
      out.u32(frame.size);
      out.digest(sha256("frame"));
    }
    out.u32(segment_count.value_or(static_cast<std::uint32_t>(segments.size())));
    for (const auto& segment : segments) {
      out.u32(segment.frames);
      out.u32(segment.near);
      out.u32(far_count.value_or(static_cast<std::uint32_t>(segment.far.size())));
      for (const auto chunk : segment.far) out.u32(chunk);
    }
    for (const auto& content : contents) {
      out.u32(chunk_count.value_or(static_cast<std::uint32_t>(content.size())));
      for (const auto field : content) {
        out.u32(field);
        if ((field & kSeen) == 0 && content.size() > 1) out.raw("0123456789abcdef");
      }
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
  EXPECT_EQ(index->chunks[2].entry, 1U);
  EXPECT_EQ(index->chunks[2].offset, 20_B);
  EXPECT_EQ(index->chunks[2].start, 30_B);
  EXPECT_EQ(index->contents[2], (std::vector<std::uint32_t>{0, 0}));
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
  for (const auto count : {&Fields::frame_count, &Fields::segment_count, &Fields::chunk_count}) {
    Fields fields;
    fields.*count = 0xffffffffU;
    EXPECT_TRUE(is_refused(fields, "than its index can hold"));
  }
  Fields fields;
  fields.far_count = 0xffffffffU;
  EXPECT_TRUE(is_refused(fields, "more chunks than any may"));
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
  for (const std::uint32_t size : {0U, static_cast<std::uint32_t>(kLongestFrame.count) + 1, 0xffffffffU}) {
    Fields fields;
    fields.frames[1].size = size;
    EXPECT_TRUE(is_refused(fields, "a frame has an impossible size")) << size;
  }
}

TEST(PackageIndex, SegmentsMustHoldEveryFrameOnce) {
  Fields fields;
  fields.segments = {{1, 0, {}}};
  EXPECT_TRUE(is_refused(fields, "belongs to no segment"));
  fields.segments = {{1, 0, {}}, {2, 0, {}}};
  EXPECT_TRUE(is_refused(fields, "frames that are not there"));
  fields.segments = {{0, 0, {}}, {2, 0, {}}};
  EXPECT_TRUE(is_refused(fields, "frames that are not there"));
}

TEST(PackageIndex, ADictionaryComesBeforeWhatNeedsIt) {
  Fields fields;
  fields.segments[0].near = 1;
  EXPECT_TRUE(is_refused(fields, "impossible dictionary"));
  fields = {};
  fields.segments[1].near = 11;
  EXPECT_TRUE(is_refused(fields, "impossible dictionary"));
  fields = {};
  fields.segments[1].near = 1;  // and chunk 0, which ends there
  EXPECT_TRUE(is_refused(fields, "does not come before it"));
  for (const std::uint32_t chunk : {1U, 2U, 3U, 0xffffffffU}) {
    fields = {};
    fields.segments[1].far = {chunk};
    EXPECT_TRUE(is_refused(fields, "does not come before it")) << chunk;
  }
}

TEST(PackageIndex, ADictionaryHasBounds) {
  constexpr auto kSize = static_cast<std::uint32_t>(kLongestFrame.count);
  Fields fields;
  fields.file_sizes = {kSize, 30};
  fields.frames[0].size = kSize;
  fields.contents = {{kSize}, {20, 10}};
  const auto most = static_cast<std::size_t>(kLongestDictionary.count / kSize);
  fields.segments[1].far.assign(most, 0);
  EXPECT_TRUE(fields.decoded());
  fields.segments[1].far.assign(most + 1, 0);
  EXPECT_TRUE(is_refused(fields, "a dictionary is longer than any may be"));
}

TEST(PackageIndex, ASegmentHasBounds) {
  constexpr auto kSize = static_cast<std::uint32_t>(kLongestFrame.count);
  const auto most = static_cast<std::uint32_t>(kLongestSegment.count / kSize);
  Fields fields;
  fields.file_sizes = {std::uint64_t{kSize} * (most + 1)};
  fields.frames.assign(most + 1, {1, kSize});
  fields.contents = {std::vector<std::uint32_t>(most + 1, kSize)};
  fields.file_size = 100 + most + 1;
  fields.segments = {{most, 0, {}}, {1, 0, {}}};
  EXPECT_TRUE(fields.decoded());
  fields.segments = {{most + 1, 0, {}}};
  EXPECT_TRUE(is_refused(fields, "a segment is longer than any may be"));
}

TEST(PackageIndex, ChunksMustBeTheirFiles) {
  Fields fields;
  fields.contents[1] = {20, 9};
  EXPECT_TRUE(is_refused(fields, "are less than the file"));
  fields.contents[1] = {20, 11};
  EXPECT_TRUE(is_refused(fields, "are more than the file"));
  fields.contents[1] = {30, 0};
  EXPECT_TRUE(is_refused(fields, "a chunk has an impossible size"));
  fields.contents[1] = {};
  EXPECT_TRUE(is_refused(fields, "are less than the file"));
  fields = {};
  fields.contents[2] = {kSeen | 0};
  EXPECT_TRUE(is_refused(fields, "are less than the file"));
}

TEST(PackageIndex, OnlyChunksThatCameBeforeCanBeNamed) {
  for (const std::uint32_t chunk : {0U, 1U, 0x7fffffffU}) {
    Fields fields;
    fields.contents[0] = {kSeen | chunk};
    EXPECT_TRUE(is_refused(fields, "did not come before it")) << chunk;
  }
}

TEST(PackageIndex, FramesHoldWholeChunksAndNothingElse) {
  Fields fields;
  fields.frames = {{5, 15}, {7, 25}};
  EXPECT_TRUE(is_refused(fields, "lies across the end of its frame"));
  fields.frames = {{5, 10}, {7, 31}};
  EXPECT_TRUE(is_refused(fields, "not what its files are made of"));
  fields.frames = {{5, 10}, {7, 29}};
  EXPECT_TRUE(is_refused(fields, "not what its files are made of"));
}

TEST(PackageIndex, AFrameWithoutChunksIsRefused) {
  Fields fields;
  fields.contents = {{10}, {30}, {kSeen | 0, kSeen | 0}};
  fields.frames = {{5, 5}, {3, 5}, {4, 30}};
  fields.segments = {{3, 0, {}}};
  EXPECT_TRUE(is_refused(fields, "lies across the end of its frame"));
}

}  // namespace
}  // namespace upswarm::package
