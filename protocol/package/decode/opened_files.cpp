#include "protocol/package/decode/opened_files.hpp"

#include <algorithm>

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/patch_group.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint64_t kShortestStream = 2;  ///< bytes

Error corrupt(std::string why) { return corrupt_package("a delta", std::move(why)); }

template <typename File>
const File* find_entry(const std::vector<File>& files, std::uint32_t entry) {
  const auto place = std::ranges::lower_bound(files, entry, {}, &File::entry);
  return place != files.end() && place->entry == entry ? &*place : nullptr;
}

const std::vector<Bytes>& streams_of(const OpenedOld& file) { return file.gaps; }
const std::vector<OpenedStream>& streams_of(const OpenedNew& file) { return file.streams; }
std::vector<Bytes>& streams_of(OpenedOld& file) { return file.gaps; }
std::vector<OpenedStream>& streams_of(OpenedNew& file) { return file.streams; }

template <typename File>
void encode_files(const std::vector<File>& files, ByteWriter& out) {
  out.varint(files.size());
  std::uint32_t before = 0;
  for (const auto& file : files) {
    out.varint(file.entry - before);
    out.varint(file.size.count);
    out.varint(streams_of(file).size());
    before = file.entry;
  }
}

Result<void> take_parts(std::uint64_t count, std::size_t& parts_left) {
  if (count > parts_left) return corrupt("it opens too much");
  parts_left -= count;
  return {};
}

/// The files, with as many streams as they have.
template <typename File>
Result<std::vector<File>> decode_files(ByteReader& in, std::size_t& parts_left) {
  const auto count = in.varint();
  UPSWARM_CHECK(take_parts(count, parts_left));
  std::vector<File> files;
  std::uint64_t entry = 0;
  Bytes opened;
  for (std::uint64_t i = 0; i < count && in.good(); ++i) {
    const auto distance = in.varint();
    if (distance >= kMostTreeEntries - entry || (i > 0 && distance == 0)) return corrupt("it opens impossible files");
    entry += distance;
    File file;
    file.entry = static_cast<std::uint32_t>(entry);
    file.size = Bytes{in.varint()};
    if (file.size > kLargestSpace || file.size > kMostOpened - opened) return corrupt("it opens more than is allowed");
    opened += file.size;
    const auto streams = in.varint();
    if (in.good() && streams == 0) return corrupt("it opens a file without streams");
    UPSWARM_CHECK(take_parts(streams, parts_left));
    if (in.good()) streams_of(file).resize(streams);
    files.push_back(std::move(file));
  }
  return files;
}

/// Adds up what lies in one file.   Errors: corrupt  that is more than it holds.
Result<void> add_part(Bytes& sum, Bytes part, Bytes whole) {
  if (part > whole - sum) return corrupt("a stream lies outside of its file");
  sum += part;
  return {};
}

Result<void> decode_gaps(ByteReader& in, std::vector<OpenedOld>& files) {
  for (auto& file : files) {
    for (auto& gap : file.gaps) gap = Bytes{in.varint()};
  }
  return {};
}

Result<void> decode_streams(ByteReader& in, std::vector<OpenedNew>& files) {
  for (auto& file : files) {
    for (auto& stream : file.streams) stream.gap = Bytes{in.varint()};
  }
  for (auto& file : files) {
    Bytes sum;
    for (auto& stream : file.streams) {
      stream.size = Bytes{in.varint()};
      UPSWARM_CHECK(add_part(sum, stream.gap, file.size));
      UPSWARM_CHECK(add_part(sum, stream.size, file.size));
    }
  }
  std::uint64_t left = 0;
  DeflateRecipe recipe;
  for (auto& file : files) {
    for (auto& stream : file.streams) {
      if (left == 0) {
        const auto number = in.u8();
        left = in.varint();
        if (!in.good() || left == 0) return corrupt("a stream has no recipe");
        UPSWARM_TRY(recipe, recipe_of(number));
      }
      stream.recipe = recipe;
      --left;
    }
  }
  return left == 0 ? Result<void>() : corrupt("it has more recipes than streams");
}

void encode_recipes(const std::vector<OpenedNew>& files, ByteWriter& out) {
  std::uint64_t count = 0;
  DeflateRecipe recipe;
  const auto tell = [&] {
    if (count == 0) return;
    out.u8(number_of(recipe));
    out.varint(count);
    count = 0;
  };
  for (const auto& file : files) {
    for (const auto& stream : file.streams) {
      if (stream.recipe != recipe) tell();
      recipe = stream.recipe;
      ++count;
    }
  }
  tell();
}

/// `closed` bytes cannot hold so many.
bool is_too_much(Bytes opened, Bytes closed) { return opened.count / kMostInflation > closed.count; }

}  // namespace

const OpenedOld* OpenedFiles::find_old(std::uint32_t entry) const { return find_entry(old_files, entry); }
const OpenedNew* OpenedFiles::find_new(std::uint32_t entry) const { return find_entry(new_files, entry); }

std::size_t OpenedFiles::parts() const {
  auto sum = old_files.size() + new_files.size();
  for (const auto& file : old_files) sum += file.gaps.size();
  for (const auto& file : new_files) sum += file.streams.size();
  return sum;
}

void encode_opened(const OpenedFiles& opened, ByteWriter& out) {
  encode_files(opened.old_files, out);
  for (const auto& file : opened.old_files) {
    for (const auto gap : file.gaps) out.varint(gap.count);
  }
  encode_files(opened.new_files, out);
  for (const auto& file : opened.new_files) {
    for (const auto& stream : file.streams) out.varint(stream.gap.count);
  }
  for (const auto& file : opened.new_files) {
    for (const auto& stream : file.streams) out.varint(stream.size.count);
  }
  encode_recipes(opened.new_files, out);
}

Result<OpenedFiles> decode_opened(ByteReader& in, std::size_t& parts_left) {
  OpenedFiles opened;
  UPSWARM_TRY(opened.old_files, decode_files<OpenedOld>(in, parts_left));
  UPSWARM_CHECK(decode_gaps(in, opened.old_files));
  UPSWARM_TRY(opened.new_files, decode_files<OpenedNew>(in, parts_left));
  UPSWARM_CHECK(decode_streams(in, opened.new_files));
  if (!in.good()) return corrupt("what it opens is cut off");
  return opened;
}

Result<void> check_opened(const OpenedFiles& opened, const Tree& base, const ToldTree& told) {
  for (const auto& file : opened.old_files) {
    if (file.entry >= base.entries.size() || !has_content(base.entries[file.entry]))
      return corrupt("it opens what the base does not have");
    const auto closed = base.entries[file.entry].size;
    if (is_too_much(file.size, closed)) return corrupt("it opens more than a file can hold");
    Bytes sum;
    for (const auto gap : file.gaps) {
      UPSWARM_CHECK(add_part(sum, gap, closed));
      UPSWARM_CHECK(add_part(sum, Bytes{kShortestStream}, closed));
    }
  }
  for (const auto& file : opened.new_files) {
    if (file.entry >= told.sources.size() || !told.sources[file.entry].is_made())
      return corrupt("it opens what it does not make");
    const auto closed = told.tree.entries[file.entry].size;
    if (is_too_much(file.size, closed)) return corrupt("it opens more than a file can hold");
    auto between = file.size;
    for (const auto& stream : file.streams) between -= stream.size;
    Bytes sum;
    UPSWARM_CHECK(add_part(sum, between, closed));
    UPSWARM_CHECK(add_part(sum, Bytes{file.streams.size() * kShortestStream}, closed));
  }
  return {};
}

}  // namespace upswarm::package
