#include "protocol/package/decode/opened_base.hpp"

#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

/// What lies between two streams, and the streams.
const std::string kContent = prose(300'000, 1);
const std::string kFile = "before" + deflated(kContent, kZlib) + "between" + deflated("", kGzip) + "behind";
const std::string kOpened = "before" + kContent + "between" + "behind";
const OpenedOld kTold{0, Bytes{kOpened.size()}, {6_B, 7_B}};

Result<std::string> opened_form(const std::string& file, const OpenedOld& told = kTold) {
  const tests::TemporaryFolder folder;
  folder.write("file", file);
  std::string out;
  UPSWARM_CHECK(open_file(*opened(folder / "file"), told, [&](ByteView bytes) -> Result<void> {
    out += as_text(bytes);
    return {};
  }));
  return out;
}

TEST(OpenedBaseTest, StreamsAreInflatedInTheirPlace) {
  const auto opened = opened_form(kFile);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(*opened, kOpened);
}

TEST(OpenedBaseTest, ItMustComeOutAsLongAsIsTold) {
  auto told = kTold;
  for (const std::uint64_t size : {kOpened.size() - 1, kOpened.size() + 1, std::size_t{0}, std::size_t{100}}) {
    told.size = Bytes{size};
    EXPECT_FALSE(opened_form(kFile, told)) << size;
  }
  EXPECT_FALSE(opened_form(kFile + "x"));
  told = kTold;
  told.gaps[0] = 5_B;
  EXPECT_FALSE(opened_form(kFile, told)) << "there is no stream";
  told.gaps = {6_B, 7_B, 0_B};
  EXPECT_FALSE(opened_form(kFile, told)) << "nor is there a third";
}

TEST(OpenedBaseTest, CutOffAnywhere) {
  for (std::size_t length = 0; length < kFile.size(); length += length < 100 ? 1 : 997)
    EXPECT_FALSE(opened_form(kFile.substr(0, length))) << length;
}

class ScratchTest : public testing::Test {
 protected:
  void SetUp() override {
    folder.write("base/a", kFile);
    folder.write("base/b", "as it is");
    base = scanned(folder / "base");
    told.old_files = {kTold};
  }
  std::string content_of(OpenedBase& from, std::uint32_t entry) {
    const auto in = from.open(entry);
    EXPECT_TRUE(in);
    const auto info = (*in)->info();
    EXPECT_TRUE(info);
    std::string bytes(info->size.count + 1, '\0');
    const auto count = (*in)->read_at({}, std::as_writable_bytes(std::span(bytes)));
    EXPECT_TRUE(count);
    bytes.resize(*count);
    return bytes;
  }

  tests::TemporaryFolder folder;
  Path base_path{folder / "base"};
  Tree base;
  OpenedFiles told;
};

TEST_F(ScratchTest, OpenedFilesLieInOneScratchFileUntilItIsCleared) {
  OpenedBase one(system_files(), base_path, base, told, folder / "scratch");
  ASSERT_TRUE(one.prepare({{1, {}, 8_B}}, [] { return Result<void>(); }));
  EXPECT_FALSE(std::filesystem::exists(folder / "scratch")) << "nothing to open";
  ASSERT_TRUE(one.prepare({{0, {}, kTold.size}, {1, {}, 8_B}}, [] { return Result<void>(); }));
  EXPECT_EQ(std::filesystem::file_size(folder / "scratch"), kOpened.size());
  EXPECT_EQ(content_of(one, 0), kOpened);
  EXPECT_EQ(content_of(one, 1), "as it is");
  ASSERT_TRUE(one.clear());
  EXPECT_FALSE(std::filesystem::exists(folder / "scratch"));
  ASSERT_TRUE(one.clear()) << "once is enough";
}

TEST_F(ScratchTest, ItCanBeCancelled) {
  OpenedBase one(system_files(), base_path, base, told, folder / "scratch");
  const auto prepared = one.prepare({{0, {}, kTold.size}}, [] {
    return Result<void>(Error{ErrorKind::cancelled, "apply a delta", "stopped"});
  });
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace upswarm::package
