// One tree told as a difference to another.
#pragma once

#include <array>
#include <optional>

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/tree.hpp"

namespace upswarm::package {

/// Enough of a SHA-256 to notice damage where it happens. That nobody forged the tree is what its content digest says,
/// which is compared when all digests are known.
using DigestStart = std::array<std::byte, 8>;
DigestStart start_of(const Sha256& digest);

/// Where the content of a regular file comes from: a whole file of the old tree; or it is made, by copies out of old
/// content (patch_group.hpp), or by zstd with old content as a prefix.
struct ContentSource {
  enum class Kind : std::uint8_t { none, copied, patched, prefixed } kind = Kind::none;  ///< none: a folder or link
  std::uint32_t from = 0;  ///< copied: the entry of the old tree
  DigestStart check{};     ///< patched, prefixed: how its digest begins

  bool is_made() const { return kind == Kind::patched || kind == Kind::prefixed; }
};

/// `tree` with the digests of made files not known: all zero.
struct ToldTree {
  Tree tree;
  std::vector<ContentSource> sources;  ///< for each entry
};

/// `sources` (one for each entry of `to`) say what is copied; whatever is made is told by size and start of its digest.
void encode_tree_difference(const Tree& from, const Tree& to, const std::vector<ContentSource>& sources,
                            ByteWriter& out);

/// Checks the tree as check_tree does.   Errors: corrupt.
Result<ToldTree> decode_tree_difference(ByteReader& in, const Tree& from);

/// A file of made content, as far as a difference tells of it without the other tree.
struct MadeFile {
  std::uint32_t entry = 0;  ///< of the told tree
  std::string path = {};    ///< empty: that of `old_entry`
  std::optional<std::uint32_t> old_entry =
      {};  ///< of the other tree, where a file of this path and mode has other content
  Bytes size = {};
  ContentSource::Kind kind = ContentSource::Kind::patched;
};

/// Those files alone, in the order of the told tree. Only what needs no other tree is checked.   Errors: corrupt.
Result<std::vector<MadeFile>> decode_made_files(ByteReader& in);

}  // namespace upswarm::package
