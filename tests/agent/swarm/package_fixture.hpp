// Packages made up for tests, with their torrents.
#pragma once

#include "agent/swarm.hpp"

namespace upswarm::tests {

struct TestPackage {
  std::string bytes;
  agent::DownloadRequest request;
};

/// Bytes that depend on `seed`, and a true torrent of them.
TestPackage make_package(std::size_t length, std::size_t piece_length, unsigned seed);

std::string sha1(std::string_view bytes);

}  // namespace upswarm::tests
