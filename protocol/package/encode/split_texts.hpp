// Which text a new file was split off: by hashes of stretches of 64 bytes, one in 128.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "protocol/base/units.hpp"

namespace upswarm::package {

class SplitTexts {
 public:
  /// Text of which the old tree has no version at the same path.
  void add_new(ByteView text);
  bool is_empty() const { return new_.empty(); }

  /// Whether a 64th of `old_text`, and 2 KiB, is in new text, about.
  bool is_origin(ByteView old_text) const;

 private:
  std::unordered_set<std::uint64_t> new_;
};

}  // namespace upswarm::package
