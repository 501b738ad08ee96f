// Trees on disk for tests of packages and deltas.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "protocol/package/encode/package_writer.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::package {

using TreeFiles = std::map<std::string, std::string>;

inline Path write_tree(const tests::TemporaryFolder& folder, const std::string& name, const TreeFiles& files) {
  std::filesystem::create_directories(folder / name);
  for (const auto& [path, content] : files) folder.write(name + "/" + path, content);
  return folder / name;
}

inline std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

inline Tree scanned(const Path& folder) {
  auto tree = scan_tree(system_files(), folder);
  EXPECT_TRUE(tree) << tree.error().message();
  return *tree;
}

inline std::unique_ptr<InputFile> opened(const Path& file) {
  auto in = system_files().open(file);
  EXPECT_TRUE(in) << in.error().message();
  return std::move(*in);
}

/// What every tree here holds: empty, small, large (over several frames), twice the same, text in any script.
inline TreeFiles sample_files(unsigned seed) {
  return {{"bin/tool", noise(200'000, seed)},
          {"empty", ""},
          {"share/large", noise(2'500'000, 3)},
          {"share/copy", noise(2'500'000, 3)},
          {"share/text", std::string(50'000, 'a') + std::to_string(seed)},
          {"doc/\xe4\xb8\xad\xe6\x96\x87", "text"}};
}

}  // namespace upswarm::package
