// SHA-256 (FIPS 180-4), the authority for every byte that arrives; SHA-512 for foreign repositories.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/base/units.hpp"

namespace upswarm {

struct Sha256 {
  std::array<std::byte, 32> bytes{};
  auto operator<=>(const Sha256&) const = default;
  std::string hex() const;
};

/// Reads 64 lower-case hexadecimal digits.   Errors: corrupt.
Result<Sha256> parse_sha256(std::string_view hex);

Sha256 sha256(ByteView bytes);
inline Sha256 sha256(std::string_view text) { return sha256(as_bytes(text)); }

/// The digest of bytes that come in parts. Not for use by two threads at once.
class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();
  Sha256Hasher(Sha256Hasher&&) noexcept;
  Sha256Hasher& operator=(Sha256Hasher&&) noexcept;

  void update(ByteView bytes);
  /// The digest of all so far; the hasher starts anew.
  Sha256 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Sha512 {
  std::array<std::byte, 64> bytes{};
  auto operator<=>(const Sha512&) const = default;
  std::string hex() const;
};

/// Reads 128 lower-case hexadecimal digits.   Errors: corrupt.
Result<Sha512> parse_sha512(std::string_view hex);

/// As Sha256Hasher, but for one digest alone.
class Sha512Hasher {
 public:
  Sha512Hasher();
  ~Sha512Hasher();
  Sha512Hasher(const Sha512Hasher&) = delete;
  Sha512Hasher& operator=(const Sha512Hasher&) = delete;

  void update(ByteView bytes);
  Sha512 finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// `count` bytes from the operating system's random source.
ByteBuffer random_bytes(std::size_t count);

/// A random number in [0, bound).
std::uint32_t random_below(std::uint32_t bound);

}  // namespace upswarm
