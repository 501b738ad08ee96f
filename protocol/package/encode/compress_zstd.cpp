#include <zstd.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "protocol/package/decode/format.hpp"
#include "protocol/package/encode/compress.hpp"

namespace upswarm::package {
namespace {

constexpr int kLevel = 19;
constexpr int kSmallestWindowLog = 10;
constexpr int kLargestLevel = 22;
constexpr std::size_t kMagicLength = 4;
constexpr int kSmallTableLog = 18;  ///< up to here zstd's own tables are small

struct ContextCloser {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using Context = std::unique_ptr<ZSTD_CCtx, ContextCloser>;

Error failed(const char* why) { return {ErrorKind::internal, "compress", why}; }

Result<Context> make_context() {
  Context context(ZSTD_createCCtx());
  if (!context) return failed("zstd has no memory");
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  // Digests guard against hostile bytes; this guards the index of a package that nobody signed yet against rot.
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  return context;
}

Result<std::string> compress_by(ZSTD_CCtx* context, ByteView bytes) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const auto count = ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size());
  if (ZSTD_isError(count) != 0) return failed(ZSTD_getErrorName(count));
  out.resize(count);
  return out;
}

/// Gives a search by trees tables for `reach`. Where the window is no longer, level 19 keeps its own.
void bound_tables(ZSTD_CCtx* context, int level, int window_log, Bytes reach) {
  const int reach_log = static_cast<int>(std::bit_width(reach.count)) - 1;
  const bool has_too_many = level == kLargestLevel || (level == kLevel && reach_log < window_log);
  if (!has_too_many || window_log <= kSmallTableLog) return;
  const int table_log = std::clamp(reach_log, kSmallTableLog, window_log);
  ZSTD_CCtx_setParameter(context, ZSTD_c_chainLog, table_log + 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_hashLog, table_log - 2);
}

Result<std::string> compress_without_magic(ZSTD_CCtx* context, ByteView bytes) {
  UPSWARM_TRY(auto out, compress_by(context, bytes));
  out.erase(0, kMagicLength);
  return out;
}

}  // namespace

Result<std::string> compress(ByteView bytes) {
  UPSWARM_TRY(const auto context, make_context());
  return compress_by(context.get(), bytes);
}

Result<std::string> compress_bare(ByteView bytes, int level, int window_log, Bytes reach) {
  UPSWARM_TRY(const auto context, make_context());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 0);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  const int covered_log = std::clamp(static_cast<int>(std::bit_width(bytes.size())), kSmallestWindowLog, window_log);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, covered_log);
  bound_tables(context.get(), level, covered_log, reach);
  return compress_without_magic(context.get(), bytes);
}

Result<std::string> compress_against(ByteView prefix, ByteView bytes, int level, Bytes reach) {
  UPSWARM_TRY(const auto context, make_context());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 0);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  const auto covered = std::bit_width(prefix.size() + bytes.size());
  const int window_log = std::clamp(static_cast<int>(covered), kSmallestWindowLog, kLargestWindowLog);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_enableLongDistanceMatching, 1);
  bound_tables(context.get(), level, window_log, reach);
  ZSTD_CCtx_refPrefix(context.get(), prefix.data(), prefix.size());
  return compress_without_magic(context.get(), bytes);
}

Result<void> compress_stream(const std::function<Result<ByteView>()>& next,
                             const std::function<Result<void>(ByteView)>& sink) {
  UPSWARM_TRY(const auto context, make_context());
  ByteBuffer buffer(ZSTD_CStreamOutSize());
  for (bool is_last = false; !is_last;) {
    UPSWARM_TRY(const auto part, next());
    is_last = part.empty();
    ZSTD_inBuffer in{part.data(), part.size(), 0};
    for (bool is_done = false; !is_done;) {
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      const auto left = ZSTD_compressStream2(context.get(), &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue);
      if (ZSTD_isError(left) != 0) return failed(ZSTD_getErrorName(left));
      UPSWARM_CHECK(sink(ByteView(buffer).first(out.pos)));
      is_done = is_last ? left == 0 : in.pos == in.size;
    }
  }
  return {};
}

}  // namespace upswarm::package
