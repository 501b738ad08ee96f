#include <zstd.h>

#include <algorithm>
#include <bit>

#include "protocol/package/encode/frame_encoder.hpp"

namespace upswarm::package {
namespace {

constexpr int kSmallestWindowLog = 10;

struct ContextCloser {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

Error failed(std::size_t status) { return {ErrorKind::internal, "compress a frame", ZSTD_getErrorName(status)}; }

}  // namespace

struct FrameEncoder::State {
  std::unique_ptr<ZSTD_CCtx, ContextCloser> context{ZSTD_createCCtx()};
  int level;

  explicit State(int at_level) : level(at_level) {}

  std::size_t set(ZSTD_cParameter name, int value) { return ZSTD_CCtx_setParameter(context.get(), name, value); }

  /// Parameters for a dictionary and a frame of these sizes; all are set, so that zstd adapts none by its own lights.
  std::size_t prepare(std::size_t dictionary, std::size_t frame) {
    auto status = ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
    if (ZSTD_isError(status) == 0) status = set(ZSTD_c_compressionLevel, level);
    // The index says how long the content is, and the signed digests whether it is right.
    if (ZSTD_isError(status) == 0) status = set(ZSTD_c_contentSizeFlag, 0);
    if (ZSTD_isError(status) == 0) status = set(ZSTD_c_checksumFlag, 0);
    if (dictionary == 0) return status;
    const int window = std::max(kSmallestWindowLog, static_cast<int>(std::bit_width(dictionary + frame)));
    if (ZSTD_isError(status) == 0) status = set(ZSTD_c_windowLog, window);
    if (ZSTD_isError(status) == 0) status = set(ZSTD_c_hashLog, window - 1);
    if (ZSTD_isError(status) == 0) status = set(ZSTD_c_chainLog, window);
    return status;
  }
};

FrameEncoder::FrameEncoder(int level) : state_(std::make_unique<State>(level)) {}
FrameEncoder::~FrameEncoder() = default;

Result<std::vector<PackedFrame>> FrameEncoder::encode(const SegmentContent& segment) {
  auto* const context = state_->context.get();
  if (context == nullptr) return Error{ErrorKind::internal, "compress a frame", "zstd has no memory"};
  const auto& dictionary = segment.dictionary;
  const bool is_alone = segment.sizes.size() == 1;
  auto status = state_->prepare(dictionary.size(), *std::ranges::max_element(segment.sizes));
  // Digested once for many frames; for one alone that would cost more than it saves.
  if (ZSTD_isError(status) == 0 && !dictionary.empty()) {
    status = is_alone ? ZSTD_CCtx_refPrefix(context, dictionary.data(), dictionary.size())
                      : ZSTD_CCtx_loadDictionary(context, dictionary.data(), dictionary.size());
  }
  if (ZSTD_isError(status) != 0) return failed(status);
  std::vector<PackedFrame> frames;
  std::size_t at = 0;
  for (const auto size : segment.sizes) {
    std::string bytes(ZSTD_compressBound(size), '\0');
    const auto count = ZSTD_compress2(context, bytes.data(), bytes.size(), segment.content.data() + at, size);
    if (ZSTD_isError(count) != 0) return failed(count);
    bytes.resize(count);
    bytes.shrink_to_fit();
    const auto digest = sha256(bytes);
    frames.push_back({std::move(bytes), digest});
    at += size;
  }
  return frames;
}

}  // namespace upswarm::package
