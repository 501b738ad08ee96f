// Compressed answers: hostile ones are refused within their limit, and what was encoded comes back.
#include "protocol/base/http/content_coding.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  constexpr auto kLongest = 64_KiB;
  const std::string_view dictionary("{\"signatures\":[],\"signed\":{\"_type\":\"snapshot\",\"meta\":{}}}");
  for (const auto& decoded : {decode_zstd(bytes, kLongest), decode_dcz(bytes, dictionary, kLongest)})
    fuzz::must(!decoded || Bytes{decoded->size()} <= kLongest);
  if (const auto digest = parse_dictionary_field(bytes)) fuzz::must(dictionary_field(*digest) == bytes);
  for (const auto coding : {ContentCoding::zstd, ContentCoding::dcz}) (void)accepts(bytes, coding);
  if (bytes.size() > kLongest.count) return 0;
  const auto encoded = encode_dcz(bytes, dictionary);
  fuzz::must(encoded.has_value());
  const auto back = decode_dcz(*encoded, dictionary, kLongest);
  fuzz::must(back.has_value() && *back == bytes);
  return 0;
}
