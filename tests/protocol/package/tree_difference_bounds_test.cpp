// Each rule of a tree that is told as a difference, at the bound and beyond it.
#include "tests/protocol/package/raw_delta.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint64_t kHuge = ~std::uint64_t{0};
constexpr unsigned kRegular = 0;
constexpr unsigned kFolder = 1;
constexpr unsigned kLink = 2;

/// The difference, step by step.
class Told {
 public:
  explicit Told(std::uint64_t count) { out().varint(count); }

  Told& keep(std::uint64_t count) { return step(0, count); }
  Told& drop(std::uint64_t count) { return step(1, count); }
  Told& step(unsigned kind, std::uint64_t count) {
    out().varint(count << 3U | kind);
    return *this;
  }
  /// A regular file's: 0 patched, 1 prefixed, from 2 on an entry of the base.
  Told& content(std::uint64_t kind, std::uint64_t size = 0) {
    out().varint(kind);
    if (kind >= 2) return *this;
    out().varint(size);
    out().raw("12345678");
    return *this;
  }
  Told& entry(const std::string& path, unsigned type, std::uint64_t mode, std::uint64_t shared = 0) {
    out().varint(shared);
    out().varint(path.size());
    out().raw(path);
    out().u8(static_cast<std::uint8_t>(type));
    out().varint(mode);
    return *this;
  }
  Told& text(const std::string& bytes) {
    out().varint(bytes.size());
    out().raw(bytes);
    return *this;
  }
  Told& number(std::uint64_t value) {
    out().varint(value);
    return *this;
  }
  Told& moved(std::uint64_t count, std::uint64_t place, std::uint64_t strip, const std::string& start) {
    step(4, count).number(place).number(strip);
    return text(start);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  ByteWriter out() { return ByteWriter(bytes_); }
  std::string bytes_;
};

/// One new entry before "a" of the base.
Told fresh(const std::string& path, unsigned type, std::uint64_t mode) {
  return Told(1).step(3, 1).entry(path, type, mode);
}

struct TreeRule {
  const char* name;
  std::string (*told)();
  const char* why = "";
};
void PrintTo(const TreeRule& rule, std::ostream* out) { *out << rule.name; }

class TreeDifferenceRules : public testing::TestWithParam<TreeRule> {};

TEST_P(TreeDifferenceRules, Hold) {
  const auto bytes = GetParam().told();
  ByteReader in(bytes);
  const auto told = decode_tree_difference(in, sample_base().tree);
  const std::string why = GetParam().why;
  if (why.empty()) {
    ASSERT_TRUE(told) << told.error().message();
    EXPECT_TRUE(check_tree(told->tree));
    EXPECT_TRUE(in.is_at_end());
    return;
  }
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().kind, ErrorKind::corrupt);
  EXPECT_NE(told.error().message().find(why), std::string::npos) << told.error().message();
}

// The base: 0 a, 1 b, 2 d/, 3 d/c, 4 e/, 5 l -> a
const TreeRule kSteps[] = {
    {"Nothing", [] { return Told(0).bytes(); }},
    {"AllIsKept", [] { return Told(6).keep(6).bytes(); }},
    {"AllIsGone", [] { return Told(1).drop(6).step(3, 1).entry("z", kFolder, 0755).bytes(); }},
    {"KeepsOneTooMany", [] { return Told(7).keep(7).bytes(); }, "keeps what the base does not have"},
    {"DropsOneTooMany", [] { return Told(1).drop(7).bytes(); }, "keeps what the base does not have"},
    {"KeepsMoreThanItSays", [] { return Told(5).keep(6).bytes(); }, "longer than it says"},
    {"KeepsLessThanItSays", [] { return Told(6).keep(5).bytes(); }, "its tree is"},
    {"MoreEntriesThanTheMost", [] { return Told(kMostTreeEntries + 1).bytes(); }, "too many entries"},
    {"EntriesThatOverflow", [] { return Told(kHuge).bytes(); }, "too many entries"},
    {"AStepOfNothing", [] { return Told(6).keep(0).bytes(); }, "its tree is impossible"},
    {"AStepThatOverflows", [] { return Told(6).keep(kHuge >> 3U).bytes(); }, "its tree is impossible"},
    {"AStepOfTomorrow", [] { return Told(6).step(5, 1).bytes(); }, "not known"},
    {"ChangesAFile", [] { return Told(1).step(2, 1).content(0, 5).bytes(); }},
    {"ChangesAFolder", [] { return Told(1).drop(2).step(2, 1).content(0, 5).bytes(); }, "changes what is no file"},
    {"ChangesALink", [] { return Told(1).drop(5).step(2, 1).content(0, 5).bytes(); }, "changes what is no file"},
    {"ChangesOneTooMany", [] { return Told(1).drop(6).step(2, 1).content(0, 5).bytes(); }, "base does not have"},
    {"CopiesALaterFile", [] { return Told(1).step(2, 1).content(2 + 3).bytes(); }},
    {"CopiesAFolder", [] { return Told(1).step(2, 1).content(2 + 2).bytes(); }, "copies what the base does not have"},
    {"CopiesALink", [] { return Told(1).step(2, 1).content(2 + 5).bytes(); }, "copies what the base does not have"},
    {"CopiesBehindTheLast", [] { return Told(1).step(2, 1).content(2 + 6).bytes(); }, "copies what the base does not"},
    {"CopiesAnOverflow", [] { return Told(1).step(2, 1).content(kHuge).bytes(); }, "copies what the base does not"},
    {"TheLargestTree", [] { return Told(1).step(2, 1).content(0, kLargestTree.count).bytes(); }},
    {"BeyondTheLargestTree", [] { return Told(1).step(2, 1).content(0, kLargestTree.count + 1).bytes(); },
     "its sizes overflow"},
    {"SizesThatOverflow",
     [] { return Told(2).step(2, 2).content(0, kLargestTree.count).content(0, 3 * kLargestTree.count + 5).bytes(); },
     "its sizes overflow"},
};

const TreeRule kEntries[] = {
    {"AFolder", [] { return fresh("n", kFolder, 0755).bytes(); }},
    {"AFile", [] { return fresh("n", kRegular, 0644).content(0, 5).bytes(); }},
    {"AProgram", [] { return fresh("n", kRegular, 0755).content(1, 5).bytes(); }},
    {"ALink", [] { return fresh("n", kLink, 0777).text("a").bytes(); }},
    {"ATypeOfTomorrow", [] { return fresh("n", 3, 0644).bytes(); }, "no known type"},
    {"AFileThatOthersMayWrite", [] { return fresh("n", kRegular, 0666).content(0, 5).bytes(); }, "its mode"},
    {"AFolderThatOthersMayWrite", [] { return fresh("n", kFolder, 0777).bytes(); }, "its mode"},
    {"ASetIdBit", [] { return fresh("n", kRegular, 04755).content(0, 5).bytes(); }, "its mode"},
    {"AModeThatOverflows", [] { return fresh("n", kRegular, (1ULL << 32U) + 0644).content(0, 5).bytes(); }, "its mode"},
    {"APathLongerThanAny", [] { return fresh(std::string(kLongestTreePath + 1, 'p'), kFolder, 0755).bytes(); },
     "a path is"},
    {"APathThatSharesMoreThanThereIs", [] { return Told(1).step(3, 1).entry("n", kFolder, 0755, 1).bytes(); },
     "a path is impossible"},
    {"APathThatGrowsTooLong",
     [] {
       return Told(2)
           .step(3, 2)
           .entry(std::string(kLongestTreePath, 'p'), kFolder, 0755)
           .entry("p", kFolder, 0755, kLongestTreePath)
           .bytes();
     },
     "a path is too long"},
    {"ALinkLongerThanAny", [] { return fresh("n", kLink, 0777).text(std::string(kLongestTreePath + 1, 't')).bytes(); },
     "the target of a link is too long"},
    {"TheLongestLink", [] { return fresh("n", kLink, 0777).text(std::string(kLongestTreePath, 't')).bytes(); }},
    {"APathThatLeadsOut", [] { return fresh("../n", kFolder, 0755).bytes(); }, "are not allowed"},
    {"ALinkThatLeadsOut", [] { return fresh("n", kLink, 0777).text("../n").bytes(); }, "leads out of the tree"},
    {"APathThroughALink", [] { return Told(7).keep(6).step(3, 1).entry("l/x", kFolder, 0755).bytes(); },
     "what it lies in is not a folder"},
    {"APathThroughAFile", [] { return Told(2).keep(1).step(3, 1).entry("a/x", kFolder, 0755).bytes(); },
     "what it lies in is not a folder"},
    {"TheSamePathTwice", [] { return Told(2).keep(1).step(3, 1).entry("a", kFolder, 0755).bytes(); }, "not in order"},
    {"APathThatDiffersByCaseAlone", [] { return Told(2).step(3, 1).entry("A", kFolder, 0755).keep(1).bytes(); },
     "by case alone"},
    {"PathsOutOfOrder", [] { return Told(2).step(3, 2).entry("z", kFolder, 0755).entry("y", kFolder, 0755).bytes(); },
     "not in order"},
};

const TreeRule kMoves[] = {
    {"MovesAFolder", [] { return Told(3).step(3, 1).entry("n", kFolder, 0755).moved(2, 0, 0, "n/").bytes(); }},
    {"MovesByAnotherStart", [] { return Told(1).moved(1, 3, 2, "").bytes(); }},
    {"MovesOneTooMany", [] { return Told(7).moved(7, 0, 0, "n").bytes(); }, "moves what the base does not have"},
    {"MovesBehindTheLast", [] { return Told(1).moved(1, 6, 0, "n").bytes(); }, "moves what the base does not have"},
    {"MovesAnOverflow", [] { return Told(1).moved(1, kHuge, 0, "n").bytes(); }, "moves what the base does not have"},
    {"MovesMoreThanItSays", [] { return Told(1).moved(2, 0, 0, "n").bytes(); }, "moves what the base does not have"},
    {"StripsMoreThanThePath", [] { return Told(1).moved(1, 0, 2, "n").bytes(); }, "no such path"},
    {"StripsAnOverflow", [] { return Told(1).moved(1, 0, kHuge, "n").bytes(); }, "no such path"},
    {"StripsAllOfThePath", [] { return Told(1).moved(1, 0, 1, "n").bytes(); }},
    {"AStartLongerThanAnyPath", [] { return Told(1).moved(1, 0, 0, std::string(kLongestTreePath + 1, 'n')).bytes(); },
     "moves what the base does not have"},
    {"APathThatGrowsTooLong", [] { return Told(1).moved(1, 0, 0, std::string(kLongestTreePath, 'n')).bytes(); },
     "a path is too long"},
    {"LinksThatLeadOutWhereTheyAreNow",
     [] { return Told(2).step(3, 1).entry("l2", kLink, 0777).text("e/..").keep(1).bytes(); },
     "goes back out of what is no folder"},
};

std::string name_of_tree_rule(const testing::TestParamInfo<TreeRule>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Steps, TreeDifferenceRules, testing::ValuesIn(kSteps), name_of_tree_rule);
INSTANTIATE_TEST_SUITE_P(Entries, TreeDifferenceRules, testing::ValuesIn(kEntries), name_of_tree_rule);
INSTANTIATE_TEST_SUITE_P(Moves, TreeDifferenceRules, testing::ValuesIn(kMoves), name_of_tree_rule);

TEST(TreeDifferenceBounds, EveryTruncationIsRefused) {
  for (const auto* rules : {kSteps, kEntries, kMoves}) {
    const auto whole = rules[1].told();
    for (std::size_t length = 0; length < whole.size(); ++length) {
      ByteReader in(std::string_view(whole).substr(0, length));
      EXPECT_FALSE(decode_tree_difference(in, sample_base().tree)) << length;
    }
  }
}

}  // namespace
}  // namespace upswarm::package
