// Made zip and gzip files.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/base/digest.hpp"
#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/deflate_replayer.hpp"

namespace upswarm::package {

inline constexpr DeflateRecipe kZlib{.level = 6, .memory = 8};
inline constexpr DeflateRecipe kGzip{.level = 9, .memory = 0};

inline std::string deflated(std::string_view content, const DeflateRecipe& recipe) {
  std::string out;
  DeflateReplayer replayer(recipe, [&](ByteView bytes) -> Result<void> {
    out += as_text(bytes);
    return {};
  });
  if (!replayer.write(as_bytes(content)) || !replayer.finish()) return "";
  return out;
}

/// Like text: words of a small vocabulary, in lines. The same on any machine.
inline std::string prose(std::size_t size, std::uint32_t seed) {
  std::string text;
  auto state = seed * 2654435761U + 1;
  while (text.size() < size) {
    state = state * 1664525U + 1013904223U;
    const auto word = state >> 22U;
    text += static_cast<char>('a' + word % 26);
    text += std::to_string(word * word % 9973);
    text += word % 11 == 0 ? '\n' : ' ';
  }
  text.resize(size);
  return text;
}

/// Stands for a CRC: it changes with the content, and nobody here looks at it.
inline std::uint32_t check_of(std::string_view content) {
  const auto digest = sha256(content);
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8U | std::to_integer<std::uint32_t>(digest.bytes.at(i));
  return value;
}

inline std::string gzip_member(std::string_view content, const DeflateRecipe& recipe = kGzip) {
  std::string file("\x1f\x8b\x08\0\0\0\0\0\x02\x03", 10);
  file += deflated(content, recipe);
  ByteWriter out(file);
  out.u32(check_of(content));
  out.u32(static_cast<std::uint32_t>(content.size()));
  return file;
}

struct ZipMember {
  std::string content;
  DeflateRecipe recipe = kZlib;
  std::string packed{};  ///< instead of what the recipe gives
  std::uint16_t method = 8;
  std::uint16_t flags = 0;        ///< 8: sizes behind the stream
  std::uint32_t size_told = ~0U;  ///< in the directory; else the content's
};

/// Members in the order of their names.
inline std::string zip_file(const std::map<std::string, ZipMember>& members, std::string_view comment = "") {
  std::string file;
  std::string directory;
  ByteWriter out(file);
  ByteWriter entries(directory);
  const auto u16 = [](ByteWriter& to, std::size_t value) {
    to.u8(static_cast<std::uint8_t>(value & 0xffU));
    to.u8(static_cast<std::uint8_t>(value >> 8U));
  };
  for (const auto& [name, member] : members) {
    const auto packed = !member.packed.empty() ? member.packed
                        : member.method == 8   ? deflated(member.content, member.recipe)
                                               : member.content;
    const bool is_told_behind = (member.flags & 8U) != 0;
    const auto offset = file.size();
    const auto tell = [&](ByteWriter& to, bool with_sizes) {
      u16(to, 20);
      u16(to, member.flags);
      u16(to, member.method);
      to.u32(0x5a21'7c3dU);
      to.u32(with_sizes ? check_of(member.content) : 0);
      to.u32(with_sizes ? static_cast<std::uint32_t>(packed.size()) : 0);
      const auto size = member.size_told != ~0U ? member.size_told : static_cast<std::uint32_t>(member.content.size());
      to.u32(with_sizes ? size : 0);
      u16(to, name.size());
      u16(to, 0);
    };
    out.raw(std::string_view("PK\x03\x04", 4));
    tell(out, !is_told_behind);
    out.raw(name);
    out.raw(packed);
    if (is_told_behind) {
      out.raw(std::string_view("PK\x07\x08", 4));
      out.u32(check_of(member.content));
      out.u32(static_cast<std::uint32_t>(packed.size()));
      out.u32(static_cast<std::uint32_t>(member.content.size()));
    }
    entries.raw(std::string_view("PK\x01\x02", 4));
    u16(entries, 20);
    tell(entries, true);
    u16(entries, 0);
    entries.u64(0);
    entries.u32(static_cast<std::uint32_t>(offset));
    entries.raw(name);
  }
  const auto begin = file.size();
  out.raw(directory);
  out.raw(std::string_view("PK\x05\x06\0\0\0\0", 8));
  u16(out, members.size());
  u16(out, members.size());
  out.u32(static_cast<std::uint32_t>(directory.size()));
  out.u32(static_cast<std::uint32_t>(begin));
  u16(out, comment.size());
  out.raw(comment);
  return file;
}

}  // namespace upswarm::package
