// Reading a full package (.upk): an index, then zstd frames. Format to the byte: docs/formats.md.
#pragma once

#include <memory>
#include <optional>

#include "protocol/package/decode/package_index.hpp"
#include "protocol/package/decode/sparse.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::package {

/// A full package being read. Unpacking takes at most 64 MB of memory beside the index, whatever the size.
class PackageReader {
 public:
  /// Reads and checks the index: its digest must be `index_digest` when one is given (the signed one). Only the index
  /// has to be there yet: what is not fetched may be a hole, and with `length`, that of the whole package, the file may
  /// end early. Errors: corrupt; invalid  a format version that this program does not know, by number.
  static Result<PackageReader> open(std::unique_ptr<InputFile> file, const Sha256* index_digest,
                                    std::optional<Bytes> length = {});

  PackageReader(PackageReader&&) noexcept;
  PackageReader& operator=(PackageReader&&) noexcept;
  ~PackageReader();

  const PackageIndex& index() const;
  /// The length and digest of the whole index area, header included: what an entry signs.
  Bytes index_length() const;
  Sha256 index_digest() const;

  /// Unpacks the whole tree into the new folder `to` through `files`. Each frame is verified before it is decompressed,
  /// each file by its digest; all is synced at the end. After an error or a power cut the folder may be half there: a
  /// call with `resume` goes on from its whole files.
  Result<void> unpack(Files& files, const Path& to, const ProgressSink& progress, std::stop_token stop,
                      const OutputOptions& options = {});

  /// The same from a package of which only the frames of `plan` were fetched: the others are never read. What they hold
  /// comes from the files in `local` (of which plan_sparse made the plan), verified chunk by chunk.
  /// Errors: corrupt, reason kLocalChanged  a local file is not any more what the scan saw: plan anew
  ///                  reason kFrameAltered  a frame is not there, or not the right one; also without a plan
  Result<void> unpack(Files& files, const Path& to, const SparsePlan& plan, const LocalChunks& local,
                      const ProgressSink& progress, std::stop_token stop, const OutputOptions& options = {});

 private:
  struct State;
  explicit PackageReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
