// Old files as groups see them: some of them opened.
#pragma once

#include <functional>
#include <map>

#include "protocol/package/decode/opened_files.hpp"
#include "protocol/package/decode/patch_group.hpp"

namespace upswarm::package {

/// Gives `sink` the opened form of `in`, which must come out as long as `file` says.
/// Errors: corrupt  it does not, or a stream is none; disk; what `sink` gives.
Result<void> open_file(InputFile& in, const OpenedOld& file, const std::function<Result<void>(ByteView)>& sink);

/// Keeps what is opened in one file beside what is made, not in memory. For use by one thread.
class OpenedBase {
 public:
  /// Asked now and then; its error ends the work.
  using GoOn = std::function<Result<void>()>;

  /// `base` is the folder of `tree`, `scratch` a file that is not there. All must outlive the object.
  OpenedBase(Files& files, const Path& base, const Tree& tree, const OpenedFiles& opened, Path scratch);

  /// Opens what `pieces` name.   Errors: corrupt; as Files.
  Result<void> prepare(const std::vector<OldPiece>& pieces, const GoOn& go_on);
  /// One of the prepared files, or one that is not opened, from the base itself.
  Result<std::unique_ptr<InputFile>> open(std::uint32_t entry);
  /// Gives the disk back. No file that was opened may be in use.
  Result<void> clear();

 private:
  Files& files_;
  const Path& base_;
  const Tree& tree_;
  const OpenedFiles& opened_;
  Path scratch_;
  std::map<std::uint32_t, FilePart> prepared_;  // by entry
};

}  // namespace upswarm::package
