#include "protocol/package/decode/file_closing.hpp"

#include <algorithm>

#include "protocol/package/decode/format.hpp"

namespace upswarm::package {
namespace {

Error corrupt() {
  return corrupt_package("a delta", "a file that it opened does not close to the length that it tells");
}

}  // namespace

FileClosing::FileClosing(const OpenedNew& file, Bytes size, Sink sink)
    : file_(file), size_left_(size), sink_(std::move(sink)), left_(file.streams.front().gap) {}

Result<void> FileClosing::write(ByteView bytes) {
  while (!bytes.empty()) {
    UPSWARM_CHECK(begin_parts());
    const auto part = bytes.first(std::min<std::uint64_t>(left_.count, bytes.size()));
    UPSWARM_CHECK(is_deflating_ ? replayer_->write(part) : give(part));
    left_ -= Bytes{part.size()};
    bytes = bytes.subspan(part.size());
  }
  return {};
}

Result<void> FileClosing::finish() {
  UPSWARM_CHECK(begin_parts());
  return size_left_ == Bytes{} ? Result<void>() : corrupt();
}

/// Goes on to the next part that has something in it; behind the last stream all is passed on.
Result<void> FileClosing::begin_parts() {
  while (left_ == Bytes{} && (is_deflating_ || next_ < file_.streams.size())) {
    if (is_deflating_) {
      UPSWARM_CHECK(replayer_->finish());
      ++next_;
      left_ = next_ < file_.streams.size() ? file_.streams[next_].gap : file_.size;
    } else {
      const auto& stream = file_.streams[next_];
      left_ = stream.size;
      if (replayer_ && replayer_->recipe() == stream.recipe) replayer_->start();
      else replayer_ = std::make_unique<DeflateReplayer>(stream.recipe, [this](ByteView bytes) { return give(bytes); });
    }
    is_deflating_ = !is_deflating_;
  }
  return {};
}

Result<void> FileClosing::give(ByteView bytes) {
  if (Bytes{bytes.size()} > size_left_) return corrupt();
  size_left_ -= Bytes{bytes.size()};
  return sink_(bytes);
}

}  // namespace upswarm::package
