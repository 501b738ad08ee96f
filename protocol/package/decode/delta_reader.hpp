// Reading a delta (.upd): from one tree, named by its content digest, to another. Format: docs/formats.md.
#pragma once

#include <memory>

#include "protocol/package/decode/package_reader.hpp"

namespace upswarm::package {

/// What a delta says about itself.
struct DeltaInfo {
  Sha256 from_content;
  Sha256 to_content;
  Tree to_tree;
  std::size_t files_copied = 0;   ///< taken from the base as they are
  std::size_t files_patched = 0;  ///< made from a file of the base and a patch
  std::size_t files_added = 0;    ///< whole in the delta
};

class DeltaReader {
 public:
  /// Errors: corrupt; invalid  a format version or a filter that this program does not know, by name.
  static Result<DeltaReader> open(std::unique_ptr<InputFile> file);

  DeltaReader(DeltaReader&&) noexcept;
  DeltaReader& operator=(DeltaReader&&) noexcept;
  ~DeltaReader();

  const DeltaInfo& info() const;

  /// Builds the new tree in the new folder `to` from the old tree in `base`, whose content `base_tree` was verified to
  /// have the digest from_content: anything else is refused before a byte is written. Every file is verified by digest
  /// as it is written, and synced.
  /// Errors: corrupt (reason "wrong_base" when the base is not the right one); as PackageReader::unpack.
  Result<void> apply(Files& files, const Path& base, const Tree& base_tree, const Path& to,
                     const ProgressSink& progress, std::stop_token stop);

 private:
  struct State;
  explicit DeltaReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
