#include "protocol/package/decode/format.hpp"

#include "protocol/package/byte_coding.hpp"

namespace upswarm::package {

Error corrupt_package(std::string_view what, std::string why) {
  return {ErrorKind::corrupt, std::string(what), std::move(why)};
}

Result<std::string> read_exactly(InputFile& file, Bytes offset, Bytes length, std::string_view what) {
  std::string bytes(length.count, '\0');
  UPSWARM_TRY(const auto count, file.read_at(offset, std::as_writable_bytes(std::span(bytes))));
  if (count != length.count) return corrupt_package(what, "it is cut off");
  return bytes;
}

Result<std::string> read_header(InputFile& file, std::size_t length, std::string_view magic, std::uint32_t version,
                                std::string_view what) {
  UPSWARM_TRY(const auto common, read_exactly(file, {}, Bytes{kCommonHeader}, what));
  ByteReader in(common);
  const auto beginning = in.raw(magic.size());
  const auto found = in.u32();
  const auto flags = in.u32();
  if (beginning != magic) return corrupt_package(what, "it does not begin like one");
  if (found != version) {
    return Error{ErrorKind::invalid, std::string(what),
                 "its format version " + std::to_string(found) + " is not known to this program; update Upswarm first"};
  }
  if (flags != 0) return corrupt_package(what, "its header has unknown flags");
  return read_exactly(file, {}, Bytes{length}, what);
}

}  // namespace upswarm::package
