// A full package of which only parts may be here, made whole by what lies in trees on disk.
#pragma once

#include <memory>
#include <vector>

#include "protocol/messages/installer_messages.hpp"
#include "protocol/package/decode/package_reader.hpp"

namespace upswarm::installer {

/// Trusts nobody's word about which parts are there: the index must be the signed one, a frame is verified by it before
/// it is decompressed, a chunk from disk as it is read, a file as it is written. Every byte is read from the file once,
/// so that whoever owns it cannot change it in between.
class SparsePackage {
 public:
  /// Verifies the index in `part` by the digest that `to` signs, and looks through the folders `trees` for chunks
  /// (every byte is read; one that is not there gives none). `files` must outlive it. Errors: corrupt  not that
  /// package, or one that this program does not know; cancelled, disk.
  static Result<SparsePackage> open(Files& files, std::unique_ptr<InputFile> part, const trust::Entry& to,
                                    const std::vector<Path>& trees, const package::ProgressSink& progress,
                                    const std::stop_token& stop);

  const package::Tree& tree() const { return reader_.index().tree; }

  /// What must be fetched. Parts that are closer than `near` are told as one. Frames are told, too, where they are
  /// asked for and no more than messages::kMostMissingFrames.
  /// Errors: invalid (reason "scattered")  they are more than messages::kMostMissingParts.
  Result<messages::MissingParts> missing(Bytes near, bool with_frames) const;

  /// Unpacks the whole tree into the new folder `to`. On an error the folder may be half there.
  /// Errors: as PackageReader::unpack.
  Result<void> unpack(const Path& to, const package::ProgressSink& progress, const std::stop_token& stop,
                      const package::OutputOptions& options);

 private:
  SparsePackage(Files& files, package::PackageReader reader, package::LocalChunks local)
      : files_(&files),
        reader_(std::move(reader)),
        local_(std::move(local)),
        plan_(package::plan_sparse(reader_.index(), local_)) {}

  Files* files_;
  package::PackageReader reader_;
  package::LocalChunks local_;
  package::SparsePlan plan_;
};

}  // namespace upswarm::installer
