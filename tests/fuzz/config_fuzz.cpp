// TOML configurations: what is taken is an object without floats, each value has its line, mistakes name the document.
#include <cstdlib>

#include "protocol/base/config.hpp"

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = upswarm::parse_config(text, "fuzz.toml");
  if (!config) {
    must(config.error().kind == upswarm::ErrorKind::invalid);
    must(config.error().context.starts_with("fuzz.toml"));
    return 0;
  }
  must(config->values.is_object());
  for (const auto& [name, value] : config->values.items()) {
    must(!value.is_number_float());
    must(config->lines.line_of.contains(name));
  }
  auto in = config->reader();
  static_cast<void>(in.text_or("name", ""));
  const auto result = in.finish();
  must(result || result.error().context.starts_with("fuzz.toml"));
  return 0;
}
