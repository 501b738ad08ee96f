// Why a delta is as large as it is: how each file of the new tree comes, from what, and why not from more.
#pragma once

#include <optional>

#include "protocol/base/json.hpp"
#include "protocol/package/decode/delta_reader.hpp"

namespace upswarm::publish {

/// Of what one file of the new tree is made. Everything is read from the delta and, where it is known, the base's tree;
/// nothing is guessed but `cost`, where several files share a stream.
struct FileOrigin {
  enum class How {
    kept,      ///< as it was, where it was
    moved,     ///< a whole file of the base, under another name, or a copy of it
    patched,   ///< partly copied out of old content
    text,      ///< made by zstd with old text as a prefix: what is copied cannot be told apart from what is new
    made_anew  ///< nothing of it is copied
  } how = How::kept;
  std::string path;  ///< empty where only the base has it: `old_entry` of its tree
  std::optional<std::uint32_t> old_entry = {};
  Bytes size;
  Bytes made;  ///< what groups make of it: its size, or what it is opened. 0 where none do. Counts below are of that
  std::size_t streams = 0;  ///< that are opened
  Bytes copied;             ///< out of old content, altered or not
  Bytes altered;            ///< of those that are copied: bytes (in fours) that a difference is added to
  Bytes fresh;              ///< that are in the delta
  Bytes cost;               ///< in the delta, about: of streams that files share, the part that falls to this one
  std::vector<std::pair<std::string, Bytes>> from;  ///< old files and how much of it comes from them, the most first
  std::string why;                 ///< why not more of it is copied, where less than half is; else empty
  bool is_closed_archive = false;  ///< by its name, and nothing in it compresses
};

/// For each regular file of the new tree, in its order.
/// Errors: corrupt (reason "wrong_base" when `base_tree` is not what the delta starts from); disk.
Result<std::vector<FileOrigin>> explain_delta(const package::DeltaReader& delta, const package::Tree& base_tree);
/// The same for whoever has the delta alone: of the files that are made, without `from`.
Result<std::vector<FileOrigin>> explain_made_files(const package::DeltaReader& delta);

/// Adds to what `inspect` says of a delta: how many files came in which way, and each that is not kept. Of kept and
/// moved ones nothing where the delta alone was read.
void describe_origins(const std::vector<FileOrigin>& origins, bool has_base, Json& to);

/// One line a file for people, those that cost most first.
std::string origins_text(const Json& described);

}  // namespace upswarm::publish
