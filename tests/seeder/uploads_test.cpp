#include "seeder/uploads.hpp"

#include <gtest/gtest.h>

#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

class UploadsTest : public testing::Test {
 protected:
  void upload(const std::string& name, const std::string& path, const std::string& content) {
    auto sink = uploads.begin(name, path, Bytes{content.size()});
    ASSERT_TRUE(sink) << sink.error().message();
    ASSERT_TRUE((*sink)->write(as_bytes(content)));
    ASSERT_TRUE((*sink)->finish());
  }
  /// Sends a whole bundle folder.
  void upload_folder(const std::string& name, const Path& from) {
    for (const auto& one : std::filesystem::recursive_directory_iterator(from)) {
      if (!one.is_regular_file()) continue;
      const auto path = one.path().lexically_relative(from).string();
      upload(name, path, world.folder.read("incoming/" + from.filename().string() + "/" + path));
    }
    std::filesystem::remove_all(from);
  }

  tests::SeederWorld world;
  Uploads uploads{system_files(), world.place, 1_MiB};
};

TEST_F(UploadsTest, TakesAWholeBundle) {
  world.add_release("1.0.0", "the first package");
  upload_folder("b1", world.write_bundle("made"));
  const auto verdict = uploads.commit("b1", world.incoming(), Steering::first_filter);
  ASSERT_TRUE(verdict) << verdict.error().message();
  EXPECT_FALSE(verdict->refused) << verdict->refused->message();
  EXPECT_FALSE(world.is_there("uploads/b1"));
  EXPECT_FALSE(world.is_there("uploads/b1.commit"));
  EXPECT_TRUE(world.is_there("repository/metadata/timestamp.json"));
}

TEST_F(UploadsTest, ForgetsARefusedBundle) {
  upload("b1", "bundle.json", "{}");
  const auto verdict = uploads.commit("b1", world.incoming(), Steering::any);
  ASSERT_TRUE(verdict);
  EXPECT_TRUE(verdict->refused);
  EXPECT_EQ(uploads.commit("b1", world.incoming(), Steering::any).error().kind, ErrorKind::not_found);
}

TEST_F(UploadsTest, KeepsABundleThatCannotBeJudgedNow) {
  world.add_release("1.0.0", "the first package");
  upload_folder("b1", world.write_bundle("made"));
  std::filesystem::remove(world.place.keys() / "snapshot.key");
  EXPECT_FALSE(uploads.commit("b1", world.incoming(), Steering::any));
  world.write_online_keys();
  const auto verdict = uploads.commit("b1", world.incoming(), Steering::any);
  ASSERT_TRUE(verdict) << verdict.error().message();
  EXPECT_FALSE(verdict->refused);
}

TEST_F(UploadsTest, RefusesPathsOutsideOfABundle) {
  for (const auto* path : {"../x", "metadata/../../x", "/etc/passwd", "metadata/timestamp.json",
                           "metadata/1.timestamp.json", "targets/plain", "x", "metadata/", ""}) {
    EXPECT_EQ(uploads.begin("b1", path, 1_B).error().kind, ErrorKind::invalid) << path;
  }
  for (const auto* name : {"..", "a/b", "", "x.commit", "x.coming", ".x"})
    EXPECT_EQ(uploads.begin(name, "bundle.json", 1_B).error().kind, ErrorKind::invalid) << name;
}

TEST_F(UploadsTest, RefusesWhatIsTooLong) {
  EXPECT_EQ(uploads.begin("b1", "bundle.json", 65_KiB).error().reason, "too_long");
  EXPECT_EQ(uploads.begin("b1", "targets/" + std::string(64, 'a') + ".x", 2_MiB).error().reason, "too_long");
}

TEST_F(UploadsTest, TidiesUpAfterACrash) {
  upload("b1", "bundle.json", "{}");
  std::filesystem::rename(world.place.uploads() / "b1", world.place.uploads() / "b1.commit");
  world.folder.write("uploads/7.coming", "half a fi");
  ASSERT_TRUE(uploads.tidy());
  EXPECT_TRUE(world.is_there("uploads/b1/bundle.json"));
  EXPECT_FALSE(world.is_there("uploads/7.coming"));
}

TEST_F(UploadsTest, DropsAFileThatDidNotComeWhole) {
  {
    auto sink = uploads.begin("b1", "bundle.json", 100_B);
    ASSERT_TRUE(sink);
    ASSERT_TRUE((*sink)->write(as_bytes("half")));
  }
  EXPECT_FALSE(world.is_there("uploads/b1/bundle.json"));
  EXPECT_FALSE(world.is_there("uploads/1.coming"));
}

}  // namespace
}  // namespace upswarm::seeder
