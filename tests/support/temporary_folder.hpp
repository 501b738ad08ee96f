// A folder that is there for one test.
#pragma once

#include <string_view>

#include "protocol/base/files.hpp"

namespace upswarm::tests {

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const Path& path() const { return path_; }
  /// `name` is UTF-8.
  Path operator/(const std::string& name) const { return path_ / Path(std::u8string(name.begin(), name.end())); }

  /// Writes a file, with the folders above it.
  void write(const std::string& name, std::string_view content, std::uint32_t mode = 0644) const;
  std::string read(const std::string& name) const;

 private:
  Path path_;
};

}  // namespace upswarm::tests
