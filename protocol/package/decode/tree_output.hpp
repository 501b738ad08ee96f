// Writing a tree to disk, file by file, each verified as it is written.
#pragma once

#include "protocol/package/tree.hpp"

namespace upswarm::package {

/// One regular file being written; finish() compares size and digest with what the tree says.
class FileOutput {
 public:
  /// `entry` must outlive the object.
  static Result<FileOutput> create(Files& files, const Path& to, const TreeEntry& entry);

  /// Errors: corrupt  more than the signed size; as OutputFile::write.
  Result<void> write(ByteView bytes);
  /// Syncs.   Errors: corrupt  the content is not the signed one.
  Result<void> finish();
  /// Syncs, and gives the digest of what was written.
  Result<Sha256> close();

 private:
  FileOutput(std::unique_ptr<OutputFile> file, const TreeEntry& entry) : file_(std::move(file)), entry_(&entry) {}
  std::unique_ptr<OutputFile> file_;
  const TreeEntry* entry_;
  Sha256Hasher hasher_;
  Bytes written_;
};

/// Makes the new folder `to` with all folders and links of `tree`.
Result<void> make_skeleton(Files& files, const Path& to, const Tree& tree);

/// Syncs all folders, the deepest first, so that every name survives a power cut.
Result<void> sync_folders(Files& files, const Path& to, const Tree& tree);

/// `to` and a path of a tree.
Path place_of(const Path& to, const std::string& path);

}  // namespace upswarm::package
