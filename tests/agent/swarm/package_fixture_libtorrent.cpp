#include <libtorrent/hasher.hpp>
#include <random>

#include "protocol/base/hex.hpp"
#include "tests/agent/swarm/package_fixture.hpp"

namespace upswarm::tests {

std::string sha1(std::string_view bytes) {
  return lt::hasher(lt::span<const char>(bytes.data(), static_cast<std::ptrdiff_t>(bytes.size()))).final().to_string();
}

TestPackage make_package(std::size_t length, std::size_t piece_length, unsigned seed) {
  TestPackage package;
  std::mt19937_64 random(seed);
  while (package.bytes.size() < length) {
    const auto word = random();
    package.bytes.append(reinterpret_cast<const char*>(&word), sizeof word);  // NOLINT: bytes of a number
  }
  package.bytes.resize(length);
  std::string pieces;
  for (std::size_t at = 0; at < length; at += piece_length) {
    pieces += sha1(std::string_view(package.bytes).substr(at, piece_length));
  }
  const auto name = "app-" + std::to_string(seed) + ".upk";
  const auto info = "d6:lengthi" + std::to_string(length) + "e4:name" + std::to_string(name.size()) + ":" + name +
                    "12:piece lengthi" + std::to_string(piece_length) + "e6:pieces" + std::to_string(pieces.size()) +
                    ":" + pieces + "e";
  package.request.torrent = "d4:info" + info + "e";
  package.request.http_path = "targets/pkg/" + name;
  package.request.file = {"pkg/" + name, Bytes{length}, sha256(package.bytes), to_hex(as_bytes(sha1(info))),
                          Bytes{piece_length}};
  return package;
}

}  // namespace upswarm::tests
