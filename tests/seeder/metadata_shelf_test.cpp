#include "seeder/metadata_shelf.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::seeder {
namespace {

class MetadataShelfTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder;
  MetadataShelf shelf{system_files(), folder.path()};
};

TEST_F(MetadataShelfTest, KeepsWhatWasReadUntilItIsCleared) {
  folder.write("timestamp.json", "one");
  EXPECT_EQ(shelf.find("timestamp.json"), nullptr);
  const auto read = shelf.read("timestamp.json");
  ASSERT_TRUE(read);
  EXPECT_TRUE((*read)->is_there);
  EXPECT_EQ((*read)->bytes, "one");
  EXPECT_EQ((*read)->digest, sha256("one"));
  EXPECT_EQ(shelf.find("timestamp.json"), *read);
  shelf.clear();
  EXPECT_EQ(shelf.find("timestamp.json"), nullptr);
}

TEST_F(MetadataShelfTest, KnowsWhatIsNotThereToo) {
  const auto read = shelf.read("2.root.json");
  ASSERT_TRUE(read);
  EXPECT_FALSE((*read)->is_there);
  ASSERT_NE(shelf.find("2.root.json"), nullptr);
  EXPECT_FALSE(shelf.find("2.root.json")->is_there);
}

TEST_F(MetadataShelfTest, ForgetsRatherThanGrow) {
  for (std::size_t i = 0; i <= MetadataShelf::kMostNames; ++i) {
    ASSERT_TRUE(shelf.read(std::to_string(i) + ".root.json"));
  }
  EXPECT_EQ(shelf.find("0.root.json"), nullptr);
  EXPECT_NE(shelf.find(std::to_string(MetadataShelf::kMostNames) + ".root.json"), nullptr);
}

TEST_F(MetadataShelfTest, PassesOnWhatCannotBeRead) {
  std::filesystem::create_directory(folder / "1.root.json");
  EXPECT_FALSE(shelf.read("1.root.json"));
  EXPECT_EQ(shelf.find("1.root.json"), nullptr);
}

/// The folder changes while it is being read.
class ChangingFiles final : public tests::UnsyncedFiles {
 public:
  using UnsyncedFiles::UnsyncedFiles;
  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    auto opened = UnsyncedFiles::open(path);
    if (while_reading) while_reading();
    return opened;
  }
  std::function<void()> while_reading;
};

TEST_F(MetadataShelfTest, DoesNotKeepWhatMayBeOlderThanAChange) {
  folder.write("timestamp.json", "one");
  ChangingFiles files(system_files());
  MetadataShelf other(files, folder.path());
  files.while_reading = [&] { other.clear(); };
  const auto read = other.read("timestamp.json");
  ASSERT_TRUE(read);
  EXPECT_EQ((*read)->bytes, "one");
  EXPECT_EQ(other.find("timestamp.json"), nullptr);
}

}  // namespace
}  // namespace upswarm::seeder
