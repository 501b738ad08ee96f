// Quantities that are not bare numbers.
#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/result.hpp"

namespace upswarm {

/// A number of bytes: a length, an offset, a limit.
struct Bytes {
  std::uint64_t count = 0;

  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr Bytes& operator+=(Bytes other) {
    count += other.count;
    return *this;
  }
  constexpr Bytes& operator-=(Bytes other) {
    count -= other.count;
    return *this;
  }
};

constexpr Bytes operator+(Bytes a, Bytes b) { return {a.count + b.count}; }
constexpr Bytes operator-(Bytes a, Bytes b) { return {a.count - b.count}; }

constexpr Bytes operator""_B(unsigned long long n) { return {n}; }
constexpr Bytes operator""_KiB(unsigned long long n) { return {n << 10U}; }
constexpr Bytes operator""_MiB(unsigned long long n) { return {n << 20U}; }
constexpr Bytes operator""_GiB(unsigned long long n) { return {n << 30U}; }

/// A run of bytes in a file.
struct FilePart {
  Bytes offset;
  Bytes length;
  bool operator==(const FilePart&) const = default;
};

using ByteView = std::span<const std::byte>;
using ByteBuffer = std::vector<std::byte>;

/// Views between text and bytes; nothing is copied.
inline ByteView as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT: bytes are text here
}

/// "17.3 MiB", for people. Three significant digits, binary prefixes.
std::string to_string(Bytes bytes);

/// Reads "64 MiB", "2GiB", "512": a whole number and an optional binary unit (B, KiB, MiB, GiB, TiB).
/// Errors: invalid  anything else, or more than 2^63.
Result<Bytes> parse_bytes(std::string_view text);

/// Reads "90s", "15m", "2h", "7d", "250ms": a whole number and a unit.
/// Errors: invalid  anything else, or more than ten years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "2 h 5 min", "14 s", "0.3 s": for people.
std::string to_string(std::chrono::milliseconds duration);

/// Where a long operation is. `total` 0: not known yet.
struct Progress {
  std::string_view phase;
  Bytes done;
  Bytes total;
};

}  // namespace upswarm
