// Canonical JSON has one form for one document.
#include "protocol/trust/canonical_json.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto value = parse_json(bytes, "fuzz", {.longest = 64_KiB, .deepest = 32});
  if (!value) return 0;
  const auto canonical = trust::to_canonical(*value);
  // The text in another form is the same document, so it has the same canonical form.
  const auto spread = parse_json(to_text(*value, 2), "again", {.longest = 4_MiB, .deepest = 32});
  fuzz::must(spread.has_value() && trust::to_canonical(*spread) == canonical);
  // Control characters stand for themselves, which JSON does not allow; all else can be read back.
  if (std::any_of(canonical.begin(), canonical.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }))
    return 0;
  const auto again = parse_json(canonical, "again", {.longest = 4_MiB, .deepest = 32});
  fuzz::must(again.has_value() && *again == *value);
  return 0;
}
