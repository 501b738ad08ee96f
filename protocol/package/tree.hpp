// The tree of files that a release consists of, and the digest that names it.
#pragma once

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/digest.hpp"
#include "protocol/base/files.hpp"
#include "protocol/base/shared_text.hpp"

namespace upswarm::package {

inline constexpr std::size_t kMostTreeEntries = 2'000'000;
inline constexpr std::size_t kLongestTreePath = 4096;
inline constexpr std::size_t kLongestTreeText = std::size_t{256} << 20U;  ///< all paths and targets of links together
inline constexpr Bytes kLargestTree{std::uint64_t{1} << 62U};             ///< all files together
inline constexpr std::size_t kLongestName = 255;
inline constexpr int kDeepestTree = 128;

/// One file, folder or link. Owners are not part of a tree: they are the installer's. 64 bytes, since there may be
/// very many, and its path.
struct TreeEntry {
  SharedText path;  ///< relative, `/` between parts, UTF-8
  FileType type = FileType::regular;
  std::uint32_t mode = 0644;  ///< of files 0644 or 0755, of folders 0755, of links 0777
  Bytes size;                 ///< regular files
  Sha256 digest;              ///< regular files: of the content
  SharedText link_target;     ///< links: relative and staying inside the tree

  bool operator==(const TreeEntry&) const = default;
};

/// Sorted by path in byte order; every folder has an entry of its own before what it holds; the top has none.
struct Tree {
  std::vector<TreeEntry> entries;

  bool operator==(const Tree&) const = default;
  Bytes total_size() const;
  const TreeEntry* find(std::string_view path) const;
};

/// Files and links that only one of the two trees has, or that are not the same in both.
std::size_t count_changed_files(const Tree& from, const Tree& to);

/// Whether a tree may be unpacked anywhere: names safe on every system (no `..`, empty or dot parts, absolute or drive
/// paths, backslash, control characters, `:` and the other characters, reserved names and trailing dots that Windows
/// forbids), valid UTF-8, no two that fold to one name (folded_name.hpp), parents are folders, links stay inside (and
/// `..` in a target goes back out of folders of the tree alone), files are 0644 or 0755, folders 0755, links 0777.
/// Errors: corrupt (reason "unsafe_path" for a name, "names_collide" for two that fold to one: both are named).
Result<void> check_tree(const Tree& tree);

/// The SHA-256 over a fixed binary form of the tree (docs/formats.md): equal digests, equal trees.
Sha256 content_digest(const Tree& tree);

/// That fixed binary form, and back; the parser checks as check_tree does.
std::string encode_tree(const Tree& tree);
Result<Tree> decode_tree(std::string_view bytes, const std::string& what);

/// The same without the digests of files, as an index keeps them apart; the parser checks as check_tree does.
std::string encode_outline(const Tree& tree);
Result<Tree> decode_outline(std::string_view bytes, const std::string& what);

/// Reads a folder from disk: types, modes (only the executable bit counts: 0755 or 0644), sizes, digests.
/// Errors: invalid  something that is no file, folder or link inside; cancelled, after 256 KiB more; as Files.
Result<Tree> scan_tree(Files& files, const Path& folder, const std::stop_token& stop = {});

/// Compares a folder on disk with what it should be, reading every byte.
/// Errors: corrupt  with the first path that differs and how; as scan_tree.
Result<void> verify_tree(Files& files, const Path& folder, const Tree& expected, const std::stop_token& stop = {});

}  // namespace upswarm::package
