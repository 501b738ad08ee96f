// Strict JSON: what is taken has no floats, is not deep, and comes back the same; the reader never misbehaves.
#include <cstdlib>

#include "protocol/base/json.hpp"

namespace {

using upswarm::Json;

constexpr int kDeepest = 8;

void must(bool holds) {
  if (!holds) std::abort();
}

void check_value(const Json& value, int depth) {
  must(!value.is_number_float() && !value.is_binary() && !value.is_discarded());
  must(!value.is_structured() || depth < kDeepest);
  for (const auto& one : value) {
    if (value.is_structured()) check_value(one, depth + 1);
  }
}

void read(const Json& value) {
  upswarm::ObjectReader in(value, "fuzz");
  static_cast<void>(in.text_or("a", "x", 10));
  must(in.integer_or("b", 3, 0, 9) <= 9);
  static_cast<void>(in.boolean_or("c", false));
  static_cast<void>(in.duration_or("d", std::chrono::seconds(1), std::chrono::seconds(1), std::chrono::hours(1)));
  static_cast<void>(in.bytes_or("e", {1}, {1}, {1000}));
  must(in.texts_or_none("f", 3, 10).size() <= 3);
  const auto& list = in.array_or_none("g", 3);
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto inner = in.inside(list[i], "g", i);
    static_cast<void>(inner.text("a"));
    must(inner.finish().has_value() == (inner.good() && list[i].size() == 1));
  }
  const bool was_good = in.good();
  must(in.finish_open().has_value() == was_good);
  static_cast<void>(in.finish().has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = upswarm::parse_json(text, "fuzz", {.longest = upswarm::Bytes{4096}, .deepest = kDeepest});
  if (!value) return 0;
  must(size <= 4096);
  check_value(*value, 0);
  const auto again =
      upswarm::parse_json(value->dump(), "fuzz", {.longest = upswarm::Bytes{64 * 1024}, .deepest = kDeepest});
  must(again && *again == *value);
  read(*value);
  return 0;
}
