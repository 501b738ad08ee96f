// Each rule of the header and the frames of a full package, at the bound and beyond it. Those of its index are in
// package_index_test.cpp.
#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/package_reader.hpp"
#include "protocol/package/encode/compress.hpp"
#include "tests/protocol/package/raw_delta.hpp"
#include "tests/protocol/package/staging_files.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint64_t kHuge = ~std::uint64_t{0};
const std::string kZstd(kZstdMagic);

/// A package of two files, each a frame of its own, made without a dictionary.
struct RawPackage {
  std::string magic{"UPSWPKG\n"};
  std::uint32_t version = 2;
  std::uint32_t flags = 0;
  std::vector<std::string> contents{"ten bytes.", "and thirty bytes more of them."};
  std::vector<std::string> frames{*compress(as_bytes("ten bytes.")),
                                  *compress(as_bytes("and thirty bytes more of them."))};
  std::vector<std::string> digested = frames;  ///< of which the index has the digests
  std::optional<std::uint64_t> index_length;
  std::optional<std::uint64_t> index_size;
  std::string before_index;
  std::string behind_index;
  std::string behind;

  Tree tree() const {
    Tree tree;
    for (std::size_t i = 0; i < contents.size(); ++i) {
      tree.entries.push_back(
          {"file" + std::to_string(i), FileType::regular, 0644, Bytes{contents[i].size()}, sha256(contents[i]), ""});
    }
    return tree;
  }
  std::string encoded() const {
    std::string index;
    ByteWriter out(index);
    const auto outline = encode_outline(tree());
    out.u64(outline.size());
    out.raw(outline);
    for (const auto& content : contents) out.digest(sha256(content));
    out.u32(0);  // no history
    out.u32(static_cast<std::uint32_t>(frames.size()));
    for (const auto& frame : frames) out.u32(static_cast<std::uint32_t>(frame.size()));
    for (std::size_t i = 0; i < frames.size(); ++i) out.u32(1);
    for (const auto& frame : digested) out.digest(sha256(frame));
    for (std::size_t i = 0; i < contents.size(); ++i) {
      out.u32(1);  // chunk
      out.u32(0);  // the rest of the file
    }
    const auto packed = before_index + *compress(as_bytes(index)) + behind_index;
    std::string bytes;
    ByteWriter file(bytes);
    file.raw(magic);
    file.u32(version);
    file.u32(flags);
    file.u64(index_length.value_or(packed.size()));
    file.u64(index_size.value_or(index.size()));
    file.raw(packed);
    for (const auto& frame : frames) file.raw(frame);
    return bytes + behind;
  }
};

struct PackageRule {
  const char* name;
  void (*change)(RawPackage& package);
  const char* why = "";
};
void PrintTo(const PackageRule& rule, std::ostream* out) { *out << rule.name; }

class PackageRules : public testing::TestWithParam<PackageRule> {};

TEST_P(PackageRules, Hold) {
  const tests::TemporaryFolder folder;
  StagingFiles staging(folder / "to");
  RawPackage package;
  GetParam().change(package);
  folder.write("p", package.encoded());
  auto unpacked = [&]() -> Result<void> {
    UPSWARM_TRY(auto reader, PackageReader::open(opened(folder / "p"), nullptr));
    return reader.unpack(staging, folder / "to", {}, {});
  }();
  EXPECT_EQ(staging.trespass(), "");
  const std::string why = GetParam().why;
  if (why.empty()) {
    ASSERT_TRUE(unpacked) << unpacked.error().message();
    EXPECT_EQ(scanned(folder / "to"), package.tree());
    return;
  }
  ASSERT_FALSE(unpacked);
  const bool is_of_tomorrow = why.find("not known to this program") != std::string::npos;
  EXPECT_EQ(unpacked.error().kind, is_of_tomorrow ? ErrorKind::invalid : ErrorKind::corrupt);
  EXPECT_NE(unpacked.error().message().find(why), std::string::npos) << unpacked.error().message();
}

void set_frame(RawPackage& one, const std::string& bytes) { one.frames[1] = one.digested[1] = bytes; }

const PackageRule kHead[] = {
    {"AWholeOne", [](RawPackage&) {}},
    {"AnotherBeginning", [](RawPackage& one) { one.magic = "UPSWDLT\n"; }, "does not begin like one"},
    {"AnOlderVersion", [](RawPackage& one) { one.version = 1; }, "version 1 is not known to this program"},
    {"ANewerVersion", [](RawPackage& one) { one.version = 3; }, "version 3 is not known to this program"},
    {"AFlag", [](RawPackage& one) { one.flags = 1; }, "unknown flags"},
    {"IndexBeyondTheFile", [](RawPackage& one) { one.index_length = 100'000; }, "impossible length"},
    {"IndexLengthOverflows", [](RawPackage& one) { one.index_length = kHuge; }, "impossible length"},
    {"IndexLengthNothing", [](RawPackage& one) { one.index_length = 0; }, "the index of a package"},
    {"IndexSizeBeyondTheMost", [](RawPackage& one) { one.index_size = kLongestPackageIndex.count + 1; },
     "impossible length"},
    {"IndexSizeAtTheMost", [](RawPackage& one) { one.index_size = kLongestPackageIndex.count; },
     "fewer bytes than it says"},
    {"IndexSizeTooSmall", [](RawPackage& one) { one.index_size = 1; }, "more bytes than it says"},
    {"IndexSizeNothing", [](RawPackage& one) { one.index_size = 0; }, "more bytes than it says"},
    {"AByteBehindTheIndex", [](RawPackage& one) { one.behind_index = "x"; }, "bytes follow its end"},
    {"ASecondFrameBehindTheIndex", [](RawPackage& one) { one.behind_index = *compress({}); }, "bytes follow its end"},
    {"AFrameToSkipBeforeTheIndex",
     [](RawPackage& one) { one.before_index = std::string("\x50\x2a\x4d\x18\1\0\0\0x", 9); },
     "fewer bytes than it says"},
    {"AByteBehindTheFrames", [](RawPackage& one) { one.behind = "x"; }, "its length is not what the index says"},
};

const PackageRule kFrames[] = {
    {"AnotherFrame", [](RawPackage& one) { std::swap(one.frames[1], one.digested[1]), one.frames[1].back() ^= 1; },
     "frame 1 was altered"},
    {"AFrameThatIsOnlyStored", [](RawPackage& one) { set_frame(one, kZstd + stored_frame(one.contents[1], 10)); }},
    {"AFrameThatGivesMore", [](RawPackage& one) { set_frame(one, kZstd + stored_frame(one.contents[1] + "!", 10)); },
     "frame 1: it gives more bytes than it says"},
    {"AFrameThatGivesLess", [](RawPackage& one) { set_frame(one, kZstd + stored_frame("less", 10)); },
     "frame 1: it gives fewer bytes than it says"},
    {"AFrameThatGivesNothing", [](RawPackage& one) { set_frame(one, kZstd + stored_frame("", 10)); },
     "frame 1: it gives fewer bytes than it says"},
    {"AFrameThatIsABomb", [](RawPackage& one) { set_frame(one, *compress(as_bytes(std::string(100U << 20U, 'b')))); },
     "frame 1: it gives more bytes than it says"},
    {"AFrameToSkip", [](RawPackage& one) { set_frame(one, std::string("\x50\x2a\x4d\x18\1\0\0\0x", 9)); },
     "frame 1: it gives fewer bytes than it says"},
    {"TwoFramesInOne", [](RawPackage& one) { set_frame(one, one.frames[1] + one.frames[1]); },
     "frame 1: bytes follow its end"},
    {"AByteBehindAFrame", [](RawPackage& one) { set_frame(one, one.frames[1] + "x"); },
     "frame 1: bytes follow its end"},
    {"AFrameThatIsCutOff", [](RawPackage& one) { set_frame(one, one.frames[1].substr(0, one.frames[1].size() - 1)); },
     "frame 1: "},
    {"AFrameWithoutADictionaryItNeeds",
     [](RawPackage& one) {
       set_frame(one, kZstd + *compress_against(as_bytes(one.contents[1]), as_bytes(one.contents[1]), 3));
     },
     ""},
    {"AnotherContent",
     [](RawPackage& one) { set_frame(one, kZstd + stored_frame("and thirty bytes more of them!", 10)); },
     "file1: its content is not the signed one"},
    {"FramesThatChangedPlaces", [](RawPackage& one) { std::swap(one.frames[0], one.frames[1]); }, "was altered"},
};

std::string name_of_package_rule(const testing::TestParamInfo<PackageRule>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Head, PackageRules, testing::ValuesIn(kHead), name_of_package_rule);
INSTANTIATE_TEST_SUITE_P(Frames, PackageRules, testing::ValuesIn(kFrames), name_of_package_rule);

TEST(PackageReader, AFrameThatNeedsADictionaryIsNotMadeWithAnother) {
  const tests::TemporaryFolder folder;
  RawPackage package;
  package.contents = {std::string(100, 'a') + noise(200, 1), std::string(100, 'b') + noise(200, 1)};
  set_frame(package, kZstd + *compress_against(as_bytes(package.contents[0]), as_bytes(package.contents[1]), 19));
  package.frames[0] = package.digested[0] = *compress(as_bytes(package.contents[0]));
  folder.write("p", package.encoded());
  auto reader = PackageReader::open(opened(folder / "p"), nullptr);
  ASSERT_TRUE(reader) << reader.error().message();
  const auto unpacked = reader->unpack(system_files(), folder / "to", {}, {});
  ASSERT_FALSE(unpacked) << "the index says that there is no history";
  EXPECT_EQ(unpacked.error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace upswarm::package
