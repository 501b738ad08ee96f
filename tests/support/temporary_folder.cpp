#include "tests/support/temporary_folder.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"

namespace upswarm::tests {

TemporaryFolder::TemporaryFolder()
    : path_(std::filesystem::canonical(std::filesystem::temp_directory_path()) /
            ("upswarm-test-" + to_hex(random_bytes(8)))) {
  std::filesystem::create_directories(path_);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void TemporaryFolder::write(const std::string& name, std::string_view content, std::uint32_t mode) const {
  const auto file = *this / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(content.data(), static_cast<std::streamsize>(content.size()));
  stream.close();
  if (!stream) throw std::runtime_error("cannot write " + file.string());
  std::filesystem::permissions(file, static_cast<std::filesystem::perms>(mode));
}

std::string TemporaryFolder::read(const std::string& name) const {
  std::ifstream stream(*this / name, std::ios::binary);
  if (!stream) throw std::runtime_error("cannot read " + name);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

}  // namespace upswarm::tests
