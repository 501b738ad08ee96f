#include "seeder/publish/closed_archives.hpp"

#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::tests {
namespace {

using package::noise;
using package::zip_file;

class ClosedArchivesTest : public testing::Test {
 protected:
  /// What is said of "a.zip", which the delta from `before` to `after` does not open.
  std::string why(const std::string& before, const std::string& after) {
    const auto base = package::write_tree(top, "old", {{"a.zip", before}, {"b.zip", "PK, but no archive"}});
    const auto made = package::write_delta(
        unsynced_files(), base, package::write_tree(top, "new", {{"a.zip", after}, {"b.zip", "PK, and no archive"}}),
        top / "d", {}, {});
    EXPECT_TRUE(made);
    const auto reader = package::DeltaReader::open(package::opened(top / "d"));
    EXPECT_TRUE(reader);
    auto origins = publish::explain_delta(*reader, package::scanned(base));
    EXPECT_TRUE(origins);
    EXPECT_EQ(origins->size(), 2U);
    EXPECT_TRUE(origins->at(0).is_closed_archive);
    EXPECT_FALSE(origins->at(1).is_closed_archive);
    const auto said = origins->at(1).why;
    EXPECT_TRUE(publish::explain_closed_archives(unsynced_files(), base, *origins));
    EXPECT_EQ(origins->at(1).why, said);
    return origins->at(0).why;
  }
  TemporaryFolder top;
};

/// Two stored blocks: neither zlib nor gzip makes them of text.
package::ZipMember foreign(unsigned seed) {
  const auto content = noise(60'000, seed);
  return {.content = content,
          .packed = std::string("\0\x64\0\x9b\xff", 5) + content.substr(0, 100) +
                    package::deflated(content.substr(100), package::kZlib)};
}

TEST_F(ClosedArchivesTest, TellsStreamsThatCanBeMadeAgain) {
  const auto said = why(zip_file({{"m", {noise(50'000, 1)}}}), zip_file({{"m", {noise(50'000, 2)}}}));
  EXPECT_NE(said.find("1 of 1 streams"), std::string::npos) << said;
  EXPECT_NE(said.find("saves nothing"), std::string::npos) << said;
}

TEST_F(ClosedArchivesTest, TellsStreamsOfAnotherProgram) {
  const auto said = why(zip_file({{"m", foreign(1)}}), zip_file({{"m", foreign(2)}}));
  EXPECT_NE(said.find("neither zlib's nor gzip's"), std::string::npos) << said;
  EXPECT_EQ(said.find("saves nothing"), std::string::npos) << said;
}

TEST_F(ClosedArchivesTest, TellsWhatHoldsNoStreams) {
  const auto said = why(noise(50'000, 1), noise(50'000, 2));
  EXPECT_NE(said.find("no deflate stream"), std::string::npos) << said;
}

}  // namespace
}  // namespace upswarm::tests
