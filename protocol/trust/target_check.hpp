// Whether bytes are the target that was signed.
#pragma once

#include <optional>

#include "protocol/trust/metadata.hpp"

namespace upswarm::trust {

/// Takes a target as it comes and says at the end whether it is the one. Not for use by two threads at once.
class TargetCheck {
 public:
  explicit TargetCheck(const TargetFile& file);

  void update(ByteView bytes);
  /// Whether all bytes so far have the signed length and digest. Call it once.
  bool is_whole();

 private:
  TargetFile file_;
  Bytes length_;
  Sha256Hasher sha256_;
  std::optional<Sha512Hasher> sha512_;
};

}  // namespace upswarm::trust
