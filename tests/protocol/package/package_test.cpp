#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/encode/compress.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/stopping_files.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::package {
namespace {

class PackageTest : public testing::Test {
 protected:
  PackedPackage pack(const Path& tree, const std::string& name) {
    auto packed = write_package(system_files(), tree, folder / name, {}, {});
    EXPECT_TRUE(packed) << packed.error().message();
    return *packed;
  }
  Result<void> unpack(const std::string& name, const std::string& to, const Sha256* index = nullptr) {
    UPSWARM_TRY(auto reader, PackageReader::open(opened(folder / name), index));
    return reader.unpack(system_files(), folder / to, {}, {});
  }

  tests::TemporaryFolder folder;
};

TEST_F(PackageTest, ATreeComesBack) {
  const auto tree = write_tree(folder, "tree", sample_files(1));
  const auto packed = pack(tree, "p");
  ASSERT_TRUE(unpack("p", "out", &packed.index_digest));
  EXPECT_EQ(scanned(folder / "out"), scanned(tree));
  EXPECT_EQ(packed.content, content_digest(scanned(tree)));
}

TEST_F(PackageTest, LinksModesAndEmptyFoldersComeBack) {
  const auto tree = write_tree(folder, "tree", {{"bin/x", "1"}});
  std::filesystem::create_directories(tree / "empty/deep");
  if (const auto made = system_files().make_symlink("bin/x", tree / "link"); !made)
    GTEST_SKIP() << "no links on this system";
  std::filesystem::permissions(tree / "bin/x", std::filesystem::perms(0755));
  pack(tree, "p");
  ASSERT_TRUE(unpack("p", "out"));
  EXPECT_EQ(scanned(folder / "out"), scanned(tree));
}

TEST_F(PackageTest, AnEmptyTreeIsATree) {
  pack(write_tree(folder, "tree", {}), "p");
  ASSERT_TRUE(unpack("p", "out"));
  EXPECT_TRUE(scanned(folder / "out").entries.empty());
}

TEST_F(PackageTest, TheSameTreeGivesTheSameBytes) {
  pack(write_tree(folder, "a", sample_files(1)), "p");
  pack(write_tree(folder, "b", sample_files(1)), "q");
  EXPECT_EQ(folder.read("p"), folder.read("q"));
}

TEST_F(PackageTest, IdenticalFilesAreStoredOnce) {
  const auto once = pack(write_tree(folder, "a", {{"x", noise(500'000, 1)}}), "p");
  const auto twice = pack(write_tree(folder, "b", {{"x", noise(500'000, 1)}, {"y", noise(500'000, 1)}}), "q");
  EXPECT_LT(twice.length, once.length + 1_KiB);
}

TEST_F(PackageTest, WhatItSaysOfItselfIsTrue) {
  const auto packed = pack(write_tree(folder, "tree", sample_files(1)), "p");
  const auto bytes = folder.read("p");
  EXPECT_EQ(packed.length.count, bytes.size());
  EXPECT_EQ(packed.sha256, sha256(bytes));
  EXPECT_EQ(packed.index_digest, sha256(bytes.substr(0, packed.index_length.count)));
}

TEST_F(PackageTest, EveryFlippedByteIsNoticed) {
  const auto tree = write_tree(folder, "tree", {{"a", "content"}, {"d/b", std::string(100, 'x')}});
  const auto packed = pack(tree, "p");
  const auto whole = folder.read("p");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x41);
    folder.write("bad", bytes);
    EXPECT_FALSE(unpack("bad", "out", &packed.index_digest)) << at;
    std::filesystem::remove_all(folder / "out");
  }
}

TEST_F(PackageTest, WithoutASignedIndexAFlippedByteGivesNoOtherContentUnnoticed) {
  const auto tree = write_tree(folder, "tree", {{"a", "content"}, {"d/b", std::string(100, 'x')}});
  pack(tree, "p");
  const auto whole = folder.read("p");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 1);
    folder.write("bad", bytes);
    if (unpack("bad", "out")) {
      EXPECT_EQ(scanned(folder / "out"), scanned(tree)) << at;
    }
    std::filesystem::remove_all(folder / "out");
  }
}

TEST_F(PackageTest, EveryTruncationIsNoticed) {
  pack(write_tree(folder, "tree", {{"a", "content"}}), "p");
  const auto whole = folder.read("p");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    folder.write("bad", whole.substr(0, length));
    EXPECT_FALSE(unpack("bad", "out")) << length;
    std::filesystem::remove_all(folder / "out");
  }
}

TEST_F(PackageTest, AnUnknownVersionIsRefusedByNumber) {
  pack(write_tree(folder, "tree", {{"a", "x"}}), "p");
  auto bytes = folder.read("p");
  bytes[8] = 1;
  folder.write("bad", bytes);
  const auto refused = unpack("bad", "out");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_NE(refused.error().cause.find("version 1"), std::string::npos);
}

TEST_F(PackageTest, ANameThatLeadsOutIsRefusedAndNothingIsWritten) {
  // A whole package, right in every digest, whose tree names ../x.
  Tree tree{{{.path = "../x",
              .type = FileType::regular,
              .mode = 0644,
              .size = 1_B,
              .digest = sha256("x"),
              .link_target = {}}}};
  const auto frame = *compress(as_bytes("x"));
  std::string index;
  ByteWriter out(index);
  out.u64(encode_outline(tree).size());
  out.raw(encode_outline(tree));
  out.digest(sha256("x"));
  out.u32(0);  // history
  out.u32(1);  // frames
  out.u32(static_cast<std::uint32_t>(frame.size()));
  out.u32(1);
  out.digest(sha256(frame));
  out.u32(1);  // chunks of the file
  out.u32(0);
  const auto compressed = *compress(as_bytes(index));
  std::string bytes;
  ByteWriter head(bytes);
  head.raw(kPackageMagic);
  head.u32(kPackageVersion);
  head.u32(0);
  head.u64(compressed.size());
  head.u64(index.size());
  folder.write("bad", bytes + compressed + frame);
  const auto refused = unpack("bad", "deep");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "unsafe_path");
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
  EXPECT_FALSE(std::filesystem::exists(folder / "deep"));
}

TEST_F(PackageTest, AnIndexThatSaysTooMuchOfItselfIsRefused) {
  pack(write_tree(folder, "tree", {{"a", "x"}}), "p");
  auto bytes = folder.read("p");
  for (std::size_t i = 24; i < 32; ++i) bytes[i] = '\x7f';  // the size after decompression
  folder.write("bad", bytes);
  EXPECT_EQ(unpack("bad", "out").error().kind, ErrorKind::corrupt);
}

TEST_F(PackageTest, ThreadsAndMemoryDoNotChangeTheBytes) {
  TreeFiles many = sample_files(1);
  for (unsigned i = 0; i < 60; ++i) many["many/" + std::to_string(i)] = noise(9'000, i % 7) + std::to_string(i);
  const auto tree = write_tree(folder, "tree", many);
  for (const auto level : {PackLevel::fast, PackLevel::standard}) {
    std::string first;
    for (const PackOptions& options : {PackOptions{.threads = 1, .memory = 1_MiB, .level = level},
                                       PackOptions{.threads = 3, .memory = 1_GiB, .level = level},
                                       PackOptions{.threads = 0, .memory = 256_MiB, .level = level}}) {
      std::filesystem::remove(folder / "p");
      ASSERT_TRUE(write_package(system_files(), tree, folder / "p", {}, {}, options));
      if (first.empty()) first = folder.read("p");
      EXPECT_EQ(folder.read("p"), first);
    }
  }
}

TEST_F(PackageTest, EveryLevelComesBack) {
  const auto tree = write_tree(folder, "tree", sample_files(1));
  for (const auto level : {PackLevel::fast, PackLevel::standard, PackLevel::best}) {
    std::filesystem::remove(folder / "p");
    std::filesystem::remove_all(folder / "out");
    ASSERT_TRUE(write_package(system_files(), tree, folder / "p", {}, {}, {.threads = 2, .level = level}));
    ASSERT_TRUE(unpack("p", "out"));
    EXPECT_EQ(scanned(folder / "out"), scanned(tree));
  }
}

TEST_F(PackageTest, ContentFarBehindIsReferredToAndASecondFile) {
  // More than a job sees lies between what is alike; more than the history holds before what is the same.
  auto like = noise(400'000, 1);
  for (std::size_t i = 0; i < like.size(); i += 5000) like[i] = 'x';
  const auto tree = write_tree(folder, "tree",
                               {{"a", noise(400'000, 1)},
                                {"b", noise(15'000'000, 2)},
                                {"c", like},
                                {"d", noise(25'000'000, 3)},
                                {"e", noise(400'000, 1) + "more"}});
  const auto packed = write_package(system_files(), tree, folder / "p", {}, {}, {.level = PackLevel::fast});
  ASSERT_TRUE(packed);
  EXPECT_LT(packed->length, 40'550'000_B);
  ASSERT_TRUE(unpack("p", "out"));
  EXPECT_EQ(scanned(folder / "out"), scanned(tree));
}

TEST_F(PackageTest, SmallerFramesAreMoreFrames) {
  TreeFiles many;
  for (unsigned i = 0; i < 100; ++i) many["file" + std::to_string(i)] = noise(1000, i);
  const auto tree = write_tree(folder, "tree", many);
  for (const auto& [size, frames] :
       std::map<Bytes, std::size_t>{{1_B, 100}, {2000_B, 50}, {10'000_B, 10}, {1_GiB, 1}}) {
    std::filesystem::remove(folder / "p");
    std::filesystem::remove_all(folder / "out");
    ASSERT_TRUE(write_package(system_files(), tree, folder / "p", {}, {}, {.level = PackLevel::fast, .frame = size}));
    auto reader = PackageReader::open(opened(folder / "p"), nullptr);
    ASSERT_TRUE(reader);
    EXPECT_EQ(reader->index().frames.size(), frames);
    ASSERT_TRUE(unpack("p", "out"));
    EXPECT_EQ(scanned(folder / "out"), scanned(tree));
  }
}

TEST_F(PackageTest, ReorderedFramesAreNoticed) {
  const auto packed = pack(write_tree(folder, "tree", {{"a", noise(20'000, 1)}, {"b", noise(20'000, 2)}}), "p");
  auto reader = PackageReader::open(opened(folder / "p"), &packed.index_digest);
  ASSERT_TRUE(reader);
  const auto& frames = reader->index().frames;
  ASSERT_EQ(frames.size(), 2U);
  ASSERT_EQ(frames[0].length, frames[1].length);
  const auto whole = folder.read("p");
  const auto one = whole.substr(frames[0].offset.count, frames[0].length.count);
  const auto two = whole.substr(frames[1].offset.count, frames[1].length.count);
  folder.write("bad", whole.substr(0, frames[0].offset.count) + two + one);
  const auto refused = unpack("bad", "out", &packed.index_digest);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::corrupt);
}

TEST_F(PackageTest, TheIndexKeepsToItsShare) {
  TreeFiles many{{"large", noise(9'000'000, 1)}};
  for (unsigned i = 0; i < 500; ++i) many["folder/file" + std::to_string(i)] = noise(300 + i, i);
  const auto packed = pack(write_tree(folder, "tree", many), "p");
  const auto reader = PackageReader::open(opened(folder / "p"), nullptr);
  ASSERT_TRUE(reader);
  EXPECT_LE(packed.index_length.count,
            packed.length.count / 200 + 80 * many.size() + 48 * reader->index().frames.size());
}

TEST_F(PackageTest, AStopLeavesNothingHalfMade) {
  const auto tree = write_tree(folder, "tree", sample_files(1));
  const auto source = std::make_unique<std::stop_source>();
  source->request_stop();
  EXPECT_EQ(write_package(system_files(), tree, folder / "p", {}, source->get_token()).error().kind,
            ErrorKind::cancelled);
  EXPECT_FALSE(std::filesystem::exists(folder / "p"));
  EXPECT_FALSE(std::filesystem::exists(folder / "p.parts"));
}

TEST_F(PackageTest, PackingFailsCleanlyAtEveryOperation) {
  const auto tree = write_tree(folder, "tree", {{"a", noise(3000, 1)}});
  for (std::size_t n = 1;; ++n) {
    tests::StoppingFiles files(tests::unsynced_files());
    files.stop_at(n, tests::StoppingFiles::Mode::fail, ErrorKind::no_space);
    const auto packed = write_package(files, tree, folder / "p", {}, {});
    if (!files.was_reached()) {
      ASSERT_TRUE(packed);
      break;
    }
    if (packed) {  // the failed operation only tidied up
      std::filesystem::remove(folder / "p");
      continue;
    }
    EXPECT_EQ(packed.error().kind, ErrorKind::no_space) << n;
    std::filesystem::remove(folder / "p");
  }
}

TEST_F(PackageTest, AFileThatIsThereIsNotOverwritten) {
  folder.write("p", "precious");
  EXPECT_FALSE(write_package(system_files(), write_tree(folder, "tree", {}), folder / "p", {}, {}));
  EXPECT_EQ(folder.read("p"), "precious");
}

TEST_F(PackageTest, ProgressEndsAtTheTotal) {
  Progress last;
  ASSERT_TRUE(write_package(system_files(), write_tree(folder, "tree", sample_files(1)), folder / "p",
                            [&](const Progress& progress) {
                              EXPECT_GE(progress.done, last.done);
                              last = progress;
                            },
                            {}));
  EXPECT_EQ(last.done, last.total);
  EXPECT_GT(last.total, 5'000'000_B);
}

}  // namespace
}  // namespace upswarm::package
