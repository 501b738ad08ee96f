// Who brought which bytes of a package: each verified byte once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "agent/swarm.hpp"

namespace upswarm::agent {

enum class ByteSource { disk, site, other_site, origin_bt, origin_http };

/// A BitTorrent request is for a block of this size (BEP 3).
inline constexpr Bytes kBlockSize = 16_KiB;

/// Notes blocks as they arrive and books them when their piece has passed its check. Whatever the order of calls, the
/// sources add up to the length of the pieces that are there. Not for use by two threads at once.
class ByteBook {
 public:
  ByteBook(Bytes length, Bytes piece_length);

  /// Only these pieces are missing where they are not there; empty: all, as at first. Those that do not exist are
  /// ignored. What is there stays booked.
  void want(const std::vector<std::uint32_t>& pieces);

  /// A block has come. Pieces and blocks that do not exist are ignored.
  void block_finished(std::uint32_t piece, std::uint32_t block, ByteSource source);

  /// The origin's HTTP answer brought a whole piece; what of it was not needed becomes waste with the next verdict on
  /// the piece, or at once when the piece is there.
  void piece_given(std::uint32_t piece);

  /// The piece passed its check. Blocks that nobody brought were on disk.
  void piece_finished(std::uint32_t piece);

  /// The piece failed its check: all that came for it is waste.
  void piece_failed(std::uint32_t piece);

  /// Blocks that peers sent although they had come before; a total since the start.
  void set_redundant(Bytes total) { redundant_ = total; }

  BytesBySource totals() const;
  bool has(std::uint32_t piece) const { return piece < has_.size() && has_[piece]; }
  /// Every wanted piece is there.
  bool is_complete() const { return missing_ == 0; }
  std::vector<std::uint32_t> missing() const;
  /// One of the wanted pieces that are there; nothing while none is.
  std::optional<std::uint32_t> any_wanted() const;
  Bytes missing_bytes() const { return missing_bytes_; }
  /// Of all wanted pieces, there or not.
  Bytes wanted_bytes() const { return wanted_bytes_; }
  /// So much of the file's start is in pieces that are there, wanted or not.
  Bytes start() const { return {std::min(length_.count, start_ * piece_length_.count)}; }
  /// Of the whole file, wanted or not.
  Bytes left() const { return length_ - totals().verified(); }

  /// The most bytes from peers that were there at one time, verified or not. Never falls, and never rises beyond the
  /// length: a peer that sends wrong bytes for ever makes no progress.
  Bytes from_peers() const { return from_peers_; }
  /// Pieces that came wholly by HTTP and failed, and given ones that failed with blocks of peers in them.
  std::uint32_t failed_given() const { return failed_given_; }
  std::uint32_t failed_mixed() const { return failed_mixed_; }

  Bytes piece_size(std::uint32_t piece) const;
  std::size_t pieces() const { return has_.size(); }

 private:
  struct Pending {
    std::map<std::uint32_t, ByteSource> blocks;
    std::uint32_t given = 0;
  };

  Bytes block_size(std::uint32_t piece, std::uint32_t block) const;
  Bytes given_bytes(std::uint32_t piece, const Pending& pending) const;

  Bytes length_;
  Bytes piece_length_;
  std::vector<bool> has_;
  std::size_t start_ = 0;  ///< the first piece that is not there
  std::vector<bool> wanted_;
  std::size_t missing_ = 0;  ///< of those that are wanted
  Bytes missing_bytes_;
  Bytes wanted_bytes_;
  std::map<std::uint32_t, Pending> pending_;
  BytesBySource booked_;
  Bytes redundant_;
  Bytes pending_from_peers_;
  Bytes from_peers_;
  std::uint32_t failed_given_ = 0;
  std::uint32_t failed_mixed_ = 0;
};

}  // namespace upswarm::agent
