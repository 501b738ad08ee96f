// Torrents of packages: BitTorrent v1 (BEP 3), one file, no trackers, nothing that depends on time or place.
#pragma once

#include <stop_token>
#include <string>

#include "protocol/package/decode/package_reader.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::publish {

inline constexpr Bytes kSmallestPiece = 32_KiB;
inline constexpr Bytes kLargestPiece = 1_MiB;

/// The smallest power of two that makes at most about a thousand pieces, within the bounds above. Small pieces let a
/// machine fetch only the chunks that it lacks, and let neighbours trade early.
Bytes piece_length_for(Bytes file);

struct Torrent {
  std::string bytes;  ///< of the .torrent file: a dictionary with "info" alone
  trust::InfoHash info_hash;
  Bytes piece_length;
};

/// The torrent of `file` under the name `name`. Same content and name, same bytes.
/// Errors: invalid  an empty file; disk; cancelled; internal.
Result<Torrent> make_torrent(InputFile& file, const std::string& name, const package::ProgressSink& progress,
                             std::stop_token stop);

}  // namespace upswarm::publish
