#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/zstd_stream.hpp"

namespace upswarm::package {
namespace {

struct ContextCloser {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

Error bad(const std::string& what, const char* why) { return {ErrorKind::corrupt, what, why}; }

/// Decompresses what must be one frame, with nothing before or after it, into all of `to`.
Result<void> decompress_one(ZSTD_DCtx* context, ByteView frame, std::string& to, const std::string& what) {
  // zstd takes frames in a row, and frames that are to be skipped, for one.
  const auto length = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(length) != 0) return bad(what, ZSTD_getErrorName(length));
  if (length != frame.size()) return bad(what, "bytes follow its end");
  const auto count = ZSTD_decompressDCtx(context, to.data(), to.size(), frame.data(), frame.size());
  if (ZSTD_getErrorCode(count) == ZSTD_error_dstSize_tooSmall) return bad(what, "it gives more bytes than it says");
  if (ZSTD_isError(count) != 0) return bad(what, ZSTD_getErrorName(count));
  if (count != to.size()) return bad(what, "it gives fewer bytes than it says");
  return {};
}

}  // namespace

Result<std::string> decompress(ByteView frame, Bytes size, const std::string& what) {
  const std::unique_ptr<ZSTD_DCtx, ContextCloser> context(ZSTD_createDCtx());
  if (!context) return Error{ErrorKind::internal, what, "zstd has no memory"};
  // Before memory is taken for what the frame does not give.
  const auto told = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (told == ZSTD_CONTENTSIZE_ERROR) return bad(what, "it is no zstd frame");
  if (told != ZSTD_CONTENTSIZE_UNKNOWN && told > size.count) return bad(what, "it gives more bytes than it says");
  if (told != ZSTD_CONTENTSIZE_UNKNOWN && told < size.count) return bad(what, "it gives fewer bytes than it says");
  std::string out(size.count, '\0');
  UPSWARM_CHECK(decompress_one(context.get(), frame, out, what));
  return out;
}

Result<std::string> decompress_bare(InputFile& file, Bytes offset, Bytes length, ByteView prefix, Bytes size,
                                    const std::string& what) {
  const std::unique_ptr<ZSTD_DCtx, ContextCloser> context(ZSTD_createDCtx());
  if (!context) return Error{ErrorKind::internal, what, "zstd has no memory"};
  ZSTD_DCtx_refPrefix(context.get(), prefix.data(), prefix.size());
  constexpr std::size_t kMagic = 4;
  std::string whole(kMagic + length.count, '\0');
  for (std::size_t i = 0; i < kMagic; ++i)
    whole[i] = static_cast<char>(std::uint32_t{ZSTD_MAGICNUMBER} >> (8 * i) & 0xffU);
  UPSWARM_TRY(const auto read, file.read_at(offset, std::as_writable_bytes(std::span(whole)).subspan(kMagic)));
  if (read != length.count) return bad(what, "it is cut off");
  std::string out(size.count, '\0');
  UPSWARM_CHECK(decompress_one(context.get(), as_bytes(whole), out, what));
  return out;
}

Result<void> decompress_stream(InputFile& file, Bytes offset, Bytes length, Bytes size, ByteView prefix,
                               const std::function<Result<void>(ByteView)>& sink, const std::string& what) {
  const std::unique_ptr<ZSTD_DCtx, ContextCloser> context(ZSTD_createDCtx());
  if (!context) return Error{ErrorKind::internal, what, "zstd has no memory"};
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kLargestWindowLog);
  if (!prefix.empty()) ZSTD_DCtx_refPrefix(context.get(), prefix.data(), prefix.size());
  ByteBuffer in_buffer(ZSTD_DStreamInSize());
  ByteBuffer out_buffer(ZSTD_DStreamOutSize());
  Bytes made;
  bool ended = false;
  for (Bytes at; at < length;) {
    const auto wanted = std::min<std::uint64_t>(in_buffer.size(), (length - at).count);
    UPSWARM_TRY(const auto count, file.read_at(offset + at, std::span(in_buffer).first(wanted)));
    if (count == 0) return bad(what, "the file is cut off");
    at += Bytes{count};
    ZSTD_inBuffer in{in_buffer.data(), count, 0};
    bool is_full = true;
    while (in.pos < in.size || is_full) {
      if (ended && in.pos < in.size) return bad(what, "bytes follow its end");
      if (ended) break;
      ZSTD_outBuffer out{out_buffer.data(), out_buffer.size(), 0};
      const auto status = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(status) != 0) return bad(what, ZSTD_getErrorName(status));
      made += Bytes{out.pos};
      if (made > size) return bad(what, "it gives more bytes than it says");
      UPSWARM_CHECK(sink(ByteView(out_buffer).first(out.pos)));
      ended = status == 0;
      is_full = out.pos == out.size;
    }
  }
  if (!ended || made != size) return bad(what, "it gives fewer bytes than it says");
  return {};
}

}  // namespace upswarm::package
