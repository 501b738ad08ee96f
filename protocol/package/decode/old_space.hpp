// The old side of a group, read from the files of the base.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <unordered_map>

#include "protocol/base/files.hpp"
#include "protocol/package/decode/patch_group.hpp"
#include "protocol/package/tree.hpp"

namespace upswarm::package {

/// Keeps what was read last: 8 MiB, and 16 open files. Not for use by two threads at once.
class OldSpace {
 public:
  /// Opens the file of one entry of the base, as its pieces see it.
  using OpenFile = std::function<Result<std::unique_ptr<InputFile>>(std::uint32_t entry)>;

  /// `tree` is the base's; it and `pieces` must outlive the object.
  OldSpace(OpenFile open, const Tree& tree, const std::vector<OldPiece>& pieces);

  SpaceOffset size() const { return size_; }
  /// Errors: corrupt (reason "wrong_base")  a file is shorter than the tree says; as Files.
  Result<void> read(SpaceOffset offset, std::span<std::byte> to);

 private:
  using Block = std::pair<SpaceOffset, ByteBuffer>;
  Result<const ByteBuffer*> block(SpaceOffset number);
  Result<void> load(SpaceOffset offset, std::span<std::byte> to);
  Result<InputFile*> file(std::uint32_t entry);

  OpenFile open_file_;
  const Tree& tree_;
  const std::vector<OldPiece>& pieces_;
  std::vector<SpaceOffset> starts_;  ///< of the pieces
  SpaceOffset size_ = 0;
  std::list<Block> blocks_;  ///< the one used last is first
  std::unordered_map<SpaceOffset, std::list<Block>::iterator> by_number_;
  std::list<std::pair<std::uint32_t, std::unique_ptr<InputFile>>> open_;
};

}  // namespace upswarm::package
