#include "protocol/package/decode/tree_output.hpp"

#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/cloning_files.hpp"
#include "tests/support/stopping_files.hpp"

namespace upswarm::package {
namespace {

struct Syncs {
  std::size_t started = 0;
  std::size_t files = 0;
  std::size_t folders = 0;
  std::size_t as_one = 0;
  bool operator==(const Syncs&) const = default;
};

/// Counts syncs, and does none.
class CountingFiles final : public tests::UnsyncedFiles {
 public:
  explicit CountingFiles(bool can_sync_as_one) : UnsyncedFiles(system_files()), can_sync_as_one_(can_sync_as_one) {}

  Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t mode) override {
    UPSWARM_TRY(auto file, UnsyncedFiles::create(path, mode));
    return std::unique_ptr<OutputFile>(std::make_unique<CountingFile>(std::move(file), syncs.started));
  }
  Result<void> sync_file(const Path& /*path*/) override { return count(syncs.files); }
  Result<void> sync_folder(const Path& /*folder*/) override { return count(syncs.folders); }
  Result<bool> can_sync_as_one(const Path& folder) override {
    UPSWARM_TRY(const auto is_there, exists(*this, folder));
    EXPECT_TRUE(is_there) << "whose file system is not known yet";
    return can_sync_as_one_;
  }
  Result<void> sync_as_one(const Path& /*folder*/) override { return count(syncs.as_one); }

  Syncs syncs;

 private:
  class CountingFile final : public OutputFile {
   public:
    CountingFile(std::unique_ptr<OutputFile> real, std::size_t& started) : real_(std::move(real)), started_(started) {}
    Result<void> write(ByteView bytes) override { return real_->write(bytes); }
    Result<void> sync() override { return {}; }
    void start_sync() override { ++started_; }

   private:
    std::unique_ptr<OutputFile> real_;
    std::size_t& started_;
  };

  static Result<void> count(std::size_t& syncs_of_kind) {
    ++syncs_of_kind;
    return {};
  }

  bool can_sync_as_one_;
};

class TreeOutputTest : public testing::Test {
 protected:
  /// Small files, and a large one, in one folder.
  void make_content(unsigned small) {
    for (unsigned i = 0; i < small; ++i) content["in/" + std::to_string(i)] = std::to_string(i);
    content["in/large"] = std::string(1U << 20U, 'x');
    tree = scanned(write_tree(folder, "new", content));
  }

  Result<void> write(Files& files, bool resume = false) {
    const auto to = folder / "out";
    TreeOutput output(files, to, tree);
    const auto accept = [this](std::size_t entry, const Sha256& digest) {
      return digest == tree.entries[entry].digest;
    };
    UPSWARM_CHECK(resume ? output.resume(accept, [] { return Result<void>(); }) : output.begin());
    for (std::size_t i = 0; i < tree.entries.size(); ++i) {
      const auto& entry = tree.entries[i];
      if (entry.type != FileType::regular || output.is_kept(i)) continue;
      UPSWARM_CHECK(output.start_file(i));
      UPSWARM_CHECK(output.write(as_bytes(content.at(std::string(entry.path)))));
      UPSWARM_CHECK(output.end_file([](const Sha256&) { return Result<void>(); }));
    }
    UPSWARM_CHECK(output.check_digests());
    return output.sync();
  }

  tests::TemporaryFolder folder;
  TreeFiles content;
  Tree tree;
};

TEST_F(TreeOutputTest, FewFilesAreSyncedOneByOne) {
  make_content(63);
  CountingFiles files(true);
  ASSERT_TRUE(write(files));
  EXPECT_EQ(files.syncs, (Syncs{.started = 64, .files = 64, .folders = 3, .as_one = 0}));
  EXPECT_EQ(scanned(folder / "out"), tree);
}

TEST_F(TreeOutputTest, ManyFilesAreSyncedAsOneAndLargeOnesAreStarted) {
  make_content(64);
  CountingFiles files(true);
  ASSERT_TRUE(write(files));
  EXPECT_EQ(files.syncs, (Syncs{.started = 1, .files = 0, .folders = 0, .as_one = 1}));
  EXPECT_EQ(scanned(folder / "out"), tree);
}

TEST_F(TreeOutputTest, ManyFilesAreSyncedOneByOneWhereTheSystemCannotDoOtherwise) {
  make_content(64);
  CountingFiles files(false);
  ASSERT_TRUE(write(files));
  EXPECT_EQ(files.syncs, (Syncs{.started = 65, .files = 65, .folders = 3, .as_one = 0}));
}

TEST_F(TreeOutputTest, WhatWasKeptIsSyncedToo) {
  make_content(64);
  CountingFiles files(true);
  ASSERT_TRUE(write(files));
  ASSERT_TRUE(write(files, true));
  EXPECT_EQ(files.syncs, (Syncs{.started = 1, .files = 0, .folders = 0, .as_one = 2}));
}

TEST_F(TreeOutputTest, NothingIsClonedAfterAFileThatIsWrong) {
  make_content(1);
  tests::CloningFiles files;
  const auto to = folder / "out";
  TreeOutput output(files, to, tree);
  ASSERT_TRUE(output.begin());
  const auto clone = [&](const char* path, HashThread::Judge judge) {
    const auto entry = static_cast<std::size_t>(tree.find(path) - tree.entries.data());
    return output.share_file(
        entry, folder / "new" / path, [] { return Result<void>(); }, std::move(judge));
  };
  ASSERT_TRUE(clone("in/0", [](const Sha256&) -> Result<void> {
    return Error{ErrorKind::corrupt, "the first", "wrong"};
  }));
  ASSERT_FALSE(output.check_digests());
  const auto second = clone("in/large", [](const Sha256&) { return Result<void>(); });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().context, "the first");
  EXPECT_EQ(files.clones, 1);
}

TEST_F(TreeOutputTest, ASyncOfAllThatFailsIsAnErrorAndTheFilesAreKept) {
  make_content(64);
  tests::StoppingFiles files(tests::unsynced_files());
  ASSERT_TRUE(write(files));
  const auto last = files.operations();
  std::filesystem::remove_all(folder / "out");
  files.stop_at(last, tests::StoppingFiles::Mode::fail, ErrorKind::no_space);
  const auto failed = write(files);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::no_space);
  EXPECT_EQ(failed.error().context, "sync_as_one");
  files.stop_at({});
  ASSERT_TRUE(write(files, true));
  EXPECT_EQ(files.operations(), 1U) << "only the sync was left to do";
  EXPECT_EQ(scanned(folder / "out"), tree);
}

}  // namespace
}  // namespace upswarm::package
