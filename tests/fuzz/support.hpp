// What the fuzz targets share.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "protocol/base/files.hpp"

namespace upswarm::fuzz {

/// A promise that must hold for every input.
inline void must(bool holds) {
  if (!holds) std::abort();
}

/// The input as a file.
class MemoryFile final : public InputFile {
 public:
  explicit MemoryFile(std::string_view bytes) : bytes_(bytes) {}
  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    if (offset.count >= bytes_.size()) return std::size_t{0};
    const auto part = std::as_bytes(std::span(bytes_)).subspan(offset.count);
    const auto count = std::min(part.size(), buffer.size());
    std::copy_n(part.begin(), count, buffer.begin());
    return count;
  }
  Result<FileInfo> info() override { return FileInfo{.type = FileType::regular, .size = Bytes{bytes_.size()}}; }

 private:
  std::string_view bytes_;
};

}  // namespace upswarm::fuzz
