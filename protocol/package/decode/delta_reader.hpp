// Reading a delta (.upd): from one tree, named by its content digest, to another. Format: docs/formats.md.
#pragma once

#include <memory>

#include "protocol/package/decode/opened_files.hpp"
#include "protocol/package/decode/package_reader.hpp"
#include "protocol/package/decode/patch_group.hpp"
#include "protocol/package/decode/stream_source.hpp"
#include "protocol/package/tree_difference.hpp"

namespace upswarm::package {

/// What a delta says about itself.
struct DeltaInfo {
  Sha256 from_content;
  Sha256 to_content;
  Bytes unpacked;     ///< of all files of the new tree
  Bytes made;         ///< of those that are not copied whole from the base, opened ones as they are opened
  Bytes plan_length;  ///< of what is neither header nor stream
  std::vector<std::string> filters;
  OpenedFiles opened;
  std::vector<PatchGroup> groups;
};

class DeltaReader {
 public:
  /// Errors: corrupt; invalid  a format version or a filter that this program does not know, by name.
  static Result<DeltaReader> open(std::unique_ptr<InputFile> file);

  DeltaReader(DeltaReader&&) noexcept;
  DeltaReader& operator=(DeltaReader&&) noexcept;
  ~DeltaReader();

  const DeltaInfo& info() const;

  /// The tree that it leads to from `base_tree`, the digests of made files not known, and where each file comes from.
  /// Errors: corrupt (reason "wrong_base" when it starts from another tree).
  Result<ToldTree> tree(const Tree& base_tree) const;
  /// Of the same tree what can be told without the base: the files that are made.   Errors: corrupt.
  Result<std::vector<MadeFile>> made_files() const;
  /// The copies of a group, for whoever wants to know what its files are made of.   Errors: corrupt; disk.
  Result<std::vector<CopyOperation>> copies(std::size_t group) const;
  /// One stream of a group that has no prefix. The reader must outlive it.
  StreamSource stream(std::size_t group, Stream which) const;

  /// Builds the new tree in the new folder `to` from the old tree in `base`, whose content `base_tree` was verified to
  /// have the digest from_content: anything else is refused before a byte is written. Every file is verified as it is
  /// written (on a second thread); the whole at the end by to_content; then all is synced. Gives the new tree. After an
  /// error or a power cut the folder may be half there: a call with `resume` goes on from its whole files.
  /// Memory: at most 64 MiB beside the trees and the plan, whatever the size.
  /// Errors: corrupt (reason "wrong_base" when the base is not the right one, or was altered); as
  /// PackageReader::unpack.
  Result<Tree> apply(Files& files, const Path& base, const Tree& base_tree, const Path& to,
                     const ProgressSink& progress, std::stop_token stop, const OutputOptions& options = {});

 private:
  struct State;
  explicit DeltaReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
