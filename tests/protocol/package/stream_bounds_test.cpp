// Each rule of the streams of a delta, at the bound and beyond it; and of groups that have a prefix.
#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/stream_source.hpp"
#include "protocol/package/encode/compress.hpp"
#include "tests/protocol/package/delta_rules.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint64_t kHuge = ~std::uint64_t{0};

class StreamRules : public DeltaRules {};

TEST_P(StreamRules, Hold) {
  auto delta = sample_delta();
  GetParam().change(delta);
  expect(delta, GetParam().why);
}

RawStream& stream(RawDelta& one, Stream which) { return one.groups[0].stream(which); }

/// As zstd would give it back, with a window of 2^`window_log` bytes.
void pack(RawStream& one, int window_log) {
  one.size = one.bytes.size();
  one.bytes = stored_frame(one.bytes, window_log);
  one.is_compressed = true;
}

std::string zigzags(const std::vector<std::int64_t>& numbers) {
  std::string bytes;
  ByteWriter out(bytes);
  for (const auto number : numbers) out.zigzag(number);
  return bytes;
}

const Rule kCopies[] = {
    {"MoreCopiesThanTheMost", [](RawDelta& one) { one.groups[0].copies = kMostCopies + 1; }, "too many copies"},
    {"MostCopies", [](RawDelta& one) { one.groups[0].copies = kMostCopies; }, "\"extra_lengths\": it ends too early"},
    {"ACopyLess", [](RawDelta& one) { one.groups[0].copies = 1; }, "\"extra_lengths\": it says more than is needed"},
    {"ACopyMore", [](RawDelta& one) { one.groups[0].copies = 3; }, "\"extra_lengths\": it ends too early"},
    {"ADifferenceInsideOfAPredictedField",
     [](RawDelta& one) {
       one.groups[0].method = 2;
       one.groups[0].copies = 3;
       stream(one, Stream::extra_lengths).bytes = varints({0, 0, 0});
       stream(one, Stream::copy_lengths).bytes = varints({100, 100, 808});
       stream(one, Stream::seeks).bytes = zigzags({0, -100, -100});
       stream(one, Stream::extra).bytes = "";
       // Twice the first four bytes become 5 more, so that it is expected the third time.
       stream(one, Stream::gaps).bytes = varints({0, 96, 98});
       stream(one, Stream::differences).bytes = std::string("\5\0\0\0\5\0\0\0\5\0\0\0", 12);
     },
     "a difference begins inside of a field that is predicted"},
    {"ACopyOfNothing",
     [](RawDelta& one) {
       stream(one, Stream::copy_lengths).bytes = varints({400, 0});
     },
     "a copy lies outside of what is made"},
    {"ACopyBeyondWhatIsMade",
     [](RawDelta& one) {
       stream(one, Stream::copy_lengths).bytes = varints({400, 601});
     },
     "a copy lies outside of what is made"},
    {"ACopyThatOverflows",
     [](RawDelta& one) {
       stream(one, Stream::copy_lengths).bytes = varints({400, kHuge});
     },
     "a copy lies outside of what is made"},
    {"NewBytesBeyondWhatIsMade",
     [](RawDelta& one) {
       stream(one, Stream::extra_lengths).bytes = varints({0, 609});
     },
     "a copy lies outside of what is made"},
    {"NewBytesThatOverflow",
     [](RawDelta& one) {
       stream(one, Stream::extra_lengths).bytes = varints({1, kHuge});
     },
     "a copy lies outside of what is made"},
    {"ACopyFromTheEndOfTheOldSpace",
     [](RawDelta& one) {
       stream(one, Stream::seeks).bytes = zigzags({0, 500});
     },
     "not the one it describes"},
    {"ACopyFromBeyondTheOldSpace",
     [](RawDelta& one) {
       stream(one, Stream::seeks).bytes = zigzags({0, 501});
     },
     "a copy comes from outside of the base"},
    {"ACopyFromTheStartOfTheOldSpace",
     [](RawDelta& one) {
       stream(one, Stream::seeks).bytes = zigzags({0, -400});
     },
     "not the one it describes"},
    {"ACopyFromBeforeTheOldSpace",
     [](RawDelta& one) {
       stream(one, Stream::seeks).bytes = zigzags({0, -401});
     },
     "a copy comes from outside of the base"},
    {"ASeekThatOverflows",
     [](RawDelta& one) {
       stream(one, Stream::seeks).bytes = varints({0, kHuge});
     },
     "a copy comes from outside of the base"},
    {"ANumberLongerThanNeeded",
     [](RawDelta& one) { stream(one, Stream::seeks).bytes = std::string("\x80\x00\x00", 3); },
     "\"seeks\": a number has another form than it should"},
    {"ANumberBeyondSixtyFourBits",
     [](RawDelta& one) { stream(one, Stream::seeks).bytes = std::string(9, '\xff') + std::string("\x02\x00", 2); },
     "\"seeks\": a number has another form than it should"},
    {"ANumberWithoutAnEnd", [](RawDelta& one) { stream(one, Stream::seeks).bytes = std::string(11, '\xff'); },
     "\"seeks\": a number has another form than it should"},
    {"AByteLessThanIsNew", [](RawDelta& one) { stream(one, Stream::extra).bytes.pop_back(); },
     "\"extra\": it ends too early"},
    {"AByteMoreThanIsNew", [](RawDelta& one) { stream(one, Stream::extra).bytes += 'x'; }, "\"extra\": it says more"},
    {"ADifferenceThatChangesAByte",
     [](RawDelta& one) {
       stream(one, Stream::gaps).bytes = varints({999});
       stream(one, Stream::differences).bytes = "\1";
     },
     "not the one it describes"},
    {"ADifferenceOfNothing",
     [](RawDelta& one) {
       stream(one, Stream::gaps).bytes = varints({999});
       stream(one, Stream::differences).bytes = std::string(1, '\0');
     }},
    {"ADifferenceBehindTheLastCopy",
     [](RawDelta& one) {
       stream(one, Stream::gaps).bytes = varints({1000});
       stream(one, Stream::differences).bytes = std::string(1, '\0');
     },
     "\"differences\": it says more than is needed"},
    {"ADifferenceThatIsNotThere", [](RawDelta& one) { stream(one, Stream::gaps).bytes = varints({0}); },
     "\"differences\": it ends too early"},
    {"AReferenceThatNobodyAskedFor", [](RawDelta& one) { stream(one, Stream::references).bytes = varints({1}); },
     "\"references\": it says more than is needed"},
    {"TokensThatNobodyAskedFor",
     [](RawDelta& one) {
       stream(one, Stream::tokens).bytes = varints({1, 1});
     },
     "\"tokens\": it says more than is needed"},
};

const Rule kFrames[] = {
    {"AFrameInsteadOfBytes", [](RawDelta& one) { pack(stream(one, Stream::extra), 10); }},
    {"TheLargestWindow", [](RawDelta& one) { pack(stream(one, Stream::extra), 23); }},
    {"AWindowBeyondTheLargest", [](RawDelta& one) { pack(stream(one, Stream::extra), 24); }, "too much memory"},
    {"TheLargestWindowOfDifferences", [](RawDelta& one) { pack(stream(one, Stream::differences), 22); }},
    {"AWindowBeyondThatOfDifferences", [](RawDelta& one) { pack(stream(one, Stream::differences), 23); },
     "\"differences\": Frame requires too much memory"},
    {"TheLargestWindowOfOthers", [](RawDelta& one) { pack(stream(one, Stream::seeks), 21); }},
    {"AWindowBeyondThatOfOthers", [](RawDelta& one) { pack(stream(one, Stream::seeks), 22); },
     "\"seeks\": Frame requires too much memory"},
    {"AFrameThatGivesLess",
     [](RawDelta& one) {
       stream(one, Stream::extra).bytes = "insert";
       pack(stream(one, Stream::extra), 10);
       stream(one, Stream::extra).size = 8;
     },
     "\"extra\": it is cut off"},
    {"AFrameThatGivesMore",
     [](RawDelta& one) {
       stream(one, Stream::extra).bytes = "inserted!";
       pack(stream(one, Stream::extra), 10);
       stream(one, Stream::extra).size = 8;
     },
     "\"extra\": it gives more bytes than it says"},
    {"AFrameThatIsABomb",
     [](RawDelta& one) {
       auto& extra = stream(one, Stream::extra);
       extra.bytes = *compress_bare(as_bytes("inserted" + std::string(100U << 20U, 'b')), 1, 21);
       extra.size = 8;
       extra.is_compressed = true;
     },
     "\"extra\": it gives more bytes than it says"},
    {"AByteBehindTheFrame",
     [](RawDelta& one) {
       pack(stream(one, Stream::extra), 10);
       stream(one, Stream::extra).bytes += 'x';
     },
     "\"extra\": bytes follow its end"},
    {"AFrameThatIsCutOff",
     [](RawDelta& one) {
       pack(stream(one, Stream::extra), 10);
       stream(one, Stream::extra).bytes.pop_back();
     },
     "\"extra\": it is cut off"},
    {"AFrameOfNothing",
     [](RawDelta& one) {
       stream(one, Stream::extra).is_compressed = true;
       stream(one, Stream::extra).bytes.clear();
       stream(one, Stream::extra).size = 8;
     },
     "\"extra\": it is cut off"},
    {"NoFrame",
     [](RawDelta& one) {
       stream(one, Stream::extra).is_compressed = true;
       stream(one, Stream::extra).size = 8;
     },
     "stream \"extra\""},
    {"AStreamLengthBeyondTheFile",
     [](RawDelta& one) {
       pack(stream(one, Stream::extra), 10);
       stream(one, Stream::extra).length = 100'000;
     },
     "length is not what the plan says"},
    {"AStreamLengthBeyondAnySpace",
     [](RawDelta& one) {
       pack(stream(one, Stream::extra), 10);
       stream(one, Stream::extra).length = kLargestSpace.count + 1;
     },
     "a stream is too long"},
    {"AStreamSizeBeyondTheMost",
     [](RawDelta& one) {
       pack(stream(one, Stream::extra), 10);
       stream(one, Stream::extra).size = 8 * kLargestSpace.count + 1;
     },
     "a stream is too long"},
    {"AStreamSizeAtTheMost",
     [](RawDelta& one) {
       pack(stream(one, Stream::extra), 10);
       stream(one, Stream::extra).size = 8 * kLargestSpace.count;
     },
     "\"extra\": it says more than is needed"},
    {"TwoStreamsThatChangedPlaces",
     [](RawDelta& one) { std::swap(stream(one, Stream::copy_lengths), stream(one, Stream::extra)); },
     "\"copy_lengths\": it says more than is needed"},
};

class PrefixRules : public DeltaRules {};

/// The changes are made to a delta whose first group has a prefix.
TEST_P(PrefixRules, Hold) {
  auto delta = sample_delta_with_text("a new line\n");
  GetParam().change(delta);
  expect(delta, GetParam().why);
}

const Rule kPrefixes[] = {
    {"AWholeOne", [](RawDelta&) {}},
    {"GroupsThatChangedPlaces", [](RawDelta& one) { std::swap(one.groups[0], one.groups[1]); },
     "not the one it describes"},
    {"PrefixBeyondTheMost", [](RawDelta& one) { one.groups[0].old_length = kLargestPrefix.count + 1; },
     "a group with a prefix is too large"},
    {"PrefixAtTheMost", [](RawDelta& one) { one.groups[0].old_length = kLargestPrefix.count; },
     "what the base does not have"},
    {"MakesMoreThanTheMost", [](RawDelta& one) { one.groups[0].new_length = kLargestPrefixed.count + 1; },
     "a group with a prefix is too large"},
    {"MakesTheMost", [](RawDelta& one) { one.groups[0].new_length = kLargestPrefixed.count; },
     "fewer bytes than it says"},
    {"MakesAByteLess", [](RawDelta& one) { --one.groups[0].new_length; }, "more bytes than it says"},
    {"MakesNothing", [](RawDelta& one) { one.groups[0].new_length = 0; }, "makes less than its tree needs"},
    {"AFrameLongerThanAny",
     [](RawDelta& one) { one.groups[0].stream(Stream::extra).length = kLargestPrefixed.count + (1U << 20U) + 1; },
     "a group with a prefix is too large"},
    {"AFrameBeyondTheFile", [](RawDelta& one) { one.groups[0].stream(Stream::extra).length = 10'000; },
     "length is not what the plan says"},
    {"AFrameOfNothing", [](RawDelta& one) { one.groups[0].stream(Stream::extra).bytes.clear(); }, "a delta"},
    {"AByteBehindTheFrame", [](RawDelta& one) { one.groups[0].stream(Stream::extra).bytes += 'x'; },
     "bytes follow its end"},
    {"ASecondFrame", [](RawDelta& one) { one.groups[0].stream(Stream::extra).bytes += *compress({}); },
     "bytes follow its end"},
    {"AFrameThatIsCutOff", [](RawDelta& one) { one.groups[0].stream(Stream::extra).bytes.pop_back(); }, "a delta"},
};

INSTANTIATE_TEST_SUITE_P(Copies, StreamRules, testing::ValuesIn(kCopies), name_of_rule);
INSTANTIATE_TEST_SUITE_P(Frames, StreamRules, testing::ValuesIn(kFrames), name_of_rule);
INSTANTIATE_TEST_SUITE_P(Prefixes, PrefixRules, testing::ValuesIn(kPrefixes), name_of_rule);

}  // namespace
}  // namespace upswarm::package
