#include "protocol/package/decode/sparse.hpp"

#include <set>

#include "protocol/package/encode/package_writer.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/cloning_files.hpp"
#include "tests/support/stop_at_read.hpp"

namespace upswarm::package {
namespace {

/// Text that compresses, different for each seed.
std::string prose(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) text += "word" + std::to_string(random() % 3000) + (random() % 9 == 0 ? "\n" : " ");
  text.resize(size);
  return text;
}

TreeFiles many_files(unsigned count) {
  TreeFiles files;
  for (unsigned i = 0; i < count; ++i)
    files["d" + std::to_string(i % 10) + "/f" + std::to_string(i)] = prose(40'000 + 1000 * (i % 37), i);
  files["large"] = prose(1'000'000, 4711);
  return files;
}

/// Which entries of `tree` these are, as OutputOptions::only wants it.
std::vector<bool> entries_of(const Tree& tree, const std::vector<std::string>& paths) {
  std::vector<bool> only(tree.entries.size());
  for (const auto& path : paths) only[static_cast<std::size_t>(tree.find(path) - tree.entries.data())] = true;
  return only;
}

class SparseTest : public testing::Test {
 protected:
  void pack(const TreeFiles& files, const std::string& name) {
    const auto packed = write_package(system_files(), write_tree(folder, name, files), folder / (name + ".upk"), {}, {},
                                      {.level = PackLevel::fast});
    ASSERT_TRUE(packed) << packed.error().message();
  }
  PackageReader open(const std::string& name) {
    auto reader = PackageReader::open(opened(folder / name), nullptr);
    EXPECT_TRUE(reader) << reader.error().message();
    return std::move(*reader);
  }
  LocalChunks scan(const std::string& name) {
    LocalChunks local;
    EXPECT_TRUE(scan_chunks(system_files(), folder / name, local, {}, {}));
    return local;
  }
  /// A copy of a package in which everything that was not fetched is noise: a read of it cannot go unnoticed.
  void fetch(const std::string& name, const PackageReader& reader, const SparsePlan& plan, const std::string& to) {
    const auto whole = folder.read(name);
    auto bytes = noise(whole.size(), 99);
    bytes.replace(0, reader.index_length().count, whole, 0, reader.index_length().count);
    for (const auto number : plan.frames) {
      const auto& frame = reader.index().frames[number];
      bytes.replace(frame.offset.count, frame.length.count, whole, frame.offset.count, frame.length.count);
    }
    folder.write(to, bytes);
  }

  tests::TemporaryFolder folder;
};

TEST_F(SparseTest, OfFivePerCentChangedFilesOnlyThoseAreFetched) {
  auto files = many_files(200);
  write_tree(folder, "old", files);
  std::set<std::string> changed;
  for (unsigned i = 7; i < 200; i += 20) {
    const auto path = "d" + std::to_string(i % 10) + "/f" + std::to_string(i);
    files[path] = prose(files[path].size(), 1000 + i);
    changed.insert(path);
  }
  pack(files, "new");
  const auto reader = open("new.upk");
  const auto local = scan("old");
  const auto plan = plan_sparse(reader.index(), local);
  fetch("new.upk", reader, plan, "part.upk");
  auto part = open("part.upk");
  ASSERT_TRUE(part.unpack(system_files(), folder / "out", plan, local, {}, {}));
  EXPECT_EQ(scanned(folder / "out"), scanned(folder / "new"));
  // What is fetched against the changed chunks at the rate at which their frames compress.
  double wanted = 0;
  for (const auto& frame : reader.index().frames) {
    for (auto i = frame.first_chunk; i < frame.first_chunk + frame.chunks; ++i) {
      const auto& chunk = reader.index().chunks[i];
      if (local.places.contains(chunk.digest)) continue;
      wanted += static_cast<double>(frame.length.count * chunk.bytes) / static_cast<double>(frame.size.count);
      EXPECT_TRUE(changed.contains(std::string(reader.index().tree.entries[chunk.entry].path)));
    }
  }
  EXPECT_GT(wanted, 0);
  EXPECT_LE(static_cast<double>(plan.fetched.count), 1.1 * wanted);
}

/// Counts what is read of files on disk.
class ReadingFiles final : public tests::UnsyncedFiles {
 public:
  ReadingFiles() : UnsyncedFiles(system_files()) {}
  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    opened.insert(path.filename().string());
    return UnsyncedFiles::open(path);
  }
  std::set<std::string> opened;
};

TEST_F(SparseTest, OfATreeThatIsDamagedOnlyWhatIsWantedIsMade) {
  auto files = many_files(120);
  files["twin"] = files["large"];
  pack(files, "new");
  write_tree(folder, "damaged", files);
  folder.write("damaged/d7/f117", prose(40'000, 9'999));
  auto altered = files["large"];
  altered[500'000] = '#';
  folder.write("damaged/large", altered);
  auto whole = open("new.upk");
  const auto& tree = whole.index().tree;
  const auto only = entries_of(tree, {"d7", "d7/f117", "large"});
  const auto local = scan("damaged");
  const auto plan = plan_sparse(whole.index(), local);
  fetch("new.upk", whole, plan, "part.upk");
  auto part = open("part.upk");
  const auto made = part.unpack(system_files(), folder / "out", plan, local, {}, {}, {.only = &only});
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(folder.read("out/d7/f117"), files["d7/f117"]);
  EXPECT_EQ(folder.read("out/large"), files["large"]);
  EXPECT_EQ(scanned(folder / "out").entries.size(), 3U) << "and nothing else";
  EXPECT_LT(plan.fetched.count, whole.index().frames.back().offset.count / 4);
}

TEST_F(SparseTest, WhatNoFrameIsNeededForIsMadeWithoutReadingTheRest) {
  auto files = many_files(60);
  pack(files, "new");
  write_tree(folder, "damaged", files);
  std::filesystem::rename(folder / "damaged/large", folder / "damaged/moved");
  auto reader = open("new.upk");
  const auto& tree = reader.index().tree;
  const auto only = entries_of(tree, {"large"});
  const auto local = scan("damaged");
  const auto plan = plan_sparse(reader.index(), local);
  EXPECT_TRUE(plan.frames.empty());
  ReadingFiles disk;
  const auto made = reader.unpack(disk, folder / "out", plan, local, {}, {}, {.only = &only});
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(folder.read("out/large"), files["large"]);
  EXPECT_TRUE(disk.opened.contains("moved"));
  EXPECT_LE(disk.opened.size(), 4U) << "files that share a frame with it, at most";
}

TEST_F(SparseTest, EachFileCanBeMadeAloneWhateverIsDamaged) {
  auto files = many_files(40);
  files["d3/again"] = files["d1/f1"];
  pack(files, "new");
  const auto count = open("new.upk").index().tree.entries.size();
  for (std::size_t wanted = 0; wanted < count; wanted += 3) {
    auto whole = open("new.upk");
    const auto& tree = whole.index().tree;
    const std::string path(tree.entries[wanted].path);
    if (tree.entries[wanted].type != FileType::regular) continue;
    SCOPED_TRACE(path);
    std::filesystem::remove_all(folder / "damaged");
    auto left = files;
    left.erase(path);
    write_tree(folder, "damaged", left);
    std::vector<bool> only(count);
    only[wanted] = true;
    if (const auto end = path.find('/'); end != std::string::npos)
      only[static_cast<std::size_t>(tree.find(path.substr(0, end)) - tree.entries.data())] = true;
    const auto local = scan("damaged");
    const auto plan = plan_sparse(whole.index(), local);
    fetch("new.upk", whole, plan, "part.upk");
    auto part = open("part.upk");
    std::filesystem::remove_all(folder / "out");
    const auto made = part.unpack(system_files(), folder / "out", plan, local, {}, {}, {.only = &only});
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(folder.read("out/" + path), files[path]);
  }
}

TEST_F(SparseTest, AFileAtHandIsMadeBeforeOneThatIsFetched) {
  auto files = many_files(60);
  pack(files, "new");
  write_tree(folder, "damaged", files);
  auto whole = open("new.upk");
  const auto& tree = whole.index().tree;
  const auto only = entries_of(tree, {"d4", "d4/f4", "d8", "d8/f8"});
  std::filesystem::rename(folder / "damaged/d4/f4", folder / "damaged/d4/moved");
  std::filesystem::remove(folder / "damaged/d8/f8");
  const auto local = scan("damaged");
  const auto plan = plan_sparse(whole.index(), local);
  fetch("new.upk", whole, plan, "part.upk");
  auto part = open("part.upk");
  const auto made = part.unpack(system_files(), folder / "out", plan, local, {}, {}, {.only = &only});
  ASSERT_TRUE(made) << made.error().message();
  EXPECT_EQ(folder.read("out/d4/f4"), files["d4/f4"]);
  EXPECT_EQ(folder.read("out/d8/f8"), files["d8/f8"]);
}

TEST_F(SparseTest, TheSameTreeNeedsNothing) {
  pack(many_files(20), "new");
  const auto local = scan("new");
  auto reader = open("new.upk");
  const auto plan = plan_sparse(reader.index(), local);
  EXPECT_TRUE(plan.frames.empty());
  EXPECT_EQ(plan.fetched, 0_B);
  EXPECT_EQ(plan.from_disk, reader.index().stream_size());
  ASSERT_TRUE(reader.unpack(system_files(), folder / "out", plan, local, {}, {}));
  EXPECT_EQ(scanned(folder / "out"), scanned(folder / "new"));
}

TEST_F(SparseTest, WithNothingOnDiskAllIsFetched) {
  pack(many_files(20), "new");
  auto reader = open("new.upk");
  const auto plan = plan_sparse(reader.index(), {});
  EXPECT_EQ(plan.frames.size(), reader.index().frames.size());
  EXPECT_EQ(plan.from_disk, 0_B);
  ASSERT_TRUE(reader.unpack(system_files(), folder / "out", plan, {}, {}, {}));
  EXPECT_EQ(scanned(folder / "out"), scanned(folder / "new"));
}

TEST_F(SparseTest, MovedAndRenamedFilesAreAtHand) {
  auto files = many_files(20);
  write_tree(folder, "old", files);
  TreeFiles moved;
  for (const auto& [path, content] : files) moved["moved/" + path + ".bak"] = content;
  pack(moved, "new");
  EXPECT_TRUE(plan_sparse(open("new.upk").index(), scan("old")).frames.empty());
}

TEST_F(SparseTest, ALocalFileThatChangedSinceTheScanIsNoticed) {
  pack(many_files(5), "new");
  write_tree(folder, "old", many_files(5));
  const auto local = scan("old");
  auto reader = open("new.upk");
  const auto plan = plan_sparse(reader.index(), local);
  for (const auto* const content : {"short", ""}) {
    folder.write("old/d1/f1", content);
    const auto unpacked = reader.unpack(system_files(), folder / "out", plan, local, {}, {});
    ASSERT_FALSE(unpacked);
    EXPECT_EQ(unpacked.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(unpacked.error().reason, "local_changed");
    std::filesystem::remove_all(folder / "out");
  }
  std::filesystem::remove(folder / "old/d1/f1");
  EXPECT_EQ(reader.unpack(system_files(), folder / "out", plan, local, {}, {}).error().reason, "local_changed");
}

TEST_F(SparseTest, FilesThatDidNotChangeAreSharedWhereTheFileSystemCan) {
  auto files = many_files(20);
  write_tree(folder, "old", files);
  files["d1/f1"] = prose(40'000, 5000);
  files["d2/renamed"] = files.at("d2/f2");
  files.erase("d2/f2");
  files["large"].replace(500'000, 5, "edits");
  pack(files, "new");
  const auto local = scan("old");
  auto reader = open("new.upk");
  const auto plan = plan_sparse(reader.index(), local);
  fetch("new.upk", reader, plan, "sparse.upk");
  tests::CloningFiles shared;
  const auto unpacked = open("sparse.upk").unpack(shared, folder / "out", plan, local, {}, {});
  ASSERT_TRUE(unpacked) << unpacked.error().message();
  EXPECT_EQ(shared.clones, 19);
  EXPECT_EQ(scanned(folder / "out"), reader.index().tree);

  ASSERT_TRUE(open("sparse.upk").unpack(system_files(), folder / "linked", plan, local, {}, {}, {.may_link = true}));
  EXPECT_EQ(system_files().info(folder / "linked/d2/renamed")->link_count, 2U);
  EXPECT_EQ(system_files().info(folder / "linked/large")->link_count, 1U);
  EXPECT_EQ(scanned(folder / "linked"), reader.index().tree);
}

TEST_F(SparseTest, ASharedFileThatChangedSinceTheScanIsNoticed) {
  pack(many_files(5), "new");
  write_tree(folder, "old", many_files(5));
  const auto local = scan("old");
  auto reader = open("new.upk");
  const auto plan = plan_sparse(reader.index(), local);
  folder.write("old/d1/f1", prose(41'000, 4712));
  tests::CloningFiles shared;
  EXPECT_EQ(reader.unpack(shared, folder / "out", plan, local, {}, {}).error().reason, "local_changed");
  EXPECT_GE(shared.clones, 1);
}

TEST_F(SparseTest, AFetchedFrameThatIsWrongIsNoticed) {
  pack(many_files(5), "new");
  auto files = many_files(5);
  files["d1/f1"] = prose(40'000, 5000);
  write_tree(folder, "old", files);
  const auto local = scan("old");
  const auto reader = open("new.upk");
  const auto plan = plan_sparse(reader.index(), local);
  ASSERT_FALSE(plan.frames.empty());
  fetch("new.upk", reader, SparsePlan{}, "part.upk");  // nothing of it is there
  auto part = open("part.upk");
  const auto unpacked = part.unpack(system_files(), folder / "out", plan, local, {}, {});
  ASSERT_FALSE(unpacked);
  EXPECT_EQ(unpacked.error().kind, ErrorKind::corrupt);
  EXPECT_NE(unpacked.error().cause.find("was altered"), std::string::npos);
}

TEST_F(SparseTest, AScanCanBeStoppedAndNeedsItsFolder) {
  LocalChunks local;
  EXPECT_EQ(scan_chunks(system_files(), folder / "missing", local, {}, {}).error().kind, ErrorKind::not_found);
  write_tree(folder, "old", {{"a", "x"}, {"large", noise(3'000'000, 1)}});
  tests::expect_stops_at_every_read(4, [&](Files& files, const std::stop_token& stop) {
    return scan_chunks(files, folder / "old", local, {}, stop);
  });
}

}  // namespace
}  // namespace upswarm::package
