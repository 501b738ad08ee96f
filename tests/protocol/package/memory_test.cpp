// A few bytes that ask for much memory. What counts is operator new: what zstd takes by malloc its windows bound.
#include "protocol/package/decode/delta_reader.hpp"
#include "protocol/package/decode/unpacking.hpp"
#include "protocol/package/encode/compress.hpp"
#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/program_fixture.hpp"
#include "tests/protocol/package/raw_delta.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/memory_meter.hpp"

namespace upswarm::package {
namespace {

/// What opening and applying took; `bytes` must be short, and refused.
class BombTest : public testing::Test {
 protected:
  Bytes cost_of(const RawDelta& delta, const std::string& why, Bytes longest = 100_KiB) {
    folder.write("bomb", delta.encoded());
    EXPECT_LT(std::filesystem::file_size(folder / "bomb"), longest.count) << "it should look harmless";
    const auto base = sample_base();
    for (const auto& [path, content] : base.contents) folder.write("base/" + path, content);
    const tests::MemoryMeter meter;
    auto applied = [&]() -> Result<void> {
      UPSWARM_TRY(auto reader, DeltaReader::open(opened(folder / "bomb")));
      UPSWARM_CHECK(reader.apply(system_files(), folder / "base", base.tree, folder / "to", {}, {}));
      return {};
    }();
    const auto most = meter.most();
    EXPECT_FALSE(applied);
    if (applied) return most;
    EXPECT_NE(applied.error().message().find(why), std::string::npos) << applied.error().message();
    return most;
  }
  tests::TemporaryFolder folder;
};

TEST_F(BombTest, TheMeterSeesWhatIsTaken) {
  const tests::MemoryMeter meter;
  { const ByteBuffer bytes(3 << 20); }
  EXPECT_GE(meter.most(), 3_MiB);
  EXPECT_LT(meter.most(), 4_MiB);
}

TEST_F(BombTest, APlanThatIsNotThereTakesNothing) {
  auto delta = sample_delta();
  delta.plan_size = 512ULL << 20U;
  EXPECT_LT(cost_of(delta, "fewer bytes than it says"), 1_MiB);
}

TEST_F(BombTest, APlanIsHeldOnce) {
  auto delta = sample_delta();
  delta.tree = std::string(20U << 20U, 'x');
  folder.write("long", delta.encoded());
  auto file = opened(folder / "long");
  const tests::MemoryMeter meter;
  const auto reader = DeltaReader::open(std::move(file));
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_GE(meter.most(), 20_MiB);
  EXPECT_LT(meter.most(), 24_MiB);
}

TEST_F(BombTest, ManyRunsOfOldFiles) {
  auto delta = sample_delta();
  delta.groups[0].runs.assign(kMostParts + 1, {0, 1});
  EXPECT_LT(cost_of(delta, "too many files"), 16_MiB);
  if (!system_files().make_symlink("nowhere", folder / "probe")) GTEST_SKIP() << "no links on this system";
  delta.groups[0].runs.assign(kMostParts, {0, 1});
  EXPECT_LT(cost_of(delta, "a file of the base twice"), 64_MiB);
}

TEST_F(BombTest, ManyImagesAndSegments) {
  auto delta = sample_delta();
  delta.groups[0].old_images.assign(kMostImages, {0, 0, std::vector<RawSegment>(kMostSegments)});
  EXPECT_LT(cost_of(delta, "too many parts"), 128_MiB) << "64 bytes each, and the plan";
}

TEST_F(BombTest, ManyGroupsOfManyRegions) {
  auto delta = sample_delta();
  delta.filters = {"x86-64"};
  delta.groups[0].old_images = {{0, 1000, {{0, 1000, 0x1000}}}};
  delta.groups[0].regions.assign(kMostRegions, {.kind = 2});
  delta.groups.assign(40, delta.groups[0]);
  EXPECT_LT(cost_of(delta, "too many parts"), 128_MiB);
}

TEST_F(BombTest, ManyLongPathsThatAreToldInFewBytes) {
  auto delta = sample_delta();
  delta.tree.clear();
  ByteWriter out(delta.tree);
  constexpr std::uint64_t count = 100'000;
  out.varint(count);
  out.varint(count << 3U | 3U);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto path = i == 0 ? std::string(4000, 'p') : "q";
    out.varint(i == 0 ? 0 : 4000);
    out.varint(path.size());
    out.raw(path);
    out.u8(1);
    out.varint(0755);
  }
  EXPECT_LT(cost_of(delta, "too long together"), 512_MiB) << "of 400 MB of paths";
}

TEST_F(BombTest, TheSameMovesAgainAndAgain) {
  auto delta = sample_delta();
  delta.tree.clear();
  ByteWriter out(delta.tree);
  constexpr std::uint64_t steps = 20'000;
  out.varint(steps * 6);
  for (std::uint64_t i = 0; i < steps; ++i) {
    out.varint(6U << 3U | 4U);
    out.varint(0);
    out.varint(0);
    out.varint(4000);
    out.raw(std::string(4000, 'p'));
  }
  EXPECT_LT(cost_of(delta, "too long together"), 768_MiB) << "of 480 MB of paths, and the plan of 80 MB";
}

TEST_F(BombTest, AnIndexThatNamesOneChunkAgainAndAgainUnpacksInLittleMemory) {
  // 64 MiB of zeros from one frame of 256 KiB.
  folder.write("tree/zeros", std::string(64U << 20U, '\0'));
  ASSERT_TRUE(write_package(system_files(), folder / "tree", folder / "p", {}, {}));
  EXPECT_LT(std::filesystem::file_size(folder / "p"), 10'000U);
  auto reader = PackageReader::open(opened(folder / "p"), nullptr);
  ASSERT_TRUE(reader);
  const tests::MemoryMeter meter;
  ASSERT_TRUE(reader->unpack(system_files(), folder / "to", {}, {}));
  EXPECT_LT(meter.most(), 16_MiB);
}

/// What making a delta took, and what it said before that it would.
class MakingTest : public testing::Test {
 protected:
  void make(const TreeFiles& from, const TreeFiles& to, Bytes memory) {
    const auto old_tree = write_tree(folder, "old", from);
    const auto new_tree = write_tree(folder, "new", to);
    DeltaOptions options{.threads = 2, .memory = memory};
    options.take_memory = [this](Bytes size) -> Result<std::shared_ptr<void>> {
      EXPECT_TRUE(held.expired()) << "what was said before is let go of";
      said = std::max(said, size);
      const auto one = std::make_shared<int>(0);
      held = one;
      return std::shared_ptr<void>(one);
    };
    const tests::MemoryMeter meter;
    const auto made = write_delta(system_files(), old_tree, new_tree, folder / "d", {}, {}, options);
    most = meter.most();
    ASSERT_TRUE(made) << made.error().message();
    length = made->length;
  }
  tests::TemporaryFolder folder;
  std::weak_ptr<void> held;
  Bytes said;
  Bytes most;
  Bytes length;
};

TEST_F(MakingTest, ProgramsTakeSevenBytesAByte) {
  auto functions = random_functions(60'000, 1);
  const auto before = link_program(functions, in_order(60'000));
  for (std::size_t i = 0; i < functions.size(); i += 100) functions[i].seed = 77;
  const auto after = link_program(functions, in_order(60'000));
  make({{"p", before}}, {{"p", after}}, 9_GiB);
  EXPECT_GT(before.size(), 5'000'000U);
  EXPECT_LT(most, Bytes{before.size() * 7} + 2_MiB);
  EXPECT_EQ(said, memory_for_delta(Bytes{std::max(before.size(), after.size())}));
}

TEST_F(MakingTest, TextTakesNineBytesAByteOfTheTreeOrWhatIsGiven) {
  TreeFiles from;
  TreeFiles to;
  Bytes size;
  for (unsigned i = 0; i < 20; ++i) {
    const auto content = prose(300'000, i);
    const auto name = "text" + std::to_string(i);
    from[name] = content;
    to[name] = "new\n" + content;
    size += Bytes{to[name].size()};
  }
  make(from, to, 9_GiB);
  EXPECT_EQ(said, Bytes{9 * size.count});
  EXPECT_LT(length, 20_KiB);
  said = {};
  std::filesystem::remove(folder / "d");
  make(from, to, 48_MiB);
  EXPECT_EQ(said, 48_MiB);
  EXPECT_LT(length, 20_KiB);
}

TEST_F(MakingTest, WhatIsInArchivesIsComparedWithinTheMemoryThatIsGiven) {
  TreeFiles from;
  TreeFiles to;
  Bytes closed;
  for (unsigned i = 0; i < 5; ++i) {
    const auto content = prose(2'500'000, i);
    const auto name = "log" + std::to_string(i) + ".gz";
    from[name] = gzip_member(content, kZlib);
    to[name] = gzip_member("new\n" + content, kZlib);
    closed += Bytes{from[name].size()};
  }
  ASSERT_LT(closed, 6_MiB) << "12.5 MB when it is opened";
  make(from, to, 54_MiB);
  EXPECT_LT(length, 10_KiB) << "they were opened";
  EXPECT_LT(most, 54_MiB);
  EXPECT_GT(most, 24_MiB) << "or this says nothing";
  EXPECT_LE(said, 54_MiB);
  EXPECT_LT(most, said + 2_MiB);
}

}  // namespace
}  // namespace upswarm::package
