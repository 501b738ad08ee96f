#include "tests/fuzz/package_input.hpp"

#include <gtest/gtest.h>

#include "protocol/package/decode/package_reader.hpp"
#include "protocol/package/decode/zstd_stream.hpp"
#include "protocol/package/encode/package_writer.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

class PackageInputTest : public testing::Test {
 protected:
  Result<void> unpack(std::string_view input) {
    const auto bytes = fuzz::package_of(input);
    UPSWARM_TRY(auto reader, PackageReader::open(std::make_unique<fuzz::MemoryFile>(bytes), nullptr));
    const auto to = folder / "out";
    std::filesystem::remove_all(to);
    UPSWARM_CHECK(reader.unpack(system_files(), to, {}, {}));
    return verify_tree(system_files(), to, reader.index().tree);
  }

  tests::TemporaryFolder folder;
};

/// Of a package that was written: its index as it is decompressed, and its frames.
std::pair<std::string, std::string> parts_of(const std::string& package) {
  ByteReader in(std::string_view(package).substr(kPackageMagic.size() + 8));
  const auto length = in.u64();
  const Bytes size{in.u64()};
  const auto index = decompress(as_bytes(in.raw(length)), size, "the index");
  EXPECT_TRUE(index) << index.error().message();
  return {*index, std::string(in.raw(in.left()))};
}

TEST_F(PackageInputTest, AlteredFramesReachTheirDecoder) {
  const auto tree = write_tree(folder, "tree", {{"a", std::string(500, 'a')}, {"b/c", noise(300, 1)}, {"d", ""}});
  ASSERT_TRUE(write_package(system_files(), tree, folder / "p", {}, {}));
  const auto [index, frames] = parts_of(folder.read("p"));
  const auto whole = unpack(fuzz::packed_input(index, frames));
  ASSERT_TRUE(whole) << whole.error().message();
  std::size_t decoded = 0;
  for (std::size_t at = 0; at < frames.size(); ++at) {
    auto altered = frames;
    altered[at] = static_cast<char>(altered[at] ^ 1);
    const auto result = unpack(fuzz::packed_input(index, altered));
    EXPECT_TRUE(result || result.error().cause.find("was altered") == std::string::npos) << result.error().message();
    if (!result && result.error().context.starts_with("unpack ")) ++decoded;  // all that is left is the file's digest
  }
  EXPECT_GE(decoded, 300U) << "of the noise every byte does";
  for (const auto& other : {frames.substr(0, frames.size() - 1), frames + "more"}) {
    const auto result = unpack(fuzz::packed_input(index, other));
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().cause.starts_with("frame ")) << result.error().message();
  }
}

TEST_F(PackageInputTest, TheCorpusHasInputsOfBothKindsThatUnpack) {
  std::map<bool, int> unpacked;  // by whether they begin with "P"
  for (const auto& one : std::filesystem::directory_iterator(UPSWARM_PACKAGE_CORPUS)) {
    const auto input = read_file(system_files(), one.path(), 1_MiB);
    ASSERT_TRUE(input) << input.error().message();
    const auto result = unpack(*input);
    if (result) ++unpacked[input->starts_with("P")];
    else EXPECT_FALSE(input->starts_with("P")) << one.path() << ": " << result.error().message();
  }
  EXPECT_GE(unpacked[true], 4);
  EXPECT_GE(unpacked[false], 2);
}

}  // namespace
}  // namespace upswarm::package
