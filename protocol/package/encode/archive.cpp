#include "protocol/package/encode/archive.hpp"

#include <algorithm>
#include <optional>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/inflate.hpp"

namespace upswarm::package {
namespace {

constexpr std::string_view kGzipMagic = "\x1f\x8b\x08";
constexpr std::string_view kLocalMagic = "PK\x03\x04";
constexpr std::string_view kEntryMagic = "PK\x01\x02";
constexpr std::string_view kEndMagic = "PK\x05\x06";
constexpr std::size_t kLongestComment = 65535;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kLocalSize = 30;
constexpr std::uint16_t kDeflated = 8;
constexpr std::uint16_t kEncrypted = 1;
constexpr std::size_t kShortest = 16;  ///< to open less costs more than it saves
constexpr std::size_t kInflatedAtOnce = 256 * 1024;
constexpr std::size_t kGzipHeader = 10;
constexpr std::size_t kGzipTrailer = 8;

std::uint16_t u16(ByteReader& in) {
  const std::uint32_t low = in.u8();
  return static_cast<std::uint16_t>(low | std::uint32_t{in.u8()} << 8U);
}

/// What `stream` begins with, inflated: at most `most` bytes. Sets its length to what that took.
bool inflate(Inflater& inflater, ByteView from, std::size_t most, FoundStream& stream) {
  inflater.start();
  stream.length = 0;
  while (true) {
    const auto filled = stream.content.size();
    stream.content.resize(std::min(most + 1, filled + kInflatedAtOnce));
    const auto step = inflater.step(from.subspan(stream.length), std::span(stream.content).subspan(filled));
    if (!step) return false;
    stream.content.resize(filled + step->produced);
    stream.length += step->consumed;
    if (stream.content.size() > most) return false;
    if (step->is_end) return true;
    if (step->consumed == 0 && step->produced == 0) return false;
  }
}

/// Ends a stream whose content is whole.
void settle(FoundStream& stream, const KeepsContent& keeps) {
  stream.size = stream.content.size();
  if (!keeps(stream)) stream.content = ByteBuffer();
}

/// The length of the header of a member, if it is one (RFC 1952, 2.3).
std::optional<std::size_t> gzip_header(ByteView file) {
  constexpr std::uint8_t header_digest = 2;
  constexpr std::uint8_t extra_field = 4;
  constexpr std::uint8_t name = 8;
  constexpr std::uint8_t comment = 16;
  constexpr std::uint8_t reserved = 0xe0;
  ByteReader in(as_text(file));
  if (in.raw(kGzipMagic.size()) != kGzipMagic) return std::nullopt;
  const auto flags = in.u8();
  in.raw(kGzipHeader - kGzipMagic.size() - 1);
  if ((flags & reserved) != 0) return std::nullopt;
  if ((flags & extra_field) != 0) in.raw(u16(in));
  for (const auto text : {name, comment}) {
    if ((flags & text) == 0) continue;
    while (in.good() && in.u8() != 0) continue;
  }
  if ((flags & header_digest) != 0) u16(in);
  if (!in.good()) return std::nullopt;
  return file.size() - in.left();
}

std::vector<FoundStream> find_members(ByteView file, Bytes most, const KeepsContent& keeps) {
  std::vector<FoundStream> found;
  Inflater inflater;
  for (std::size_t at = 0; at < file.size();) {
    const auto header = gzip_header(file.subspan(at));
    if (!header) break;  // what follows the last member is no part of any
    FoundStream stream;
    stream.begin = at + *header;
    if (!inflate(inflater, file.subspan(stream.begin), most.count, stream)) return {};
    settle(stream, keeps);
    most -= Bytes{stream.size};
    if (file.size() - stream.begin - stream.length < kGzipTrailer) return {};
    at = stream.begin + stream.length + kGzipTrailer;
    found.push_back(std::move(stream));
  }
  return found;
}

/// Where the central directory lies.
struct Directory {
  std::size_t offset = 0;
  std::size_t size = 0;
  std::size_t entries = 0;
};

std::optional<Directory> read_end(ByteView file) {
  const auto text = as_text(file);
  if (text.size() < kEndSize) return std::nullopt;
  const auto last = text.size() - kEndSize;
  for (auto at = last;; --at) {
    if (text.substr(at, kEndMagic.size()) == kEndMagic) {
      ByteReader in(text.substr(at + kEndMagic.size()));
      const auto disk = u16(in);
      const auto first_disk = u16(in);
      const auto here = u16(in);
      const auto entries = u16(in);
      const std::size_t size = in.u32();
      const std::size_t offset = in.u32();
      const auto comment = u16(in);
      const bool is_right =
          disk == 0 && first_disk == 0 && here == entries && comment == in.left() && size <= at && offset <= at - size;
      if (is_right) return Directory{offset, size, entries};
    }
    if (at == 0 || last - at == kLongestComment) return std::nullopt;
  }
}

/// One entry of the directory.
struct Member {
  bool is_deflated = false;
  std::size_t length = 0;
  std::size_t size = 0;
  std::size_t header = 0;
  std::string_view name;
};

std::optional<Member> read_entry(ByteReader& in) {
  Member member;
  if (in.raw(kEntryMagic.size()) != kEntryMagic) return std::nullopt;
  in.u32();  // versions
  const auto flags = u16(in);
  member.is_deflated = u16(in) == kDeflated && (flags & kEncrypted) == 0;
  in.u64();  // time, date, CRC
  member.length = in.u32();
  member.size = in.u32();
  const auto name = u16(in);
  const auto extra = u16(in);
  const auto comment = u16(in);
  in.u64();  // disk, attributes
  member.header = in.u32();
  member.name = in.raw(name);
  in.raw(std::uint64_t{extra} + comment);
  return in.good() ? std::optional(member) : std::nullopt;
}

/// Where the stream of a member begins; it ends before `end`.
std::optional<std::size_t> find_stream(ByteView file, const Member& member, std::size_t end) {
  if (member.header > end || end - member.header < kLocalSize) return std::nullopt;
  ByteReader in(as_text(file.subspan(member.header, kLocalSize)));
  if (in.raw(kLocalMagic.size()) != kLocalMagic) return std::nullopt;
  in.raw(kLocalSize - kLocalMagic.size() - 4);
  const std::size_t name = u16(in);
  const std::size_t extra = u16(in);
  const auto begin = member.header + kLocalSize + name + extra;
  if (begin > end || member.length > end - begin) return std::nullopt;
  return begin;
}

std::vector<FoundStream> find_zipped(ByteView file, Bytes most, const KeepsContent& keeps) {
  const auto directory = read_end(file);
  if (!directory) return {};
  ByteReader in(as_text(file.subspan(directory->offset, directory->size)));
  std::vector<std::pair<std::size_t, Member>> places;
  for (std::size_t i = 0; i < directory->entries; ++i) {
    const auto member = read_entry(in);
    if (!member) return {};
    if (!member->is_deflated || member->length < kShortest) continue;
    if (const auto begin = find_stream(file, *member, directory->offset)) places.emplace_back(*begin, *member);
  }
  std::ranges::stable_sort(places, {}, [](const auto& place) { return place.first; });
  std::vector<FoundStream> found;
  Inflater inflater;
  std::size_t end = 0;
  for (const auto& [begin, member] : places) {
    if (begin < end) continue;
    if (Bytes{member.size} > most) return {};
    FoundStream stream;
    stream.begin = begin;
    if (!inflate(inflater, file.subspan(begin, member.length), member.size, stream)) continue;
    if (stream.length != member.length || stream.content.size() != member.size) continue;
    stream.name = member.name;
    settle(stream, keeps);
    most -= Bytes{member.size};
    end = begin + member.length;
    found.push_back(std::move(stream));
  }
  return found;
}

}  // namespace

bool may_hold_streams(ByteView start) {
  return as_text(start).starts_with(kGzipMagic) || as_text(start).starts_with(kLocalMagic);
}

std::vector<FoundStream> find_streams(ByteView file, Bytes most, const KeepsContent& keeps) {
  return as_text(file).starts_with(kGzipMagic)    ? find_members(file, most, keeps)
         : as_text(file).starts_with(kLocalMagic) ? find_zipped(file, most, keeps)
                                                  : std::vector<FoundStream>();
}

}  // namespace upswarm::package
