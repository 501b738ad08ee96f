#include "tests/protocol/package/raw_delta.hpp"

#include <algorithm>
#include <random>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/encode/compress.hpp"

namespace upswarm::package {
namespace {

constexpr int kStepBits = 3;
constexpr std::string_view kInserted = "inserted";
constexpr std::size_t kInsertedAt = 400;

void encode_images(const std::vector<RawImage>& images, ByteWriter& out) {
  out.varint(images.size());
  for (const auto& image : images) {
    out.varint(image.begin);
    out.varint(image.length);
    out.varint(image.segments.size());
    for (const auto& segment : image.segments) {
      out.varint(segment.offset);
      out.varint(segment.size);
      out.zigzag(segment.address);
    }
  }
}

void encode_anchors(const RawImage& image, ByteWriter& out) {
  out.varint(image.anchors.size());
  for (const auto& anchor : image.anchors) {
    out.varint(anchor.section);
    out.zigzag(anchor.symbol);
    out.zigzag(anchor.base);
    out.zigzag(anchor.new_base);
  }
}

std::string bytes_of(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TreeEntry file(const std::string& path, const std::string& content) {
  return {path, FileType::regular, 0644, Bytes{content.size()}, sha256(content), ""};
}
TreeEntry folder(const std::string& path) { return {path, FileType::folder, 0755, {}, {}, ""}; }

}  // namespace

std::string RawGroup::encoded() const {
  std::string bytes;
  ByteWriter out(bytes);
  out.u8(method);
  out.varint(runs.size());
  for (const auto& run : runs) {
    out.varint(run.entry);
    out.varint(run.files);
    if (run.files > 0) continue;
    out.varint(run.begin);
    out.varint(run.length);
  }
  out.varint(old_length);
  out.varint(new_length);
  if (method == 1) {
    out.varint(streams.back().length.value_or(streams.back().bytes.size()));
    return bytes;
  }
  encode_images(old_images, out);
  for (const auto& image : old_images) encode_anchors(image, out);
  encode_images(new_images, out);
  out.varint(regions.size());
  for (const auto& region : regions) {
    out.u8(region.kind);
    out.varint(region.begin);
    out.varint(region.length);
    if (region.kind == 3 || region.kind == 4 || region.kind == 6 || region.kind == 7) out.varint(region.base);
    if (region.kind == 3 || region.kind == 4) out.zigzag(region.new_base);
  }
  out.varint(hints.size());
  for (const auto& hint : hints) {
    out.varint(hint.from);
    out.varint(hint.to);
    out.varint(hint.length);
  }
  out.varint(copies);
  for (const auto& stream : streams) {
    out.varint(stream.size.value_or(stream.bytes.size()) << 1U | (stream.is_compressed ? 1U : 0U));
    if (stream.is_compressed) out.varint(stream.length.value_or(stream.bytes.size()));
  }
  return bytes;
}

std::string RawDelta::encoded() const {
  std::string plan;
  ByteWriter out(plan);
  out.u8(filter_count.value_or(static_cast<std::uint8_t>(filters.size())));
  for (const auto& filter : filters) {
    out.u8(static_cast<std::uint8_t>(filter.size()));
    out.raw(filter);
  }
  out.varint(unpacked);
  out.varint(tree_length.value_or(tree.size()));
  out.raw(tree);
  out.varint(group_count.value_or(groups.size()));
  for (const auto& group : groups) out.raw(group.encoded());
  out.raw(behind_plan);
  const auto frame = before_frame + *compress(as_bytes(plan)) + behind_frame;
  std::string bytes;
  ByteWriter file(bytes);
  file.raw(magic);
  file.u32(version);
  file.u32(flags);
  file.digest(from_content);
  file.digest(to_content);
  file.u64(plan_length.value_or(frame.size()));
  file.u64(plan_size.value_or(plan.size()));
  file.raw(frame);
  for (const auto& group : groups) {
    for (const auto& stream : group.streams) file.raw(stream.bytes);
  }
  return bytes + behind_streams;
}

std::string varints(const std::vector<std::uint64_t>& numbers) {
  std::string bytes;
  ByteWriter out(bytes);
  for (const auto number : numbers) out.varint(number);
  return bytes;
}

SampleBase sample_base() {
  SampleBase base;
  base.contents = {{"a", bytes_of(1000, 1)}, {"b", bytes_of(500, 2)}, {"d/c", "an old line\n"}};
  base.tree.entries = {file("a", base.contents[0].second),
                       file("b", base.contents[1].second),
                       folder("d"),
                       file("d/c", base.contents[2].second),
                       folder("e"),
                       {"l", FileType::symlink, 0777, {}, {}, "a"}};
  return base;
}

RawDelta sample_delta() {
  const auto base = sample_base();
  auto content = base.contents[0].second;
  content.insert(kInsertedAt, kInserted);
  auto tree = base.tree;
  tree.entries[0] = file("a", content);
  RawDelta delta;
  delta.from_content = content_digest(base.tree);
  delta.to_content = content_digest(tree);
  delta.unpacked = tree.total_size().count;
  ByteWriter out(delta.tree);
  out.varint(tree.entries.size());
  out.varint(1U << kStepBits | 2U);  // changed: a
  out.varint(0);                     // patched
  out.varint(content.size());
  out.raw(as_text(start_of(tree.entries[0].digest)));
  out.varint(5U << kStepBits | 0U);  // keep the others
  RawGroup group;
  group.runs = {{.entry = 0, .files = 2}};
  group.old_length = 1500;
  group.new_length = content.size();
  group.copies = 2;
  group.stream(Stream::extra_lengths).bytes = varints({0, kInserted.size()});
  group.stream(Stream::copy_lengths).bytes = varints({kInsertedAt, 1000 - kInsertedAt});
  group.stream(Stream::seeks).bytes = varints({0, 0});
  group.stream(Stream::extra).bytes = kInserted;
  delta.groups = {group};
  return delta;
}

RawDelta sample_delta_with_text(const std::string& text) {
  auto delta = sample_delta();
  auto tree = sample_base().tree;
  auto content = sample_base().contents[0].second;
  content.insert(kInsertedAt, kInserted);
  tree.entries[0] = file("a", content);
  tree.entries[3] = file("d/c", text);
  delta.to_content = content_digest(tree);
  delta.unpacked = tree.total_size().count;
  delta.tree.pop_back();
  ByteWriter out(delta.tree);
  out.varint(2U << kStepBits | 0U);  // keep b, d
  out.varint(1U << kStepBits | 2U);  // changed: d/c
  out.varint(1);                     // prefixed
  out.varint(text.size());
  out.raw(as_text(start_of(tree.entries[3].digest)));
  out.varint(2U << kStepBits | 0U);  // keep e, l
  RawGroup group;
  group.method = 1;
  group.runs = {{.entry = 3, .files = 1}};
  group.old_length = sample_base().contents[2].second.size();
  group.new_length = text.size();
  group.stream(Stream::extra).bytes = *compress_against(as_bytes(sample_base().contents[2].second), as_bytes(text), 3);
  delta.groups.insert(delta.groups.begin(), group);
  return delta;
}

}  // namespace upswarm::package
