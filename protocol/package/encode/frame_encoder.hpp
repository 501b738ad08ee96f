// Compressing the zstd frames of a package (RFC 8878): the same bytes for the same input and version of zstd.
#pragma once

#include <memory>
#include <string>

#include "protocol/base/digest.hpp"
#include "protocol/package/encode/back_references.hpp"

namespace upswarm::package {

/// Frames that are compressed in one go: a stretch of the stream.
struct FrameJob {
  ByteBuffer bytes;                ///< what comes just before, then the content of all frames
  std::size_t before = 0;          ///< how much of it comes before
  std::vector<std::size_t> sizes;  ///< of the frames, at most kLongestFrame each
  std::vector<BackReference> far;  ///< repetitions to be used where zstd finds nothing as good
};

struct PackedFrame {
  std::string bytes;
  Sha256 sha256;
};

struct EncoderSettings {
  int level = 0;      ///< of zstd: 1 to 22
  int chain_log = 0;  ///< of zstd, where the level's is larger: its tables take 4 << chain_log bytes
  int hash_log = 0;
};

/// zstd looks for repetitions once, in the job as a whole; what it found is cut into frames, each of which is made by
/// itself: with entropy tables of its own, and everything before it as its dictionary. So a small frame costs no second
/// look at the dictionary. Reused for many jobs; for one thread.
class FrameEncoder {
 public:
  explicit FrameEncoder(const EncoderSettings& settings);
  ~FrameEncoder();
  FrameEncoder(const FrameEncoder&) = delete;
  FrameEncoder& operator=(const FrameEncoder&) = delete;

  /// Errors: internal.
  Result<std::vector<PackedFrame>> encode(const FrameJob& job);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
