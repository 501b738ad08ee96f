// A delta as the fields of its format, so that a test can change one of them: right in all else.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "protocol/package/decode/patch_group.hpp"
#include "protocol/package/tree_difference.hpp"
#include "tests/protocol/package/stored_frame.hpp"

namespace upswarm::package {

struct RawStream {
  std::string bytes;                    ///< as they stand in the file
  std::optional<std::uint64_t> size{};  ///< of what they give, when it is not as many bytes
  bool is_compressed = false;
  std::optional<std::uint64_t> length{};  ///< that is told for `bytes`
};

struct RawSegment {
  std::uint64_t offset = 0;  ///< from the end of the one before
  std::uint64_t size = 0;
  std::int64_t address = 0;  ///< from the end of the one before
};

struct RawAnchor {
  std::uint64_t section = 0;  ///< these four from the anchor before
  std::int64_t symbol = 0;
  std::int64_t base = 0;
  std::int64_t new_base = 0;  ///< less base
};

struct RawImage {
  std::uint64_t begin = 0;  ///< from the end of the one before
  std::uint64_t length = 0;
  std::vector<RawSegment> segments{};
  std::vector<RawAnchor> anchors{};  ///< of old images
};

struct RawRegion {
  std::uint8_t kind = 1;
  std::uint64_t begin = 0;  ///< from the end of the one before
  std::uint64_t length = 0;
  std::uint64_t base = 0;
  std::int64_t new_base = 0;  ///< from base
};

struct RawRun {
  std::uint64_t entry = 0;  ///< from the run before
  std::uint64_t files = 0;
  std::uint64_t begin = 0;
  std::uint64_t length = 0;
};

struct RawHint {
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  std::uint64_t length = 0;
};

struct RawGroup {
  std::uint8_t method = 0;
  std::vector<RawRun> runs;
  std::uint64_t old_length = 0;
  std::uint64_t new_length = 0;
  std::vector<RawImage> old_images;
  std::vector<RawImage> new_images;
  std::vector<RawRegion> regions;
  std::vector<RawHint> hints;
  std::uint64_t copies = 0;
  std::array<RawStream, kStreams> streams;

  RawStream& stream(Stream which) { return streams.at(static_cast<std::size_t>(which)); }
  std::string encoded() const;
};

struct RawDelta {
  std::string magic{"UPSWDLT\n"};
  std::uint32_t version = 2;
  std::uint32_t flags = 0;
  Sha256 from_content;
  Sha256 to_content;
  std::vector<std::string> filters;
  std::uint64_t unpacked = 0;
  std::string tree;  ///< the difference
  std::vector<RawGroup> groups;

  std::optional<std::uint8_t> filter_count;
  std::optional<std::uint64_t> tree_length;
  std::optional<std::uint64_t> group_count;
  std::optional<std::uint64_t> plan_size;
  std::optional<std::uint64_t> plan_length;
  std::string behind_plan;   ///< inside of its zstd frame
  std::string before_frame;  ///< of the plan
  std::string behind_frame;
  std::string behind_streams;

  std::string encoded() const;
};

/// Numbers as a stream holds them.
std::string varints(const std::vector<std::uint64_t>& numbers);

/// The base of sample_delta: the files a (1,000 bytes), b (500), d/c, the folders d and e, the link l to a.
struct SampleBase {
  Tree tree;
  std::vector<std::pair<std::string, std::string>> contents;  ///< path and bytes of each file
};
SampleBase sample_base();

/// Puts "inserted" into the middle of a, by two copies; all else stays. One group, whose old space is a and b.
RawDelta sample_delta();

/// Makes a text of `text` anew, beside what sample_delta does: a second group, with d/c as its prefix.
RawDelta sample_delta_with_text(const std::string& text);

}  // namespace upswarm::package
