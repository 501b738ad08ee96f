// A new file from its opened form.
#pragma once

#include <memory>

#include "protocol/package/decode/opened_files.hpp"

namespace upswarm::package {

/// Deflates what belongs into streams, passes on what lies between them. For use by one thread; memory as of one
/// DeflateReplayer.
class FileClosing {
 public:
  using Sink = DeflateReplayer::Sink;

  /// `file` must outlive the object; no more than `size` bytes reach the sink.
  FileClosing(const OpenedNew& file, Bytes size, Sink sink);

  /// The next bytes of the opened form, over all `file.size`.
  /// Errors: corrupt  it gets longer than `size`; what the sink gives.
  Result<void> write(ByteView bytes);
  /// Errors: corrupt  it is not as long as `size`.
  Result<void> finish();

 private:
  Result<void> begin_parts();
  Result<void> give(ByteView bytes);

  const OpenedNew& file_;
  Bytes size_left_;
  Sink sink_;
  std::size_t next_ = 0;  // stream
  Bytes left_;            // of what is being passed on or deflated
  bool is_deflating_ = false;
  std::unique_ptr<DeflateReplayer> replayer_;  // the last one: the next stream may have its recipe
};

}  // namespace upswarm::package
