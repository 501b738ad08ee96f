// What a .torrent file says (BEP 3).
#pragma once

#include <string>
#include <string_view>

#include "protocol/trust/release_index.hpp"

namespace upswarm::seeder {

struct TorrentFacts {
  trust::InfoHash info_hash;  ///< v1
  std::string name;           ///< of its only file
  Bytes length;
  Bytes piece_length;
};

/// Errors: corrupt  not a torrent, more than one file, v2 in it, or trackers, web seeds or nodes in it.
Result<TorrentFacts> read_torrent(std::string_view bytes, const std::string& what);

}  // namespace upswarm::seeder
