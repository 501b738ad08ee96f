#include "agent/pieces.hpp"

#include <algorithm>

namespace upswarm::agent {

std::vector<std::uint32_t> pieces_of(const trust::PackageFile& file, const std::vector<FilePart>& parts) {
  std::vector<std::uint32_t> pieces;
  const auto size = file.piece_length.count;
  for (const auto& part : parts) {
    if (part.length.count == 0 || part.offset >= file.length) continue;
    const auto end = part.offset.count + std::min(part.length.count, file.length.count - part.offset.count);
    for (auto piece = part.offset.count / size; piece <= (end - 1) / size; ++piece)
      pieces.push_back(static_cast<std::uint32_t>(piece));
  }
  std::ranges::sort(pieces);
  pieces.erase(std::unique(pieces.begin(), pieces.end()), pieces.end());
  return pieces;
}

Bytes length_of(const trust::PackageFile& file, const std::vector<std::uint32_t>& pieces) {
  Bytes all;
  for (const auto piece : pieces) {
    const Bytes start{piece * file.piece_length.count};
    if (start < file.length) all += std::min(file.piece_length, file.length - start);
  }
  return all;
}

}  // namespace upswarm::agent
