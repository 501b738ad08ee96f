#include "tests/fuzz/delta_input.hpp"

#include "protocol/package/decode/delta_reader.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

TEST(DeltaInput, TheCorpusHasInputsOfBothKindsThatApply) {
  const auto base = scanned(fuzz::base_folder() / "base");
  const tests::TemporaryFolder folder;
  std::map<bool, int> applied;  // by whether they begin with "P"
  std::size_t regions = 0;
  const auto apply = [&](std::string_view input) -> Result<Tree> {
    const auto bytes = fuzz::delta_of(input, content_digest(base));
    UPSWARM_TRY(auto reader, DeltaReader::open(std::make_unique<fuzz::MemoryFile>(bytes)));
    std::filesystem::remove_all(folder / "out");
    UPSWARM_TRY(auto tree, reader.apply(system_files(), fuzz::base_folder() / "base", base, folder / "out", {}, {}));
    for (const auto& group : reader.info().groups) regions += group.layout.regions.size();
    return tree;
  };
  for (const auto& one : std::filesystem::directory_iterator(UPSWARM_DELTA_CORPUS)) {
    const auto input = read_file(system_files(), one.path(), 1_MiB);
    ASSERT_TRUE(input) << input.error().message();
    const auto result = apply(*input);
    if (result) ++applied[input->starts_with("P")];
    else EXPECT_FALSE(input->starts_with("P")) << one.path() << ": " << result.error().message();
  }
  EXPECT_GE(applied[true], 3);
  EXPECT_GE(applied[false], 2);
  EXPECT_GE(regions, 2U) << "some know what code refers to";
}

}  // namespace
}  // namespace upswarm::package
