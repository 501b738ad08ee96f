#include <zstd.h>
#include <zstd_errors.h>

#include "protocol/package/decode/frame_decoder.hpp"

namespace upswarm::package {
namespace {

struct ContextCloser {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Error bad(const char* why) { return {ErrorKind::corrupt, "decompress a frame", why}; }

}  // namespace

struct FrameDecoder::State {
  std::unique_ptr<ZSTD_DCtx, ContextCloser> context{ZSTD_createDCtx()};
};

FrameDecoder::FrameDecoder() : state_(std::make_unique<State>()) {}
FrameDecoder::~FrameDecoder() = default;

Result<void> FrameDecoder::decode(ByteView frame, ByteView dictionary, std::span<std::byte> to) {
  auto* const context = state_->context.get();
  if (context == nullptr) return Error{ErrorKind::internal, "decompress a frame", "zstd has no memory"};
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  // For one frame. A failure shows in the next call.
  ZSTD_DCtx_refPrefix(context, dictionary.data(), dictionary.size());
  // Bytes after the first frame would be another frame for zstd: here they are an error.
  const auto length = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(length) != 0) return bad(ZSTD_getErrorName(length));
  if (length != frame.size()) return bad("bytes follow its end");
  const auto count = ZSTD_decompressDCtx(context, to.data(), to.size(), frame.data(), frame.size());
  if (ZSTD_getErrorCode(count) == ZSTD_error_dstSize_tooSmall) return bad("it gives more bytes than it says");
  if (ZSTD_isError(count) != 0) return bad(ZSTD_getErrorName(count));
  if (count != to.size()) return bad("it gives fewer bytes than it says");
  return {};
}

}  // namespace upswarm::package
