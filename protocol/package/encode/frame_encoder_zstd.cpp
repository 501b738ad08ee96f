// Sequences apart from entropy coding are what zstd exports as experimental: in every libzstd.a, and in Debian's .so.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

#include <algorithm>
#include <bit>

#include "protocol/package/decode/package_index.hpp"
#include "protocol/package/encode/frame_encoder.hpp"

namespace upswarm::package {
namespace {

constexpr int kSmallestWindowLog = 10;
constexpr int kSmallestTableLog = 6;
constexpr std::size_t kBlock = std::size_t{128} << 10U;  // the longest of zstd

struct ContextCloser {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

/// Sets parameters until one fails.
class Parameters {
 public:
  explicit Parameters(ZSTD_CCtx* context)
      : context_(context), status_(ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)) {}
  void set(ZSTD_cParameter name, int value) {
    if (ZSTD_isError(status_) == 0) status_ = ZSTD_CCtx_setParameter(context_, name, value);
  }
  std::size_t status() const { return status_; }

 private:
  ZSTD_CCtx* context_;
  std::size_t status_;
};

Error failed(std::size_t status) { return {ErrorKind::internal, "compress a frame", ZSTD_getErrorName(status)}; }

}  // namespace

struct FrameEncoder::State {
  std::unique_ptr<ZSTD_CCtx, ContextCloser> finder{ZSTD_createCCtx()};
  std::unique_ptr<ZSTD_CCtx, ContextCloser> coder{ZSTD_createCCtx()};
  EncoderSettings settings;
  std::vector<Sequence> block;      // of one frame, with its blocks' ends
  std::vector<ZSTD_Sequence> same;  // as zstd takes them
  std::string packed;

  explicit State(const EncoderSettings& how) : settings(how) {}

  std::size_t prepare_finder(std::size_t size) {
    Parameters to(finder.get());
    to.set(ZSTD_c_compressionLevel, settings.level);
    const auto usual = ZSTD_getCParams(settings.level, 0, 0);
    to.set(ZSTD_c_windowLog, std::max(kSmallestWindowLog, static_cast<int>(std::bit_width(size))));
    to.set(ZSTD_c_chainLog, std::min(settings.chain_log, static_cast<int>(usual.chainLog)));
    to.set(ZSTD_c_hashLog, std::min(settings.hash_log, static_cast<int>(usual.hashLog)));
    to.set(ZSTD_c_enableLongDistanceMatching, ZSTD_ps_disable);
    // It would cut blocks after their sequences were collected.
    to.set(ZSTD_c_useBlockSplitter, ZSTD_ps_disable);
    return to.status();
  }

  std::size_t prepare_coder() {
    Parameters to(coder.get());
    to.set(ZSTD_c_compressionLevel, settings.level);
    // The index says how long the content is, and the signed digests whether it is right.
    to.set(ZSTD_c_contentSizeFlag, 0);
    to.set(ZSTD_c_checksumFlag, 0);
    // With all of the frame in the window a dictionary may be referred to at any distance (RFC 8878, 5).
    to.set(ZSTD_c_windowLog, std::bit_width(kLongestFrame.count - 1));
    to.set(ZSTD_c_chainLog, kSmallestTableLog);  // nothing is looked for
    to.set(ZSTD_c_hashLog, kSmallestTableLog);
    to.set(ZSTD_c_minMatch, static_cast<int>(kShortestReference));
    to.set(ZSTD_c_blockDelimiters, ZSTD_sf_explicitBlockDelimiters);
    return to.status();
  }

  /// What zstd finds in the content of `job`.
  Result<std::vector<BackReference>> find(const FrameJob& job) {
    const auto content = ByteView(job.bytes).subspan(job.before);
    auto status = prepare_finder(job.bytes.size());
    if (ZSTD_isError(status) == 0 && job.before != 0)
      status = ZSTD_CCtx_refPrefix(finder.get(), job.bytes.data(), job.before);
    if (ZSTD_isError(status) != 0) return failed(status);
    // As many as there can be, and one an end of a block; memory that is not written is not taken.
    const auto most = content.size() / kShortestReference + 2 * (content.size() / kBlock + 2);
    const auto sequences = std::make_unique_for_overwrite<ZSTD_Sequence[]>(most);  // NOLINT(*-avoid-c-arrays)
    const auto count = ZSTD_generateSequences(finder.get(), sequences.get(), most, content.data(), content.size());
    if (ZSTD_isError(count) != 0) return failed(count);
    std::vector<BackReference> found;
    found.reserve(count);
    std::uint32_t at = 0;
    for (const auto& one : std::span(sequences.get(), count)) {
      at += one.litLength;
      if (one.matchLength != 0) found.push_back({at, one.matchLength, one.offset});
      at += one.matchLength;
    }
    return found;
  }

  /// The frame from `start` to `end` of `content`.
  Result<PackedFrame> code(std::span<const BackReference>& left, ByteView content, std::size_t start, std::size_t end) {
    block.clear();
    for (auto at = start; at < end; at += kBlock) {
      append_block(left, static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(std::min(end, at + kBlock)), block);
    }
    same.clear();
    for (const auto& one : block) same.push_back({one.distance, one.literals, one.length, 0});
    packed.resize(ZSTD_compressBound(end - start));
    const auto count = ZSTD_compressSequences(coder.get(), packed.data(), packed.size(), same.data(), same.size(),
                                              content.data() + start, end - start);
    if (ZSTD_isError(count) != 0) return failed(count);
    auto bytes = packed.substr(0, count);
    const auto digest = sha256(bytes);
    return PackedFrame{std::move(bytes), digest};
  }
};

FrameEncoder::FrameEncoder(const EncoderSettings& settings) : state_(std::make_unique<State>(settings)) {}
FrameEncoder::~FrameEncoder() = default;

Result<std::vector<PackedFrame>> FrameEncoder::encode(const FrameJob& job) {
  if (state_->finder == nullptr || state_->coder == nullptr)
    return Error{ErrorKind::internal, "compress a frame", "zstd has no memory"};
  if (const auto status = state_->prepare_coder(); ZSTD_isError(status) != 0) return failed(status);
  UPSWARM_TRY(auto references, state_->find(job));
  if (!job.far.empty()) references = merge(references, job.far);
  std::span<const BackReference> left(references);
  const auto content = ByteView(job.bytes).subspan(job.before);
  std::vector<PackedFrame> frames;
  std::size_t at = 0;
  for (const auto size : job.sizes) {
    UPSWARM_TRY(auto frame, state_->code(left, content, at, at + size));
    frames.push_back(std::move(frame));
    at += size;
  }
  return frames;
}

}  // namespace upswarm::package
