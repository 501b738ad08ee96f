// Each rule and each named maximum of a delta, at the bound and beyond it: one field of a right delta changed at a
// time.
#include "protocol/package/encode/compress.hpp"
#include "tests/protocol/package/delta_rules.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint64_t kSpace = kLargestSpace.count;
constexpr std::uint64_t kHuge = ~std::uint64_t{0};

TEST_P(DeltaRules, Hold) {
  auto delta = sample_delta();
  GetParam().change(delta);
  expect(delta, GetParam().why);
}

const Rule kHead[] = {
    {"AWholeOne", [](RawDelta&) {}},
    {"AnotherBeginning", [](RawDelta& one) { one.magic = "UPSWPKG\n"; }, "does not begin like one"},
    {"AnOlderVersion", [](RawDelta& one) { one.version = 1; }, "version 1 is not known to this program"},
    {"ANewerVersion", [](RawDelta& one) { one.version = 3; }, "version 3 is not known to this program"},
    {"AFlag", [](RawDelta& one) { one.flags = 0x80000000U; }, "unknown flags"},
    {"PlanBeyondTheFile", [](RawDelta& one) { one.plan_length = 100'000; }, "impossible length"},
    {"PlanLengthOverflows", [](RawDelta& one) { one.plan_length = kHuge; }, "impossible length"},
    {"PlanSizeBeyondTheMost", [](RawDelta& one) { one.plan_size = (512ULL << 20U) + 1; }, "impossible length"},
    {"PlanSizeAtTheMost", [](RawDelta& one) { one.plan_size = 512ULL << 20U; }, "fewer bytes than it says"},
    {"PlanSizeOverflows", [](RawDelta& one) { one.plan_size = kHuge; }, "impossible length"},
    {"PlanSizeTooSmall", [](RawDelta& one) { one.plan_size = 1; }, "more bytes than it says"},
    {"PlanSizeNothing", [](RawDelta& one) { one.plan_size = 0; }, "more bytes than it says"},
    {"PlanLengthNothing", [](RawDelta& one) { one.plan_length = 0; }, "the plan of a delta"},
    {"PlanLengthTooSmall", [](RawDelta& one) { one.plan_length = 20; }, "the plan of a delta"},
    {"AByteBehindThePlansFrame", [](RawDelta& one) { one.behind_frame = "x"; }, "bytes follow its end"},
    {"ASecondFrameBehindThePlan", [](RawDelta& one) { one.behind_frame = *compress({}); }, "bytes follow its end"},
    {"AFrameToSkipBeforeThePlan", [](RawDelta& one) { one.before_frame = std::string("\x50\x2a\x4d\x18\1\0\0\0x", 9); },
     "fewer bytes than it says"},
    {"AByteBehindThePlan", [](RawDelta& one) { one.behind_plan = "x"; }, "plan is cut off, or longer than it says"},
    {"AByteBehindTheStreams", [](RawDelta& one) { one.behind_streams = "x"; }, "length is not what the plan says"},
};

const Rule kPlan[] = {
    {"AFilterNobodyNeeds", [](RawDelta& one) { one.filters = {"x86-64"}; }},
    {"SixteenFilters", [](RawDelta& one) { one.filters.assign(16, "x86-64"); }},
    {"SeventeenFilters", [](RawDelta& one) { one.filters.assign(17, "x86-64"); }, "too many filters"},
    {"AFilterOfTomorrow",
     [](RawDelta& one) {
       one.filters = {"x86-64", "arm64"};
     },
     "\"arm64\" is not known to this program"},
    {"ALongNameOfAFilter", [](RawDelta& one) { one.filters = {std::string(64, 'n')}; },
     "nnn\" is not known to this program"},
    {"TooLongANameOfAFilter", [](RawDelta& one) { one.filters = {std::string(65, 'n')}; }, "impossible name"},
    {"NoNameOfAFilter", [](RawDelta& one) { one.filters = {""}; }, "impossible name"},
    {"ANameOfAFilterThatMovesTheCursor", [](RawDelta& one) { one.filters = {"\x1b[2J"}; }, "impossible name"},
    {"FiltersThatAreNotThere", [](RawDelta& one) { one.filter_count = 3; }, "a filter"},
    {"AnotherSizeOfTheTree", [](RawDelta& one) { ++one.unpacked; }, "another size than it says"},
    {"ATreeBeyondThePlan", [](RawDelta& one) { one.tree_length = 100'000; }, "cut off"},
    {"ATreeLengthThatOverflows", [](RawDelta& one) { one.tree_length = kHuge; }, "cut off"},
    {"AByteBehindTheTree", [](RawDelta& one) { one.tree += '\0'; }, "its tree is longer than it says"},
    {"NoTree", [](RawDelta& one) { one.tree.clear(); }, "its tree is cut off"},
    {"NoGroups", [](RawDelta& one) { one.groups.clear(); }, "makes less than its tree needs"},
    {"TheGroupTwice", [](RawDelta& one) { one.groups.push_back(one.groups[0]); }, "makes more than its tree holds"},
    {"AGroupThatIsNotThere", [](RawDelta& one) { one.group_count = 2; }, "group 1: a group is cut off"},
    {"MoreGroupsThanAnyMayHave", [](RawDelta& one) { one.group_count = kMostGroups + 1; }, "too many groups"},
    {"GroupsThatOverflow", [](RawDelta& one) { one.group_count = kHuge; }, "too many groups"},
    {"AnotherBase", [](RawDelta& one) { one.from_content = sha256("other"); }, "another release"},
    {"AnotherResult", [](RawDelta& one) { one.to_content = sha256("other"); }, "another tree than it says"},
    {"AnotherFile", [](RawDelta& one) { one.tree[5] = static_cast<char>(~one.tree[5]); }, "not the one it describes"},
};

RawGroup& group(RawDelta& one) { return one.groups[0]; }

const Rule kOldRuns[] = {
    {"AWayOfMakingOfTomorrow", [](RawDelta& one) { group(one).method = 3; }, "group 0: a group is made in a way"},
    {"FilesOneByOne",
     [](RawDelta& one) {
       group(one).runs = {{0, 1}, {1, 1}};
     }},
    {"AFileInTwoParts",
     [](RawDelta& one) {
       group(one).runs = {{0, 0, 0, 500}, {0, 0, 500, 500}, {1, 1}};
     },
     "a file of the base twice"},
    {"AFileTwice",
     [](RawDelta& one) {
       group(one).runs = {{0, 2}, {1, 1}};
       group(one).old_length = 2000;
     },
     "a file of the base twice"},
    {"PartsThatAreWholeFiles",
     [](RawDelta& one) {
       group(one).runs = {{0, 0, 0, 1000}, {1, 0, 0, 500}};
     }},
    {"APartBeyondItsFile",
     [](RawDelta& one) {
       group(one).runs = {{0, 0, 500, 501}};
       group(one).old_length = 501;
     },
     "what the base does not have"},
    {"APartThatBeginsBehindItsFile",
     [](RawDelta& one) {
       group(one).runs = {{0, 0, 1001, 1}};
       group(one).old_length = 1;
     },
     "what the base does not have"},
    {"APartThatOverflows",
     [](RawDelta& one) {
       group(one).runs = {{0, 0, 2, kHuge}};
       group(one).old_length = 1;
     },
     "what the base does not have"},
    {"AnEmptyPart",
     [](RawDelta& one) {
       group(one).runs.push_back({1, 0, 0, 0});
     },
     "an empty part of a file"},
    {"APartOfAFolder",
     [](RawDelta& one) {
       group(one).runs = {{2, 0, 0, 1}};
       group(one).old_length = 1;
     },
     "what the base does not have"},
    {"MoreFilesThanTheBaseHas",
     [](RawDelta& one) {
       group(one).runs = {{0, 4}};
       group(one).old_length = 5000;
     },
     "what the base does not have"},
    {"AFileBehindTheLast",
     [](RawDelta& one) {
       group(one).runs = {{6, 1}};
     },
     "what the base does not have"},
    {"EntryBeyondAnyTree", [](RawDelta& one) { group(one).runs[0].entry = kMostTreeEntries; }, "impossible files"},
    {"EntryThatOverflows",
     [](RawDelta& one) {
       group(one).runs.push_back({kHuge, 1});
     },
     "impossible files"},
    {"FilesBeyondAnyTree", [](RawDelta& one) { group(one).runs[0].files = kMostTreeEntries + 1; }, "impossible files"},
    {"OldSpaceLongerThanItsFiles", [](RawDelta& one) { ++group(one).old_length; }, "what the base does not have"},
    {"OldSpaceShorterThanItsFiles", [](RawDelta& one) { --group(one).old_length; }, "what the base does not have"},
    {"OldSpaceBeyondTheMost", [](RawDelta& one) { group(one).old_length = kSpace + 1; }, "a group makes too much"},
    {"OldSpaceAtTheMost", [](RawDelta& one) { group(one).old_length = kSpace; }, "what the base does not have"},
    {"MakesOneByteLess", [](RawDelta& one) { --group(one).new_length; }, "outside of what is made"},
    {"MakesOneByteMore", [](RawDelta& one) { ++group(one).new_length; }, "it ends too early"},
    {"MakesTheMost", [](RawDelta& one) { group(one).new_length = kSpace; }, "stream \"extra\""},
    {"MakesMoreThanTheMost", [](RawDelta& one) { group(one).new_length = kSpace + 1; }, "a group makes too much"},
};

/// Both sides of the group are one image each, with a region over all of the old one.
void add_images(RawDelta& one, std::uint8_t kind = 2) {
  one.filters = {"x86-64", "elf-relocatable"};
  group(one).old_images = {{0, 1000, {{0, 1000, 0x1000}}}};
  group(one).new_images = {{0, 1008, {{0, 1008, 0x1000}}}};
  group(one).regions = {{.kind = kind, .begin = 0, .length = 1000, .base = 0x1000, .new_base = 8}};
}

RawImage& image(RawDelta& one) {
  add_images(one);
  return group(one).old_images[0];
}

const Rule kImages[] = {
    {"RegionsOfCode", [](RawDelta& one) { add_images(one, 1); }},
    {"RegionsOfPointers", [](RawDelta& one) { add_images(one, 2); }},
    {"RegionsOfOffsets", [](RawDelta& one) { add_images(one, 3); }},
    {"RegionsOfUnwinding", [](RawDelta& one) { add_images(one, 4); }},
    {"RegionsOfTables", [](RawDelta& one) { add_images(one, 5); }},
    {"RegionKindNothing", [](RawDelta& one) { add_images(one, 0); }, "region kind 0 is not known"},
    {"RegionsOfRelocations", [](RawDelta& one) { add_images(one, 6); }},
    {"RegionsOfSymbols", [](RawDelta& one) { add_images(one, 7); }},
    {"RegionKindOfTomorrow", [](RawDelta& one) { add_images(one, 8); }, "region kind 8 is not known"},
    {"RegionsOfCodeWithAnotherFilter",
     [](RawDelta& one) {
       add_images(one, 1);
       one.filters = {"elf-relocatable"};
     },
     "no filter is named"},
    {"RegionsOfSymbolsWithAnotherFilter",
     [](RawDelta& one) {
       add_images(one, 7);
       one.filters = {"x86-64"};
     },
     "no filter is named"},
    {"Anchors",
     [](RawDelta& one) {
       image(one).anchors = {{0, 0, 5, 9}, {3, 7, -5, -9}};
     }},
    {"AnchorsThatFall",
     [](RawDelta& one) {
       image(one).anchors = {{3, 0, 5, 9}, {0, 7, -5, -9}};
     },
     "an anchor is impossible"},
    {"AnchorAtTheLastSectionAndSymbol",
     [](RawDelta& one) {
       image(one).anchors = {{0xffff'ffffU, 0xffff'ffff, 0, 0}};
     }},
    {"AnchorBeyondTheLastSection",
     [](RawDelta& one) {
       image(one).anchors = {{0x1'0000'0000U, 0, 0, 0}};
     },
     "an anchor is impossible"},
    {"AnchorBeyondTheLastSymbol",
     [](RawDelta& one) {
       image(one).anchors = {{1, 0x1'0000'0000, 0, 0}};
     },
     "an anchor is impossible"},
    {"AnchorOfSymbolBeforeTheFirst",
     [](RawDelta& one) {
       image(one).anchors = {{1, -1, 0, 0}};
     },
     "an anchor is impossible"},
    {"MostAnchors", [](RawDelta& one) { image(one).anchors.assign(kMostAnchors, {1}); }},
    {"MoreAnchorsThanTheMost", [](RawDelta& one) { image(one).anchors.assign(kMostAnchors + 1, {1}); },
     "too many anchors"},
    {"RegionsWithoutAFilter",
     [](RawDelta& one) {
       add_images(one);
       one.filters.clear();
     },
     "no filter is named"},
    {"ImageOfNothing", [](RawDelta& one) { group(one).old_images = {{}}; }},
    {"ImageThatEndsWithItsSpace", [](RawDelta& one) { image(one).length = 1500; }},
    {"ImageBeyondItsSpace", [](RawDelta& one) { image(one).length = 1501; }, "an image lies outside of its space"},
    {"NewImageBeyondItsSpace",
     [](RawDelta& one) {
       add_images(one);
       group(one).new_images[0].length = 1009;
     },
     "an image lies outside of its space"},
    {"ImageThatOverflows", [](RawDelta& one) { image(one).begin = kHuge; }, "a place lies beyond its space"},
    {"ImageAtTheEndOfAnySpace", [](RawDelta& one) { image(one).begin = kSpace; }, "a place lies beyond its space"},
    {"MostSegments",
     [](RawDelta& one) {
       image(one).segments.assign(kMostSegments, {0, 2, 0});
     }},
    {"MoreSegmentsThanTheMost",
     [](RawDelta& one) {
       image(one).segments.assign(kMostSegments + 1, {0, 2, 0});
     },
     "an image has too many segments"},
    {"SegmentThatEndsWithItsImage",
     [](RawDelta& one) {
       image(one).segments[0] = {999, 1, 0x1000};
     }},
    {"SegmentThatEndsBehindItsImage",
     [](RawDelta& one) {
       image(one).segments[0] = {999, 2, 0x1000};
     },
     "a segment lies in another file"},
    {"SegmentInAnotherFile",
     [](RawDelta& one) {
       image(one).segments[0] = {1200, 10, 0x1000};
     },
     "a segment lies in another file"},
    {"SegmentThatNoByteBacks",
     [](RawDelta& one) {
       image(one).segments.push_back({500, 4096, 0});
     }},
    {"SegmentThatOverflows", [](RawDelta& one) { image(one).segments[0].size = kHuge; }, "beyond its space"},
    {"SegmentUpToTheEndOfAnySpace",
     [](RawDelta& one) {
       image(one).segments.push_back({500, kSpace - 1500, 0});
     }},
    {"SegmentBeyondAnySpace",
     [](RawDelta& one) {
       image(one).segments.push_back({500, kSpace - 1499, 0});
     },
     "a place lies beyond its space"},
    {"SegmentsThatTouch",
     [](RawDelta& one) {
       image(one).segments = {{0, 500, 0x1000}, {0, 500, 0}};
     }},
    {"SegmentsThatOverlapInMemory",
     [](RawDelta& one) {
       image(one).segments = {{0, 500, 0x1000}, {0, 500, -1}};
     },
     "segments of an image overlap"},
    {"SegmentAtTheEndOfMemory",
     [](RawDelta& one) {
       image(one).segments = {{0, 100, -101}};
     }},
    {"SegmentBeyondTheEndOfMemory",
     [](RawDelta& one) {
       image(one).segments = {{0, 101, -101}};
     },
     "segments of an image overlap"},
    {"MostImages", [](RawDelta& one) { group(one).old_images.assign(kMostImages, {}); }},
    {"MoreImagesThanTheMost", [](RawDelta& one) { group(one).old_images.assign(kMostImages + 1, {}); },
     "too many images"},
    {"RegionBeyondItsImage",
     [](RawDelta& one) {
       add_images(one);
       group(one).regions[0].length = 1001;
     },
     "a region lies outside of every image"},
    {"RegionWithoutAnImage",
     [](RawDelta& one) {
       add_images(one);
       group(one).regions[0].begin = 1000;
     },
     "a region lies outside of every image"},
    {"RegionThatOverflows",
     [](RawDelta& one) {
       add_images(one);
       group(one).regions[0].length = kHuge;
     },
     "a place lies beyond its space"},
    {"MostRegions",
     [](RawDelta& one) {
       add_images(one);
       group(one).regions.assign(kMostRegions, {.kind = 2});
     }},
    {"MoreRegionsThanTheMost",
     [](RawDelta& one) {
       add_images(one);
       group(one).regions.assign(kMostRegions + 1, {.kind = 2});
     },
     "too many regions"},
    {"HintsOverBothSpaces",
     [](RawDelta& one) {
       group(one).hints = {{0, 0, 1008}, {1500, 1008, 0}};
     }},
    {"HintBeyondTheOldSpace",
     [](RawDelta& one) {
       group(one).hints = {{1499, 0, 2}};
     },
     "a hint lies outside of its space"},
    {"HintBeyondTheNewSpace",
     [](RawDelta& one) {
       group(one).hints = {{0, 1, 1008}};
     },
     "a hint lies outside of its space"},
    {"HintThatOverflows",
     [](RawDelta& one) {
       group(one).hints = {{1, 1, kHuge}};
     },
     "a hint lies outside of its space"},
    {"MostHints",
     [](RawDelta& one) {
       group(one).hints.assign(kMostImages, {0, 0, 1});
     }},
    {"MoreHintsThanTheMost",
     [](RawDelta& one) {
       group(one).hints.assign(kMostImages + 1, {0, 0, 1});
     },
     "too many hints"},
};

INSTANTIATE_TEST_SUITE_P(Head, DeltaRules, testing::ValuesIn(kHead), name_of_rule);
INSTANTIATE_TEST_SUITE_P(Plan, DeltaRules, testing::ValuesIn(kPlan), name_of_rule);
INSTANTIATE_TEST_SUITE_P(OldRuns, DeltaRules, testing::ValuesIn(kOldRuns), name_of_rule);
INSTANTIATE_TEST_SUITE_P(Images, DeltaRules, testing::ValuesIn(kImages), name_of_rule);

}  // namespace
}  // namespace upswarm::package
