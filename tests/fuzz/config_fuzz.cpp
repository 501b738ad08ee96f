// TOML configurations: what is taken is an object without floats, each value has its line, mistakes name the document.
#include "protocol/base/config.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = upswarm::parse_config(text, "fuzz.toml");
  if (!config) {
    upswarm::fuzz::must(config.error().kind == upswarm::ErrorKind::invalid);
    upswarm::fuzz::must(config.error().context.starts_with("fuzz.toml"));
    return 0;
  }
  upswarm::fuzz::must(config->values.is_object());
  for (const auto& [name, value] : config->values.items()) {
    upswarm::fuzz::must(!value.is_number_float());
    upswarm::fuzz::must(config->lines.line_of.contains(name));
  }
  auto in = config->reader();
  static_cast<void>(in.text_or("name", ""));
  const auto result = in.finish();
  upswarm::fuzz::must(result || result.error().context.starts_with("fuzz.toml"));
  return 0;
}
