#include "protocol/package/decode/opened_files.hpp"

#include <gtest/gtest.h>

#include "protocol/package/decode/patch_group.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint64_t kHuge = ~std::uint64_t{0};

/// The fields of the format, so that a test can change one of them.
struct RawOpened {
  struct File {
    std::uint64_t distance = 0;
    std::uint64_t size = 0;
    std::uint64_t streams = 0;
  };
  std::vector<File> old_files{{1, 3000, 2}};
  std::vector<std::uint64_t> old_gaps{10, 20};
  std::vector<File> new_files{{0, 4000, 2}, {2, 500, 1}};
  std::vector<std::uint64_t> new_gaps{10, 30, 0};
  std::vector<std::uint64_t> sizes{3000, 900, 500};
  std::vector<std::pair<std::uint8_t, std::uint64_t>> recipes{{0x86, 2}, {0x09, 1}};

  std::string encoded() const {
    std::string bytes;
    ByteWriter out(bytes);
    const auto tell = [&](const std::vector<File>& files) {
      out.varint(files.size());
      for (const auto& file : files) {
        out.varint(file.distance);
        out.varint(file.size);
        out.varint(file.streams);
      }
    };
    tell(old_files);
    for (const auto gap : old_gaps) out.varint(gap);
    tell(new_files);
    for (const auto gap : new_gaps) out.varint(gap);
    for (const auto size : sizes) out.varint(size);
    for (const auto& [recipe, count] : recipes) {
      out.u8(recipe);
      out.varint(count);
    }
    return bytes;
  }
};

TreeEntry file(const std::string& path, std::uint64_t size) {
  return {path, FileType::regular, 0644, Bytes{size}, {}, ""};
}
TreeEntry folder(const std::string& path) { return {path, FileType::folder, 0755, {}, {}, ""}; }

const Tree kBase{{folder("d"), file("d/old", 300), file("empty", 0)}};

ToldTree told_tree() {
  ToldTree told;
  told.tree.entries = {file("a", 200), file("copied", 9), file("b", 40)};
  told.sources = {{ContentSource::Kind::patched, 0, {}},
                  {ContentSource::Kind::copied, 1, {}},
                  {ContentSource::Kind::prefixed, 0, {}}};
  return told;
}

Result<OpenedFiles> read(const std::string& bytes, std::size_t parts = kMostParts) {
  ByteReader in(bytes);
  UPSWARM_TRY(auto opened, decode_opened(in, parts));
  if (!in.is_at_end()) return Error{ErrorKind::corrupt, "a delta", "bytes are left"};
  UPSWARM_CHECK(check_opened(opened, kBase, told_tree()));
  return opened;
}

struct Rule {
  const char* name;
  void (*change)(RawOpened& one);
  const char* why = "";
};
void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.name; }

class OpenedRules : public testing::TestWithParam<Rule> {};

TEST_P(OpenedRules, Hold) {
  RawOpened raw;
  GetParam().change(raw);
  const std::string why = GetParam().why;
  const auto opened = read(raw.encoded());
  if (why.empty()) {
    EXPECT_TRUE(opened) << opened.error().message();
    return;
  }
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
  EXPECT_NE(opened.error().message().find(why), std::string::npos) << opened.error().message();
}

const Rule kRules[] = {
    {"AWholeOne", [](RawOpened&) {}},
    {"AnOldFileThatIsNotThere", [](RawOpened& one) { one.old_files[0].distance = 3; }, "what the base does not have"},
    {"AnOldFolder", [](RawOpened& one) { one.old_files[0].distance = 0; }, "what the base does not have"},
    {"AnOldFileThatIsEmpty", [](RawOpened& one) { one.old_files[0].distance = 2; }, "what the base does not have"},
    {"AnOldFileBeyondEveryTree", [](RawOpened& one) { one.old_files[0].distance = kMostTreeEntries; },
     "impossible files"},
    {"AnEntryThatOverflows", [](RawOpened& one) { one.old_files[0].distance = kHuge; }, "impossible files"},
    {"AnOldFileTwice",
     [](RawOpened& one) {
       one.old_files.push_back({0, 5, 1});
       one.old_gaps.push_back(0);
     },
     "impossible files"},
    {"AnOldFileWithoutStreams", [](RawOpened& one) { one.old_files[0].streams = 0; }, "without streams"},
    {"MoreOldFilesThanParts",
     [](RawOpened& one) {
       one.old_files.assign(kMostParts + 1, {1, 0, 1});
     },
     "opens too much"},
    {"MoreStreamsThanParts", [](RawOpened& one) { one.old_files[0].streams = kMostParts; }, "opens too much"},
    {"ManyStreamsThatAreNotThere", [](RawOpened& one) { one.new_files[1].streams = kMostParts / 2; }, "a stream"},
    {"StreamsThatOverflow", [](RawOpened& one) { one.new_files[1].streams = kHuge; }, "opens too much"},
    {"AnOldFileAsLargeAsItCanBe", [](RawOpened& one) { one.old_files[0].size = 300 * 1032 + 1031; }},
    {"AnOldFileLargerThanItCanBe", [](RawOpened& one) { one.old_files[0].size = 301 * 1032; }, "a file can hold"},
    {"AnOldFileOfTheMost", [](RawOpened& one) { one.old_files[0].size = kLargestSpace.count; }, "a file can hold"},
    {"AnOldFileBeyondTheMost", [](RawOpened& one) { one.old_files[0].size = kLargestSpace.count + 1; },
     "more than is allowed"},
    {"AnOldSizeThatOverflows", [](RawOpened& one) { one.old_files[0].size = kHuge; }, "more than is allowed"},
    {"FiveFilesOfFourGiB",
     [](RawOpened& one) {
       one.new_files.assign(5, {1, kLargestSpace.count, 1});
     },
     "more than is allowed"},
    {"GapsUpToTheEnd", [](RawOpened& one) { one.old_gaps[1] = 300 - 10 - 4; }},
    {"GapsBeyondTheEnd", [](RawOpened& one) { one.old_gaps[1] = 300 - 10 - 3; }, "outside of its file"},
    {"AGapThatOverflows", [](RawOpened& one) { one.old_gaps[1] = kHuge; }, "outside of its file"},
    {"ANewFileThatIsNotThere", [](RawOpened& one) { one.new_files[1].distance = 3; }, "what it does not make"},
    {"ANewFileThatIsCopied", [](RawOpened& one) { one.new_files[1].distance = 1; }, "what it does not make"},
    {"ANewFileTwice", [](RawOpened& one) { one.new_files[1].distance = 0; }, "impossible files"},
    {"ANewFileWithoutStreams", [](RawOpened& one) { one.new_files[0].streams = 0; }, "without streams"},
    {"StreamsBeyondTheirFile", [](RawOpened& one) { one.sizes[1] = 961; }, "outside of its file"},
    {"AStreamThatOverflows", [](RawOpened& one) { one.sizes[1] = kHuge; }, "outside of its file"},
    {"ANewGapThatOverflows", [](RawOpened& one) { one.new_gaps[1] = kHuge; }, "outside of its file"},
    {"AnEmptyStream", [](RawOpened& one) { one.sizes[2] = 0; }, "outside of its file"},
    {"AsMuchBetweenStreamsAsTheFileHolds", [](RawOpened& one) { one.sizes[0] = 2904; }},
    {"MoreBetweenStreamsThanTheFileHolds", [](RawOpened& one) { one.sizes[0] = 2903; }, "outside of its file"},
    {"ARecipeOfTomorrow", [](RawOpened& one) { one.recipes[0].first = 0x8a; }, "not known"},
    {"NoRecipe", [](RawOpened& one) { one.recipes.clear(); }, "has no recipe"},
    {"ARecipeForNothing", [](RawOpened& one) { one.recipes[0].second = 0; }, "has no recipe"},
    {"TooFewRecipes", [](RawOpened& one) { one.recipes[1].second = 0; }, "has no recipe"},
    {"TooManyRecipes", [](RawOpened& one) { one.recipes[1].second = 2; }, "more recipes than streams"},
    {"RecipesThatOverflow", [](RawOpened& one) { one.recipes[0].second = kHuge; }, "more recipes than streams"},
};

INSTANTIATE_TEST_SUITE_P(All, OpenedRules, testing::ValuesIn(kRules), [](const auto& one) { return one.param.name; });

TEST(OpenedFilesTest, WhatIsToldIsRead) {
  const auto opened = read(RawOpened().encoded());
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->parts(), 8U);
  ASSERT_NE(opened->find_old(1), nullptr);
  EXPECT_EQ(opened->find_old(1)->gaps, (std::vector<Bytes>{10_B, 20_B}));
  EXPECT_EQ(opened->find_old(0), nullptr);
  ASSERT_NE(opened->find_new(2), nullptr);
  EXPECT_EQ(opened->find_new(2)->streams[0].recipe, (DeflateRecipe{9, 0}));
  EXPECT_EQ(opened->find_new(1), nullptr);
  std::string again;
  ByteWriter out(again);
  encode_opened(*opened, out);
  EXPECT_EQ(again, RawOpened().encoded());
}

TEST(OpenedFilesTest, CutOffAnywhere) {
  const auto whole = RawOpened().encoded();
  for (std::size_t length = 0; length < whole.size(); ++length) EXPECT_FALSE(read(whole.substr(0, length))) << length;
}

TEST(OpenedFilesTest, GroupsAndOpenedFilesShareTheirParts) {
  EXPECT_TRUE(read(RawOpened().encoded(), 8));
  EXPECT_FALSE(read(RawOpened().encoded(), 7));
}

}  // namespace
}  // namespace upswarm::package
