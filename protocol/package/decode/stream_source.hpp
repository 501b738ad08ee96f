// One stream of a patch, pulled byte by byte.
#pragma once

#include <memory>

#include "protocol/base/files.hpp"
#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/patch_group.hpp"

namespace upswarm::package {

/// After anything went wrong everything reads as zero, and good() is false from then on: callers check it before they
/// act on what they read. Memory: the window of the stream and 192 KiB. Not for use by two threads at once.
class StreamSource {
 public:
  /// The stream lies at `offset` of `file`, which must outlive it.
  StreamSource(InputFile& file, Bytes offset, const StreamExtent& extent, Stream which);
  StreamSource(StreamSource&&) noexcept;
  StreamSource& operator=(StreamSource&&) = delete;
  ~StreamSource();

  std::uint8_t byte() {
    if (at_ == end_ && !refill()) return 0;
    return std::to_integer<std::uint8_t>(buffer_[at_++]);
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto part = byte();
      value |= std::uint64_t{part & 0x7fU} << shift;
      if (part >= 0x80U) continue;
      // A number has one form, as in ByteReader.
      if ((part == 0 && shift > 0) || (shift == 63 && part > 1)) break;
      return value;
    }
    fail("a number has another form than it should");
    return 0;
  }
  void read(std::span<std::byte> to);

  /// Nothing is left to read.
  bool is_over() const { return at_ == end_ && left_ == Bytes{}; }
  bool good() const { return !error_; }
  /// Errors: corrupt; disk.
  Result<void> check() const;
  /// Also that nothing is left.
  Result<void> check_end();

 private:
  struct Decoder;
  bool refill();
  std::size_t load(std::span<std::byte> to);    ///< packed bytes from the file; 0 at their end, or after an error
  std::size_t decode(std::span<std::byte> to);  ///< what zstd gives; 0 at its end, or after an error
  void fail(std::string why);

  InputFile* file_;
  Bytes offset_;  ///< of the next packed byte
  Bytes packed_;  ///< left in the file
  Bytes left_;    ///< that the stream has still to give
  Stream which_;
  std::unique_ptr<Decoder> decoder_;  ///< none for a stream that is stored as it is
  ByteBuffer buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::unique_ptr<Error> error_;
};

}  // namespace upswarm::package
