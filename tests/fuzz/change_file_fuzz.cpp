// Change files come from other people's machines: reading, checking and telling them must end well.
#include "seeder/publish/change_words.hpp"
#include "seeder/publish/public_key_file.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(publish::read_public_key(text, "fuzz"));
  const auto change = publish::parse_change(text, "fuzz");
  if (!change) return 0;
  const auto again = publish::parse_change(publish::write_change(*change, "words"), "again");
  fuzz::must(again.has_value() && publish::write_change(*again, "words") == publish::write_change(*change, "words"));
  const auto base = publish::read_base(*change);
  if (!base) return 0;
  const auto words = publish::words_of(*base, *change);
  if (!words) return 0;
  fuzz::must(publish::missing_signatures(*base, *change).has_value());
  for (const char c : *words) fuzz::must(c == '\n' || c < 0 || c >= ' ');
  return 0;
}
