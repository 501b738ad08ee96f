// Little-endian numbers and counted text, the parts that all formats here are made of.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/digest.hpp"

namespace upswarm::package {

/// The signed number that ByteWriter::zigzag wrote as `value`.
constexpr std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>(value >> 1U ^ (~(value & 1U) + 1U));
}

/// Appends to `out`.
class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}
  void u8(std::uint8_t value) { out_.push_back(static_cast<char>(value)); }
  void u32(std::uint32_t value) { number(value, 4); }
  void u64(std::uint64_t value) { number(value, 8); }
  /// LEB128: seven bits a byte, the lowest first, the top bit set on all but the last.
  void varint(std::uint64_t value) {
    for (; value >= 0x80U; value >>= 7U) u8(static_cast<std::uint8_t>(value | 0x80U));
    u8(static_cast<std::uint8_t>(value));
  }
  /// A signed number as a varint, small ones of either sign short: 0, -1, 1, -2 become 0, 1, 2, 3.
  void zigzag(std::int64_t value) {
    varint(static_cast<std::uint64_t>(value) << 1U ^ static_cast<std::uint64_t>(value >> 63));
  }
  void raw(std::string_view bytes) { out_ += bytes; }
  void digest(const Sha256& value) { out_ += as_text(value.bytes); }
  /// u32 length, then the bytes.
  void text(std::string_view value) {
    u32(static_cast<std::uint32_t>(value.size()));
    raw(value);
  }

 private:
  void number(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_.push_back(static_cast<char>(value >> (8 * i) & 0xffU));
  }
  std::string& out_;
};

/// Reads bytes from outside. Past the end everything is zero or empty and good() is false from then on, so that a
/// parser is a list of fields with checks where a value decides how much is read.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : left_(bytes) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  /// At most 10 bytes, and not longer than needed: a number has one form.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = u8();
      if (shift == 63 && byte > 1) good_ = false;
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80U) {
        if (byte == 0 && shift > 0) good_ = false;
        return good_ ? value : 0;
      }
    }
    good_ = false;
    return 0;
  }
  std::int64_t zigzag() { return unzigzag(varint()); }
  std::string_view raw(std::uint64_t count) {
    if (count > left_.size()) {
      good_ = false;
      left_ = {};
      return {};
    }
    const auto bytes = left_.substr(0, count);
    left_.remove_prefix(count);
    return bytes;
  }
  Sha256 digest() {
    Sha256 value;
    const auto bytes = raw(value.bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) value.bytes.at(i) = static_cast<std::byte>(bytes[i]);
    return value;
  }
  std::string_view text(std::size_t longest) {
    const auto length = u32();
    if (length > longest) good_ = false;
    return good_ ? raw(length) : std::string_view();
  }
  bool good() const { return good_; }
  /// All was read, and nothing is left.
  bool is_at_end() const { return good_ && left_.empty(); }
  std::size_t left() const { return left_.size(); }

 private:
  std::uint64_t number(int bytes) {
    std::uint64_t value = 0;
    const auto part = raw(static_cast<std::uint64_t>(bytes));
    for (std::size_t i = 0; i < part.size(); ++i)
      value |= std::uint64_t{static_cast<unsigned char>(part[i])} << (8 * i);
    return value;
  }
  std::string_view left_;
  bool good_ = true;
};

}  // namespace upswarm::package
