#include "tests/fuzz/patch_input.hpp"

#include <gtest/gtest.h>

namespace upswarm::fuzz {
namespace {

TEST(PatchInput, TheCorpusHasAGroupThatDecodesOfEachKindOfRegion) {
  for (const std::string name :
       {"written", "copy", "extra", "kind1", "kind2", "kind3", "kind4", "kind5", "kind6", "kind7"}) {
    const auto input = read_file(system_files(), Path(UPSWARM_PATCH_CORPUS) / name, 1_MiB);
    ASSERT_TRUE(input) << input.error().message();
    const auto decoded = decode_patch_input(*input);
    EXPECT_TRUE(decoded) << name << ": " << decoded.error().message();
  }
}

}  // namespace
}  // namespace upswarm::fuzz
