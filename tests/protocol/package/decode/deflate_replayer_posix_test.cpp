// The replayer against the program gzip, where there is one.
#include "protocol/base/process.hpp"
#include "tests/protocol/package/deflate_contents.hpp"

namespace upswarm::package {
namespace {

/// What the program gzip makes of `content`, without its header (10 bytes and no name) and trailer.
std::string gzipped(const tests::TemporaryFolder& folder, const std::string& content, int level) {
  folder.write("content", content);
  std::filesystem::remove(folder / "content.gz");
  const auto outcome = run_process({.argv = {"/bin/gzip", "-n", "-k", "-" + std::to_string(level), "content"},
                                    .folder = folder.path(),
                                    .environment = {},
                                    .account = {}},
                                   {});
  EXPECT_TRUE(outcome && outcome->succeeded()) << (outcome ? outcome->output : outcome.error().message());
  const auto file = folder.read("content.gz");
  return file.substr(10, file.size() - 18);
}

TEST(DeflateReplayerTest, MakesWhatGzipMakes) {
  if (!std::filesystem::exists("/bin/gzip")) GTEST_SKIP() << "no gzip on this system";
  const tests::TemporaryFolder folder;
  for (const auto& [name, content] : deflate_contents()) {
    for (const int level : {1, 3, 4, 6, 9}) {
      const DeflateRecipe recipe{static_cast<std::uint8_t>(level), 0};
      ASSERT_EQ(deflated(content, recipe), gzipped(folder, content, level)) << name << ", level " << level;
    }
  }
}

}  // namespace
}  // namespace upswarm::package
