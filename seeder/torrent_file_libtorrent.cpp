#include <libtorrent/torrent_info.hpp>

#include "protocol/base/hex.hpp"
#include "seeder/torrent_file.hpp"

namespace upswarm::seeder {

Result<TorrentFacts> read_torrent(std::string_view bytes, const std::string& what) {
  const auto refused = [&what](std::string why) {
    return Error{ErrorKind::corrupt, "read the torrent " + what, std::move(why)};
  };
  if (bytes.size() > trust::kLongestTorrent.count) return refused("too long");
  try {
    lt::error_code failed;
    const lt::torrent_info info(lt::span<const char>(bytes.data(), static_cast<std::ptrdiff_t>(bytes.size())), failed,
                                lt::from_span);
    if (failed) return refused(failed.message());
    if (!info.info_hashes().has_v1() || info.info_hashes().has_v2()) return refused("only version 1 is taken");
    if (info.num_files() != 1) return refused("it must hold one file");
    if (!info.trackers().empty() || !info.web_seeds().empty() || !info.nodes().empty()) {
      return refused("it names trackers, web seeds or nodes");
    }
    const auto hash = info.info_hashes().v1;
    const auto raw = std::as_bytes(std::span(hash.data(), static_cast<std::size_t>(hash.size())));
    return TorrentFacts{to_hex(raw), info.name(), Bytes{static_cast<std::uint64_t>(info.total_size())},
                        Bytes{static_cast<std::uint64_t>(info.piece_length())}};
  } catch (const std::exception& problem) {
    return refused(problem.what());
  }
}

}  // namespace upswarm::seeder
