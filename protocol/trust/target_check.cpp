#include "protocol/trust/target_check.hpp"

namespace upswarm::trust {

TargetCheck::TargetCheck(const TargetFile& file) : file_(file) {
  if (file_.sha512) sha512_.emplace();
}

void TargetCheck::update(ByteView bytes) {
  length_ += Bytes{bytes.size()};
  if (sha512_) sha512_->update(bytes);
  else sha256_.update(bytes);
}

bool TargetCheck::is_whole() {
  if (length_ != file_.length) return false;
  return sha512_ ? sha512_->finish() == *file_.sha512 : sha256_.finish() == file_.sha256;
}

}  // namespace upswarm::trust
