// The small parsers of text: whatever they take has one form, and comes back as it was.
#include "protocol/base/clock.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/version.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto time = parse_time(text)) upswarm::fuzz::must(to_string(*time) == text);
  if (const auto bytes = from_hex(text)) upswarm::fuzz::must(to_hex(*bytes) == text);
  if (const auto bytes = from_base64(text)) upswarm::fuzz::must(to_base64(*bytes) == text);
  if (const auto digest = parse_sha256(text)) upswarm::fuzz::must(digest->hex() == text);
  if (const auto amount = parse_bytes(text)) upswarm::fuzz::must(amount->count <= std::uint64_t{1} << 63U);
  if (const auto duration = parse_duration(text))
    upswarm::fuzz::must(duration->count() >= 0 && *duration <= std::chrono::days(3650));
  const auto middle = text.substr(0, size / 2);
  const auto version = Version::parse(text);
  const auto other = Version::parse(middle);
  if (version) upswarm::fuzz::must(version->text() == text && (*version <=> *version) == 0);
  if (version && other) upswarm::fuzz::must(((*version <=> *other) < 0) == ((*other <=> *version) > 0));
  return 0;
}
