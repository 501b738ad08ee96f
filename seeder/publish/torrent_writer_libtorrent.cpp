#include <libtorrent/create_torrent.hpp>
#include <libtorrent/file_storage.hpp>
#include <libtorrent/hasher.hpp>
#include <libtorrent/torrent_info.hpp>

#include "protocol/base/hex.hpp"
#include "seeder/publish/torrent_writer.hpp"

namespace upswarm::publish {
namespace {

constexpr std::uint64_t kMostSmallestPieces = 1250;  // and twice as many of twice the length, and so on

Result<void> hash_pieces(lt::create_torrent& torrent, InputFile& file, Bytes length, Bytes piece,
                         const package::ProgressSink& progress, const std::stop_token& stop) {
  ByteBuffer buffer(piece.count);
  int index = 0;
  for (Bytes at; at < length; at += piece, ++index) {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "make a torrent", "asked to stop"};
    UPSWARM_TRY(const auto count, file.read_at(at, buffer));
    if (count != std::min(piece.count, (length - at).count)) {
      return Error{ErrorKind::disk, "make a torrent", "the file became shorter meanwhile"};
    }
    lt::hasher hasher(reinterpret_cast<const char*>(buffer.data()), static_cast<int>(count));  // NOLINT: bytes as bytes
    torrent.set_hash(lt::piece_index_t(index), hasher.final());
    if (progress) progress({"hashing", at + Bytes{count}, length});
  }
  return {};
}

}  // namespace

Bytes piece_length_for(Bytes file) {
  auto piece = kSmallestPiece;
  auto most = kMostSmallestPieces;
  for (; piece < kLargestPiece && file.count > piece.count * most; most *= 2) piece = piece + piece;
  return piece;
}

Result<Torrent> make_torrent(InputFile& file, const std::string& name, const package::ProgressSink& progress,
                             std::stop_token stop) {
  UPSWARM_TRY(const auto info, file.info());
  if (info.size == 0_B) return Error{ErrorKind::invalid, "make the torrent of " + name, "the file is empty"};
  const auto piece = piece_length_for(info.size);
  try {
    lt::file_storage storage;
    storage.add_file(name, static_cast<std::int64_t>(info.size.count));
    lt::create_torrent torrent(storage, static_cast<int>(piece.count), lt::create_torrent::v1_only);
    torrent.set_creation_date(0);
    UPSWARM_CHECK(hash_pieces(torrent, file, info.size, piece, progress, stop));
    const auto bytes = torrent.generate_buf();
    const lt::torrent_info made(lt::span<const char>(bytes), lt::from_span);
    const auto hash = made.info_hashes().v1;
    return Torrent{std::string(bytes.begin(), bytes.end()), to_hex(std::as_bytes(std::span(hash.data(), hash.size()))),
                   piece};
  } catch (const std::exception& problem) {
    return Error{ErrorKind::internal, "make the torrent of " + name, problem.what()};
  }
}

}  // namespace upswarm::publish
