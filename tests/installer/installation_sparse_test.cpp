// The way that fetches only what is not on disk: what it asks for, and what it trusts.
#include <fstream>
#include <random>

#include "tests/installer/installation_fixture.hpp"
#include "tests/protocol/package/stored_frame.hpp"

namespace upswarm::installer {
namespace {

std::string noise(unsigned seed) {
  std::mt19937 random(seed);
  std::string bytes(30'000, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

/// Twenty files that do not compress; of `changed` the content is another one.
tests::TreeFiles tree_of(const std::string& version, unsigned changed) {
  tests::TreeFiles files{{"bin/app", "#!/bin/sh\necho " + version + "\n"}};
  for (unsigned i = 0; i < 20; ++i) files["share/" + std::to_string(i)] = noise(i == changed ? 1000 + i : i);
  return files;
}

/// A package of one file whose index, which is signed, names another digest than the file has.
tests::MadeRelease with_wrong_index(const tests::TemporaryFolder& folder, tests::MadeRelease release) {
  package::Tree tree;
  tree.entries.push_back(
      {.path = "file", .type = FileType::regular, .mode = 0644, .size = 7_B, .digest = {}, .link_target = {}});
  tree.entries[0].digest = sha256("another content");
  const auto outline = package::encode_outline(tree);
  const auto frame = std::string(package::kZstdMagic) + package::stored_frame("content", 10);
  std::string index;
  package::ByteWriter in(index);
  in.u64(outline.size());
  in.raw(outline);
  in.digest(tree.entries[0].digest);
  for (const auto number : {0U, 1U, static_cast<std::uint32_t>(frame.size()), 1U})
    in.u32(number);  // one frame, no past
  in.digest(sha256(frame));
  for (const auto number : {1U, 0U}) in.u32(number);  // the file is one chunk, all of it
  const auto bytes = package::stored_package(index, frame);
  const auto head = bytes.substr(0, bytes.size() - frame.size());
  release.entry.index_length = Bytes{head.size()};
  release.entry.index_digest = sha256(head);
  folder.write("wrong.upk", bytes);
  release.full = folder / "wrong.upk";
  release.entry.full.length = Bytes{bytes.size()};
  release.entry.full.sha256 = sha256(bytes);
  release.entry.content = package::content_digest(tree);
  return release;
}

class InstallationSparseTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(machine.install(one)); }

  void expect_failed(const Result<messages::Outcome>& outcome, const std::string& why) {
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->result, "failed");
    EXPECT_EQ(outcome->kind, "sparse");
    EXPECT_NE(outcome->reason.find(why), std::string::npos) << outcome->reason;
    machine.expect_runs(one);
    EXPECT_TRUE(machine.record().bad.empty()) << "the release is not to blame";
    EXPECT_FALSE(std::filesystem::exists(machine.product.root / "versions/.staging"));
  }
  static Bytes length_of(const messages::MissingParts& missing) {
    Bytes all;
    for (const auto& part : missing.parts) all += part.length;
    return all;
  }

  tests::TemporaryFolder folder;
  tests::MadeRelease one = tests::make_release(folder, "1.0.0", 1, tree_of("1.0.0", 99));
  tests::MadeRelease two = tests::make_release(folder, "2.0.0", 2, tree_of("2.0.0", 7));
  TestMachine machine{folder.path()};
  std::stop_source stop;
};

TEST_F(InstallationSparseTest, WhatIsMissingAndWhatIsOnDiskGiveTheWholeTree) {
  const auto missing = machine.missing(two);
  ASSERT_TRUE(missing) << missing.error().message();
  EXPECT_LT(length_of(*missing), Bytes{two.entry.full.length.count / 4}) << "one of twenty files changed";
  EXPECT_GT(missing->from_disk, 400_KiB);
  EXPECT_LE(missing->needed, length_of(*missing));
  EXPECT_GT(missing->needed, 29_KiB);
  const auto outcome = machine.install_sparse(two);
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->result, "completed") << outcome->reason;
  EXPECT_EQ(outcome->kind, "sparse");
  machine.expect_runs(two);
  EXPECT_TRUE(std::filesystem::is_empty(machine.state / "incoming"));
  const auto presence = machine.installation().present({one.entry.content, two.entry.content}, {});
  ASSERT_TRUE(presence);
  EXPECT_EQ(presence->present.size(), 2U) << "what was taken from is whole, and so is what was made";
}

TEST_F(InstallationSparseTest, SaysWhichFramesAreMissingWhereItIsAsked) {
  const auto missing = machine.missing(two);
  ASSERT_TRUE(missing) << missing.error().message();
  std::ifstream in(two.full, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  Bytes all;
  for (const auto& [place, digest] : missing->frames) {
    EXPECT_EQ(sha256(std::string_view(whole).substr(place.offset.count, place.length.count)), digest);
    all += place.length;
  }
  EXPECT_EQ(all, missing->needed);
  EXPECT_EQ(machine
                .install_parts(two, machine.parts_of(two,
                                                     [&] {
                                                       std::vector<FilePart> exact;
                                                       for (const auto& frame : missing->frames)
                                                         exact.push_back(frame.place);
                                                       return exact;
                                                     }()))
                ->result,
            "completed");
  EXPECT_TRUE(machine.missing(two, false)->frames.empty());
}

TEST_F(InstallationSparseTest, TheLookForWhatIsMissingEndsWhenAskedTo) {
  stop.request_stop();
  EXPECT_EQ(machine.missing(two, true, stop.get_token()).error().kind, ErrorKind::cancelled);
}

TEST_F(InstallationSparseTest, AVerificationThatIsStoppedSaysNothingOfDamage) {
  tests::StopAtRead whole(0);
  ASSERT_TRUE(machine.installation(whole).present({one.entry.content}, whole.token()));
  std::size_t cancelled = 0;
  for (std::size_t n = 1; n < whole.reads(); ++n) {
    tests::StopAtRead files(n);
    const auto presence = machine.installation(files).present({one.entry.content}, files.token());
    ASSERT_FALSE(presence) << "at read " << n;
    EXPECT_EQ(presence.error().kind, ErrorKind::cancelled);
    if (files.reads() == n) ++cancelled;
  }
  EXPECT_GE(cancelled, 20U) << "there are as many files";
}

TEST_F(InstallationSparseTest, AWholePackageDoesAsWell) {
  ASSERT_TRUE(machine.install_parts(two, two.full));
  machine.expect_runs(two);
}

TEST_F(InstallationSparseTest, OfADamagedTreeWhatIsWholeIsTaken) {
  folder.write("root/versions/1.0.0/share/3", "somebody was here");
  const auto missing = machine.missing(two);
  ASSERT_TRUE(missing);
  EXPECT_LT(length_of(*missing), Bytes{two.entry.full.length.count / 2});
  const auto outcome = machine.install_sparse(two);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "completed") << outcome->reason;
  machine.expect_runs(two);
}

TEST_F(InstallationSparseTest, ADamagedTreeOfTheSameReleaseHelps) {
  ASSERT_TRUE(machine.install(two));
  ASSERT_TRUE(machine.installation().install_kept(one.entry, {}, {}));
  folder.write("root/versions/2.0.0/share/3", "somebody was here");
  const auto missing = machine.missing(two);
  ASSERT_TRUE(missing);
  EXPECT_TRUE(missing->parts.empty()) << "the changed file is there, and the spoilt one in 1.0.0";
  ASSERT_TRUE(machine.install_sparse(two));
  machine.expect_runs(two);
}

TEST_F(InstallationSparseTest, AFrameThatIsNotThereOrWrongIsNoticed) {
  const auto missing = machine.missing(two);
  ASSERT_TRUE(missing);
  expect_failed(machine.install_parts(two, machine.parts_of(two, {})), "cut off");
  auto late = missing->parts;
  late.front().offset += 1_B;
  late.front().length -= 1_B;
  expect_failed(machine.install_parts(two, machine.parts_of(two, late)), "was altered");
  EXPECT_TRUE(machine.record().quarantine.empty()) << "the same package may do when all of it is there";
  ASSERT_TRUE(machine.install(two));
  machine.expect_runs(two);
}

TEST_F(InstallationSparseTest, AFileThatWasAlteredSinceIsNoticed) {
  const auto missing = machine.missing(two);
  ASSERT_TRUE(missing);
  folder.write("root/versions/1.0.0/share/3", noise(77));
  const auto parts = machine.parts_of(two, missing->parts);
  const auto outcome = machine.install_parts(two, parts);
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->result, "failed");
  EXPECT_EQ(machine.current(), "1.0.0");
  EXPECT_TRUE(machine.record().quarantine.empty());
}

TEST_F(InstallationSparseTest, AnIndexThatIsNotTheSignedOneIsRefusedUnread) {
  auto bytes = folder.read("full-2.0.0.upk");
  bytes[40] = static_cast<char>(bytes[40] ^ 1);
  folder.write("wrong.upk", bytes);
  expect_failed(machine.install_parts(two, folder / "wrong.upk"), "not the signed one");
  bytes[8] = 99;  // another format version: before anything is verified this must not blame the release
  folder.write("wrong.upk", bytes);
  expect_failed(machine.install_parts(two, folder / "wrong.upk"), "format version");
  expect_failed(machine.install_parts(two, one.full), "not the signed one");
}

TEST_F(InstallationSparseTest, AnIndexOfAnotherTreeIsRefused) {
  two.entry.content = sha256("another tree");
  expect_failed(machine.install_parts(two, two.full), "another tree");
  EXPECT_TRUE(machine.record().quarantine.empty()) << "nothing was unpacked: the full package says so itself";
}

TEST_F(InstallationSparseTest, AResultThatIsNotTheSignedOneIsPutAsideOnThisBaseAlone) {
  const auto wrong = with_wrong_index(folder, two);
  expect_failed(machine.install_sparse(wrong), "file");
  const auto record = machine.record();
  ASSERT_EQ(record.quarantine.size(), 1U);
  EXPECT_EQ(record.quarantine[0].package, wrong.entry.full.sha256);
  EXPECT_EQ(record.quarantine[0].base, one.entry.content);
}

TEST_F(InstallationSparseTest, WithoutRoomNothingIsBegun) {
  machine.config.keep_free = Bytes{std::uint64_t{1} << 60U};
  expect_failed(machine.install_parts(two, two.full), "reserve");
  EXPECT_TRUE(machine.record().quarantine.empty());
}

}  // namespace
}  // namespace upswarm::installer
