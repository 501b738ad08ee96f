#include "protocol/package/tree.hpp"

#include "protocol/package/byte_coding.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/stop_at_read.hpp"

namespace upswarm::package {
namespace {

TreeEntry file(const std::string& path) {
  return {.path = path, .type = FileType::regular, .mode = 0644, .size = 1_B, .digest = sha256("x"), .link_target = {}};
}
TreeEntry folder_at(const std::string& path) {
  return {.path = path, .type = FileType::folder, .mode = 0755, .size = {}, .digest = {}, .link_target = {}};
}
TreeEntry link(const std::string& path, const std::string& target) {
  return {.path = path, .type = FileType::symlink, .mode = 0777, .size = {}, .digest = {}, .link_target = target};
}

class BadNames : public testing::TestWithParam<std::string> {};

TEST_P(BadNames, AreRefused) {
  const auto checked = check_tree({{folder_at("d"), file(GetParam())}});
  ASSERT_FALSE(checked) << GetParam();
  EXPECT_EQ(checked.error().kind, ErrorKind::corrupt);
  EXPECT_EQ(checked.error().reason, "unsafe_path");
}

INSTANTIATE_TEST_SUITE_P(Names, BadNames,
                         testing::Values("", ".", "..", "../x", "d/../x", "d/..", "/etc/passwd", "d//x", "d/", "./x",
                                         "d/.", "C:x", "C:/x", "d\\x", "..\\x", "x:stream", "CON", "con.txt", "d/NUL",
                                         "d/com1.log", "LPT9", "aux ", "d/x.", "d/x ", "x\ny", std::string("x\0y", 3),
                                         "x\x7f", "x\xc2\x85y", "x*", "x?", "x\"", "x<", "x>", "x|", "\xff\xfe",
                                         "d/\xc0\xaf", "d/\xed\xa0\x80", "e/x", "z/deep/x", std::string(256, 'n')));

TEST(Tree, GoodNamesAreAccepted) {
  for (const char* name : {"x", "x.y", "x y", "...x", "console", "com", "lpt10", "\xe4\xb8\xad", "x+y~1", "-rf"}) {
    const auto checked = check_tree({{file(name)}});
    EXPECT_TRUE(checked) << name << ": " << checked.error().message();
  }
}

TEST(Tree, NamesThatFoldToOneAreRefusedByBothNames) {
  struct Pair {
    const char* one;
    const char* other;
    const char* by;
  };
  for (const auto& [one, other, by] :
       {Pair{"README", "readme", "case"},
        Pair{"STRASSE",
             "stra\xc3\x9f"
             "e",
             "case"},
        Pair{"\xce\xa3", "\xcf\x82", "case"}, Pair{"e\xcc\x81", "\xc3\xa9", "Unicode form"},
        Pair{"E\xcc\x81", "\xc3\xa9", "case"},
        Pair{"ab",
             "a\xc2\xad"
             "b",
             "Unicode form"}}) {
    const auto refused = check_tree({{file(one), file(other)}});
    ASSERT_FALSE(refused) << one << " and " << other;
    EXPECT_EQ(refused.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(refused.error().reason, "names_collide");
    EXPECT_NE(refused.error().context.find("\"" + std::string(one) + "\" and \"" + other + "\""), std::string::npos);
    EXPECT_EQ(refused.error().cause, "they differ by " + std::string(by) + " alone");
  }
}

TEST(Tree, NamesThatFoldToOneCollideInOneFolderAlone) {
  const std::string composed = "\xc3\xa9";
  const std::string apart = "e\xcc\x81";
  EXPECT_TRUE(check_tree({{folder_at("a"), file("a/" + composed), folder_at("b"), file("b/" + apart)}}));
  EXPECT_FALSE(check_tree({{folder_at("a"), file("a/" + apart), file("a/" + composed)}}));
  EXPECT_FALSE(check_tree({{folder_at(apart), file(apart + "/x"), folder_at(composed), file(composed + "/y")}}));
}

TEST(Tree, AHundredThousandNamesOfAnyScriptAreFolded) {
  Tree tree;
  for (int i = 0; i < 100'000; ++i)
    tree.entries.push_back(file("\xd0\x91\xd0\xb0\xd0\xb9-\xc3\x89-" + std::to_string(100'000 + i)));
  EXPECT_TRUE(check_tree(tree));
}

TEST(Tree, AFileIsNoFolder) { EXPECT_FALSE(check_tree({{file("a"), file("a/b")}})); }

TEST(Tree, OrderMatters) { EXPECT_FALSE(check_tree({{file("b"), file("a")}})); }

TEST(Tree, ALinkIsNoFolderToWriteThrough) { EXPECT_FALSE(check_tree({{link("a", "b"), file("a/x")}})); }

TEST(Tree, LinksStayInside) {
  for (const char* target : {"x", "./x", "y/../x", "x/y", "y/.."})
    EXPECT_TRUE(check_tree({{link("l", target), folder_at("y")}})) << target;
  for (const char* target : {"", "/etc", "..", "../x", "x/../../y", "a//b", "\\\\host\\x"})
    EXPECT_FALSE(check_tree({{link("l", target)}})) << target;
  EXPECT_TRUE(check_tree({{folder_at("d"), link("d/l", "../x")}}));
  EXPECT_FALSE(check_tree({{folder_at("d"), link("d/l", "../../x")}}));
}

TEST(Tree, LinksThroughLinksStayInside) {
  // By the names l leads to the top. By way of x, which is the top, it would lead above it.
  const auto refused = check_tree({{link("l", "x/.."), link("x", ".")}});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().cause.find("goes back out of what is no folder"), std::string::npos);
  EXPECT_FALSE(check_tree({{folder_at("d"), link("d/l", "x/../../y"), link("d/x", "..")}}));
  EXPECT_FALSE(check_tree({{link("l", "X/.."), link("x", ".")}})) << "where case does not count";
  EXPECT_FALSE(check_tree({{link("l", "missing/../x")}}));
  EXPECT_TRUE(check_tree({{link("l", "x/y"), link("x", "z")}})) << "forward it may go through any";
  EXPECT_TRUE(check_tree({{folder_at("d"), link("d/l", "../e/../f"), folder_at("e")}}));
}

TEST(Tree, PathsHaveBounds) {
  const auto deep = [](int parts, std::size_t name, std::size_t last) {
    Tree tree;
    std::string path;
    for (int i = 1; i <= parts; ++i) {
      path += (path.empty() ? "" : "/") + std::string(i < parts ? name : last, 'n');
      tree.entries.push_back(folder_at(path));
    }
    return check_tree(tree);
  };
  EXPECT_TRUE(deep(17, 240, 240)) << "4,096 bytes";
  EXPECT_NE(deep(17, 240, 241).error().cause.find("longer than 4096 bytes"), std::string::npos);
  EXPECT_TRUE(deep(kDeepestTree, 1, 1));
  EXPECT_NE(deep(kDeepestTree + 1, 1, 1).error().cause.find("deeper than 128"), std::string::npos);
  EXPECT_TRUE(deep(1, 1, kLongestName));
  EXPECT_NE(deep(1, 1, kLongestName + 1).error().cause.find("longer than 255 bytes"), std::string::npos);
  EXPECT_TRUE(check_tree({{link("l", std::string(kLongestTreePath, 't'))}}));
  EXPECT_FALSE(check_tree({{link("l", std::string(kLongestTreePath + 1, 't'))}}));
}

TEST(Tree, CountsFilesThatAreNewOtherOrGone) {
  auto altered = file("d/b");
  altered.digest = sha256("y");
  const Tree from{{file("a"), folder_at("d"), file("d/b"), file("d/c"), folder_at("e"), link("z", "a")}};
  EXPECT_EQ(count_changed_files({}, from), 4U);
  EXPECT_EQ(count_changed_files(from, {}), 4U);
  EXPECT_EQ(count_changed_files(from, from), 0U);
  EXPECT_EQ(count_changed_files(from, {{file("a"), folder_at("d"), altered, file("d/d"), link("z", "d/b")}}), 4U)
      << "d/b altered, d/c gone, d/d new, z leads elsewhere";
  EXPECT_EQ(count_changed_files({{file("a")}}, {{folder_at("a")}}), 1U);
}

TEST(Tree, WhatIsSaidOfABadNameHarmsNoTerminal) {
  const std::vector<std::string> names{"\x1b[2Jx", "\xc2\x9b[2J", "\xff\xfe", "d/../\xe4\xb8",
                                       "/" + std::string(198, 'x') + "\xe4\xb8\xad"};
  for (const auto& name : names) {
    const auto refused = check_tree({{file(name)}});
    ASSERT_FALSE(refused);
    const auto message = refused.error().message();
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
    EXPECT_EQ(message.find('\xc2'), std::string::npos);
    EXPECT_EQ(message.find("\xe4\xb8\""), std::string::npos) << "half a character: " << message;
    EXPECT_EQ(message.find('\xff'), std::string::npos);
  }
}

TEST(Tree, FilesFoldersAndLinksHaveTheModesOfTheFormat) {
  for (const std::uint32_t mode : {0U, 0600U, 0666U, 0777U, 0644U | (1U << 31U)}) {
    auto entry = file("x");
    entry.mode = mode;
    EXPECT_FALSE(check_tree({{entry}})) << mode;
  }
  auto program = file("x");
  program.mode = 0755;
  EXPECT_TRUE(check_tree({{program}}));
  auto folder = folder_at("x");
  for (const std::uint32_t mode : {0644U, 0700U, 0777U}) {
    folder.mode = mode;
    EXPECT_FALSE(check_tree({{folder}})) << mode;
  }
  auto to = link("l", "x");
  to.mode = 0755;
  EXPECT_FALSE(check_tree({{to}}));
}

TEST(Tree, SetIdBitsAreRefused) {
  for (const std::uint32_t mode : {04755U, 02755U, 01777U}) {
    auto entry = file("x");
    entry.mode = mode;
    EXPECT_FALSE(check_tree({{entry}})) << mode;
  }
}

TEST(Tree, ItsDigestNeverChanges) {
  const Tree tree{{folder_at("d"), file("d/x"), link("l", "d/x")}};
  // A literal: when this fails, every installed machine would take its own release for another one.
  EXPECT_EQ(sha256(encode_tree(tree)), content_digest(tree));
  EXPECT_EQ(encode_tree(tree).size(), 8U + 4 + (1 + 4 + 1 + 4) + (1 + 4 + 3 + 4 + 8 + 32) + (1 + 4 + 1 + 4 + 4 + 3));
  EXPECT_EQ(to_string(Bytes{encode_tree(tree).size()}), "91 B");
}

TEST(Tree, TheDigestOfALargeOneIsThatOfAllItsBytes) {
  Tree tree;
  for (int i = 0; i < 3000; ++i) tree.entries.push_back(file("file" + std::to_string(10'000 + i)));
  const auto bytes = encode_tree(tree);
  EXPECT_GT(bytes.size(), 128U << 10U) << "which are hashed by and by";
  EXPECT_EQ(content_digest(tree), sha256(bytes));
}

TEST(Tree, NamesThatDifferByCaseAloneAreFoundWhereverTheyAre) {
  Tree tree;
  for (const char* name : {"AB", "B", "aB"}) tree.entries.push_back(file(name));
  for (int i = 0; i < 300; ++i) tree.entries.push_back(file("file" + std::to_string(100 + i)));
  const auto refused = check_tree(tree);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().cause, "they differ by case alone");
  EXPECT_NE(refused.error().context.find("\"AB\" and \"aB\""), std::string::npos);
  tree.entries[2] = file("ab_");
  EXPECT_TRUE(check_tree(tree)) << check_tree(tree).error().message();
}

TEST(Tree, ComesBackFromItsBytes) {
  const Tree tree{{folder_at("d"), file("d/x"), link("l", "d/x")}};
  const auto back = decode_tree(encode_tree(tree), "test");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, tree);
}

TEST(Tree, EveryTruncationIsRefused) {
  const auto bytes = encode_tree({{folder_at("d"), file("d/x"), link("l", "d/x")}});
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(decode_tree(bytes.substr(0, length), "test")) << length;
  EXPECT_FALSE(decode_tree(bytes + "x", "test"));
}

TEST(Tree, ACountBeyondItsBytesIsRefusedWithoutAllocating) {
  std::string bytes = encode_tree({{file("x")}});
  for (std::size_t i = 8; i < 12; ++i) bytes[i] = '\xff';
  EXPECT_FALSE(decode_tree(bytes, "test"));
}

TEST(Tree, SizesThatOverflowAreRefused) {
  auto one = file("a");
  auto two = file("b");
  one.size = two.size = Bytes{std::uint64_t{1} << 62U};
  EXPECT_FALSE(decode_tree(encode_tree({{one, two}}), "test"));
  one.size = Bytes{kLargestTree.count - 1};
  two.size = 1_B;
  EXPECT_TRUE(decode_tree(encode_tree({{one, two}}), "test"));
}

TEST(Tree, AnyDifferenceOnDiskIsFound) {
  const tests::TemporaryFolder folder;
  const auto top = write_tree(folder, "t", {{"a", "one"}, {"d/b", "two"}});
  const auto tree = scanned(top);
  ASSERT_TRUE(verify_tree(system_files(), top, tree));
  folder.write("t/a", "One");
  EXPECT_NE(verify_tree(system_files(), top, tree).error().cause.find("altered"), std::string::npos);
  folder.write("t/a", "one");
  folder.write("t/extra", "");
  EXPECT_NE(verify_tree(system_files(), top, tree).error().cause.find("does not belong"), std::string::npos);
  std::filesystem::remove(top / "extra");
  std::filesystem::remove(top / "d/b");
  EXPECT_NE(verify_tree(system_files(), top, tree).error().cause.find("missing"), std::string::npos);
}

TEST(Tree, VerifyingEndsWhenAskedTo) {
  const tests::TemporaryFolder folder;
  const auto top = write_tree(folder, "t", {{"a", "one"}, {"large", std::string(1'000'000, 'x')}, {"z", ""}});
  const auto tree = scanned(top);
  tests::expect_stops_at_every_read(
      6, [&](Files& files, const std::stop_token& stop) { return verify_tree(files, top, tree, stop); });
}

}  // namespace
}  // namespace upswarm::package
