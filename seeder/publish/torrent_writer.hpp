// Torrents of packages: BitTorrent v1 (BEP 3), one file, no trackers, nothing that depends on time or place.
#pragma once

#include <stop_token>
#include <string>

#include "protocol/package/decode/package_reader.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::publish {

inline constexpr Bytes kSmallestPiece = 32_KiB;
inline constexpr Bytes kLargestPiece = 1_MiB;

/// A power of two within the bounds above that grows with the square root of the file. Small pieces let a machine fetch
/// only the chunks that it lacks, let neighbours trade early, and spare a leader bursts of giving that hold up what it
/// takes; each costs every machine 20 bytes (docs/decisions/0012-sites-and-leaders.md has the measurements).
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
