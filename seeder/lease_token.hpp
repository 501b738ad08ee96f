// The bytes by which a leader shows its lease, under a MAC.
//
//   1    version, 1
//   8    number of the lease, big-endian
//   8    expiry, seconds since 1970, big-endian
//   20   info-hash
//   16   BLAKE2b of the site's key
//   16   BLAKE2b of the holder
//   32   BLAKE2b of all that, keyed
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/clock.hpp"
#include "protocol/base/units.hpp"

namespace upswarm::seeder {

inline constexpr std::size_t kLeaseTokenLength = 101;

struct LeaseToken {
  std::uint64_t lease = 0;
  Time expires;
  std::string info_hash;          ///< 20 raw bytes
  std::array<char, 16> site{};    ///< lease_digest() of the site's key
  std::array<char, 16> holder{};  ///< lease_digest() of who holds it
  bool operator==(const LeaseToken&) const = default;
};

std::array<char, 16> lease_digest(std::string_view text);

/// What makes tokens and knows its own again. Origins that share one tracker share its key. Safe from any thread.
class LeaseKey {
 public:
  static constexpr std::size_t kLength = 32;

  /// A random one.
  LeaseKey();
  /// `key` has kLength bytes.
  explicit LeaseKey(ByteView key);

  /// kLeaseTokenLength bytes.
  std::string write(const LeaseToken& token) const;
  /// Nothing: not a token, or not of this key. Whether it has expired is not looked at.
  std::optional<LeaseToken> read(std::string_view bytes) const;

 private:
  std::array<unsigned char, kLength> key_{};
};

}  // namespace upswarm::seeder
