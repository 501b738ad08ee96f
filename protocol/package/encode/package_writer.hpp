// Writing full packages (.upk) and deltas (.upd). Deterministic: same trees, same bytes, on any machine.
#pragma once

#include <functional>
#include <memory>

#include "protocol/package/decode/package_reader.hpp"

namespace upswarm::package {

struct PackedPackage {
  Bytes length;
  Sha256 sha256;
  Bytes index_length;
  Sha256 index_digest;
  Sha256 content;
  Tree tree;
};

enum class PackLevel {
  fast,      ///< for trying things out
  standard,  ///< what a release is packed with
  best,      ///< for what very many will fetch: some per cent less in several times the time
};

struct PackOptions {
  std::size_t threads = 0;  ///< 0: as many as the machine has processors
  Bytes memory = 256_MiB;   ///< fewer threads run where this would not do; one runs in any case
  PackLevel level = PackLevel::standard;
  Bytes frame = 8_KiB;  ///< small files share a frame up to here: less, and a sparse fetch brings less that it has
};

/// Packs the tree in `folder` into the new file `to`. The bytes depend on the tree, level, frame and the version of
/// zstd alone, not on threads or memory. Errors: invalid  something in the folder cannot be packed (its path is named);
/// busy  a file changed meanwhile;
///         as Files; cancelled.
Result<PackedPackage> write_package(Files& files, const Path& folder, const Path& to, const ProgressSink& progress,
                                    std::stop_token stop, const PackOptions& options = {});

struct PackedDelta {
  Bytes length;
  Sha256 sha256;
  Sha256 from_content;
  Sha256 to_content;
};

/// What it gives is held as long as the memory is.
using TakesMemory = std::function<Result<std::shared_ptr<void>>(Bytes)>;

struct DeltaOptions {
  std::size_t threads = 0;  ///< 0: as many as the machine has processors; the delta is the same with any number
  /// Trees whose making would take more (9 bytes a byte of the old tree) are compared in parts. zstd takes 44 MiB for
  /// small text files, however little this is.
  Bytes memory = 9_GiB;
  PackLevel level = PackLevel::standard;
  /// What is in the folders, from whoever has read all of it already; null: it is read to find out.
  const Tree* old_tree = nullptr;
  const Tree* new_tree = nullptr;
  /// Asked before each part of the work for the memory that it takes at most; that of the part before is let go of. It
  /// may wait; its error ends the work.
  TakesMemory take_memory = [](Bytes) -> Result<std::shared_ptr<void>> { return std::shared_ptr<void>(); };
};

/// What making a delta takes that compares with so many bytes at a time (see DeltaOptions::memory). That is the old
/// tree; where archives are opened it is what is in them, which is known only then: take_memory is told.
Bytes memory_for_delta(Bytes old_size);

/// Makes the delta from the tree in `from` to the tree in `to_folder` as the new file `to`. Between two steps of the
/// work progress is told and a stop is seen; what goes on to its end is the sort of old bytes (about 0.1 s a MB),
/// saying a group by its copies, and each stream that zstd makes. Errors: invalid  something in a folder cannot be
/// packed; busy  a file changed meanwhile; as Files; cancelled.
Result<PackedDelta> write_delta(Files& files, const Path& from, const Path& to_folder, const Path& to,
                                const ProgressSink& progress, std::stop_token stop, const DeltaOptions& options = {});

/// What is there beside `to` while a package or delta of that name is being written.
std::vector<Path> half_written(const Path& to);

}  // namespace upswarm::package
