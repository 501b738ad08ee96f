// One side of a group in memory, with what its executables say.
#pragma once

#include <string>
#include <vector>

#include "protocol/package/encode/executable.hpp"

namespace upswarm::package {

/// `bytes` ends with kScanSlack zero bytes that are not part of the space.
class EncodeSpace {
 public:
  /// Room for all that is to be added, so that bytes are not moved.
  void reserve(Bytes size);
  /// A file's bytes, appended; kept as a whole they are looked at for being executable.
  void add(std::string_view path, ByteView bytes, bool is_whole);
  /// Ends the bytes and gives memory without bytes its place.
  void finish();

  ByteView bytes() const { return ByteView(bytes_).first(size_); }
  std::size_t size() const { return size_; }
  const std::vector<Image>& images() const { return images_; }
  std::span<const Region> regions() const { return regions_; }
  /// Forgets that these are regions of references.
  void drop(const std::vector<Region>& useless);
  const std::vector<std::string>& image_paths() const { return paths_; }
  /// Of each image.
  const std::vector<std::vector<NamedSection>>& image_sections() const { return sections_; }

  /// Replaces each reference in the bytes by a digest of what it refers to: equal where code is equal but moved. Takes
  /// an eighth of a byte for each byte, and the references' own, until they are put back.
  void put_labels();
  void take_labels_away();

 private:
  struct Found {
    SpaceOffset begin = 0;
    SpaceOffset end = 0;
    Executable executable;
  };

  /// `act(place, reference)` for all, by place; they do not overlap.
  template <typename Act>
  void for_each_field(Act act) const;
  std::uint32_t label_at(SpaceOffset target) const;
  void exchange_kept();

  ByteBuffer bytes_;
  std::size_t size_ = 0;
  std::vector<Found> found_;
  std::vector<Image> images_;
  std::vector<Region> regions_;
  std::vector<std::string> paths_;
  std::vector<std::vector<NamedSection>> sections_;
  std::vector<std::uint64_t> is_field_;  ///< a bit a byte, while there are labels
  ByteBuffer kept_;                      ///< what these bytes are without labels, or with
};

}  // namespace upswarm::package
