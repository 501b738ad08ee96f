// A file system that knows reflinks.
#pragma once

#include <filesystem>

#include "tests/support/unsynced_files.hpp"

namespace upswarm::tests {

/// Shares nothing, but says so.
class CloningFiles final : public UnsyncedFiles {
 public:
  CloningFiles() : UnsyncedFiles(system_files()) {}
  Result<bool> clone_file(const Path& from, const Path& to, std::uint32_t /*mode*/) override {
    ++clones;
    std::filesystem::copy_file(from, to);
    return true;
  }
  int clones = 0;
};

}  // namespace upswarm::tests
