#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/stream_source.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;

struct ContextCloser {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

struct StreamSource::Decoder {
  std::unique_ptr<ZSTD_DCtx, ContextCloser> context{ZSTD_createDCtx()};
  ByteBuffer packed = ByteBuffer(kBuffer);
  std::size_t at = 0;
  std::size_t end = 0;
  bool is_over = false;
};

StreamSource::StreamSource(InputFile& file, Bytes offset, const StreamExtent& extent, Stream which)
    : file_(&file), offset_(offset), packed_(extent.length), left_(extent.size), which_(which) {
  buffer_.resize(std::min<std::uint64_t>(kBuffer, std::max<std::uint64_t>(left_.count, 1)));
  if (!extent.is_compressed) return;
  decoder_ = std::make_unique<Decoder>();
  if (!decoder_->context) {
    fail("zstd has no memory");
    return;
  }
  ZSTD_DCtx_setParameter(decoder_->context.get(), ZSTD_d_windowLogMax, window_log_of(which));
  // The magic number is not stored (RFC 8878 section 3.1.1).
  constexpr std::uint32_t magic = ZSTD_MAGICNUMBER;
  for (std::size_t i = 0; i < 4; ++i) decoder_->packed[i] = static_cast<std::byte>(magic >> (8 * i) & 0xffU);
  decoder_->end = 4;
}

StreamSource::StreamSource(StreamSource&&) noexcept = default;
StreamSource::~StreamSource() = default;

void StreamSource::fail(std::string why) {
  if (!error_)
    error_ = std::make_unique<Error>(
        corrupt_package("a delta", "stream \"" + std::string(name_of(which_)) + "\": " + std::move(why)));
  at_ = end_ = 0;
  left_ = Bytes{};
}

Result<void> StreamSource::check() const { return error_ ? Result<void>(*error_) : Result<void>(); }

Result<void> StreamSource::check_end() {
  UPSWARM_CHECK(check());
  if (!is_over()) fail("it says more than is needed");
  // zstd may still have the end of its frame to read.
  if (!error_ && decoder_ && !decoder_->is_over) {
    std::byte more{};
    if (decode({&more, 1}) > 0) fail("it gives more bytes than it says");
    else if (!decoder_->is_over) fail("it is cut off");
  }
  if (!error_ && packed_ != Bytes{}) fail("bytes follow its end");
  return check();
}

std::size_t StreamSource::load(std::span<std::byte> to) {
  const auto count = file_->read_at(offset_, to.first(std::min<std::uint64_t>(to.size(), packed_.count)));
  if (!count) {
    error_ = std::make_unique<Error>(count.error());
    return 0;
  }
  offset_ += Bytes{*count};
  packed_ -= Bytes{*count};
  return *count;
}

std::size_t StreamSource::decode(std::span<std::byte> to) {
  ZSTD_outBuffer out{to.data(), to.size(), 0};
  while (out.pos == 0 && !decoder_->is_over) {
    if (decoder_->at == decoder_->end && packed_ != Bytes{}) {
      decoder_->at = 0;
      decoder_->end = load(decoder_->packed);
      if (decoder_->end == 0) return 0;
    }
    ZSTD_inBuffer in{decoder_->packed.data(), decoder_->end, decoder_->at};
    const auto status = ZSTD_decompressStream(decoder_->context.get(), &out, &in);
    if (ZSTD_isError(status) != 0) {
      fail(ZSTD_getErrorName(status));
      return 0;
    }
    const bool is_stuck = in.pos == decoder_->at && out.pos == 0 && packed_ == Bytes{};
    decoder_->at = in.pos;
    decoder_->is_over = status == 0;
    if (is_stuck) return 0;
  }
  if (!decoder_->is_over || decoder_->at == decoder_->end) return out.pos;
  fail("bytes follow its end");
  return 0;
}

bool StreamSource::refill() {
  at_ = end_ = 0;
  if (error_) return false;
  if (left_ == Bytes{}) {
    fail("it ends too early");
    return false;
  }
  const auto wanted = std::span(buffer_).first(std::min<std::uint64_t>(buffer_.size(), left_.count));
  const auto count = decoder_ ? decode(wanted) : load(wanted);
  if (count == 0) {
    fail("it is cut off");
    return false;
  }
  end_ = count;
  left_ -= Bytes{end_};
  return true;
}

void StreamSource::read(std::span<std::byte> to) {
  while (!to.empty()) {
    if (at_ == end_ && !refill()) {
      std::fill(to.begin(), to.end(), std::byte{});
      return;
    }
    const auto count = std::min(to.size(), end_ - at_);
    std::memcpy(to.data(), buffer_.data() + at_, count);
    at_ += count;
    to = to.subspan(count);
  }
}

}  // namespace upswarm::package
