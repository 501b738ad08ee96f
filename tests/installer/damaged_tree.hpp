// An installed tree that somebody damaged in every way there is, for tests of repair.
#pragma once

#include "tests/installer/installation_fixture.hpp"

namespace upswarm::installer {

inline constexpr std::size_t kDamages = 9;  ///< of damage_tree: findings

/// A tree with a file of many chunks.
inline tests::TreeFiles tree_to_damage() {
  auto files = tests::first_tree();
  for (int i = 0; i < 9'000; ++i) files["share/large"] += std::to_string(i * i);
  files["lib/deep/down/one"] = "a file in a folder of its own";
  return files;
}

inline void write_anew(Files& disk, const Path& path, const std::string& content, std::uint32_t mode = 0644) {
  ASSERT_TRUE(remove_tree(disk, path));
  const auto file = disk.create(path, mode);
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE((*file)->write(as_bytes(content)));
  ASSERT_TRUE((*file)->sync());
}

/// Some bytes in the midst of a file.
inline void alter(Files& disk, const Path& path) {
  auto content = read_file(disk, path, 64_MiB);
  ASSERT_TRUE(content) << content.error().message();
  for (std::size_t i = content->size() / 2; i < content->size() / 2 + 5; ++i) content->at(i) = '#';
  write_anew(disk, path, *content);
}

/// `tree` is the folder of a release made of tree_to_damage().
inline void damage_tree(Files& disk, const Path& tree) {
  alter(disk, tree / "share/large");
  ASSERT_TRUE(disk.remove_file(tree / "share/text"));
  ASSERT_TRUE(remove_tree(disk, tree / "lib"));  // four entries
  ASSERT_TRUE(disk.set_mode(tree / "bin/app", 0666));
  ASSERT_TRUE(remove_tree(disk, tree / "share/same"));
  ASSERT_TRUE(disk.make_folder(tree / "share/same", 0755));
  ASSERT_TRUE(disk.make_folder(tree / "share/extra", 0755));
  write_anew(disk, tree / "share/extra/file", "somebody was here");
  ASSERT_TRUE(disk.sync_as_one(tree));
}

}  // namespace upswarm::installer
