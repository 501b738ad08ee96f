#define ZLIB_CONST
#include <zlib.h>

#include <algorithm>
#include <limits>

#include "protocol/package/decode/inflate.hpp"

namespace upswarm::package {
namespace {

constexpr int kBareStream = -15;  ///< no header of zlib's, a window of 32 KiB

uInt most_of(std::size_t size) {
  return static_cast<uInt>(std::min<std::size_t>(size, std::numeric_limits<uInt>::max()));
}

}  // namespace

struct Inflater::State {
  z_stream stream{};
  bool is_ready = false;
};

Inflater::Inflater() : state_(std::make_unique<State>()) {
  state_->is_ready = inflateInit2(&state_->stream, kBareStream) == Z_OK;
}

Inflater::~Inflater() {
  if (state_->is_ready) inflateEnd(&state_->stream);
}

void Inflater::start() {
  if (state_->is_ready) inflateReset(&state_->stream);
}

Result<Inflater::Step> Inflater::step(ByteView in, std::span<std::byte> out) {
  if (!state_->is_ready) return Error{ErrorKind::internal, "inflate", "no memory"};
  auto& stream = state_->stream;
  stream.next_in = reinterpret_cast<const Bytef*>(in.data());  // NOLINT: bytes
  stream.avail_in = most_of(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT: bytes
  stream.avail_out = most_of(out.size());
  const auto offered_in = stream.avail_in;
  const auto offered_out = stream.avail_out;
  const int code = inflate(&stream, Z_NO_FLUSH);
  if (code == Z_MEM_ERROR) return Error{ErrorKind::internal, "inflate", "no memory"};
  if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
    return Error{ErrorKind::corrupt, "inflate", stream.msg == nullptr ? "no deflate stream" : stream.msg};
  return Step{offered_in - stream.avail_in, offered_out - stream.avail_out, code == Z_STREAM_END};
}

}  // namespace upswarm::package
