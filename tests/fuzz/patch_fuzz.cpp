// A group of a delta and its streams: what decodes has the length it says.
#include "tests/fuzz/patch_input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  ignore_failure(fuzz::decode_patch_input({reinterpret_cast<const char*>(data), size}), "any input may be wrong");
  return 0;
}
