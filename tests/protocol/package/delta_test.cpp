#include "protocol/package/decode/delta_reader.hpp"

#include "protocol/package/byte_coding.hpp"
#include "protocol/package/decode/format.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

class DeltaTest : public testing::Test {
 protected:
  PackedDelta make(const TreeFiles& from, const TreeFiles& to) {
    old_tree = write_tree(folder, "old", from);
    new_tree = write_tree(folder, "new", to);
    auto made = write_delta(system_files(), old_tree, new_tree, folder / "d", {}, {});
    EXPECT_TRUE(made) << made.error().message();
    return *made;
  }
  Result<void> apply(const std::string& name = "d") {
    std::filesystem::remove_all(folder / "out");
    UPSWARM_TRY(auto reader, DeltaReader::open(opened(folder / name)));
    return reader.apply(system_files(), old_tree, base, folder / "out", {}, {});
  }
  void expect_round_trip(const TreeFiles& from, const TreeFiles& to) {
    make(from, to);
    base = scanned(old_tree);
    const auto applied = apply();
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_EQ(scanned(folder / "out"), scanned(new_tree));
  }

  tests::TemporaryFolder folder;
  Path old_tree;
  Path new_tree;
  Tree base;
};

TEST_F(DeltaTest, ChangedAddedRemovedAndMovedFiles) {
  auto to = sample_files(2);
  to.erase("empty");
  to["moved/large"] = to["share/large"];
  to.erase("share/large");
  to["new"] = "came along";
  expect_round_trip(sample_files(1), to);
}

TEST_F(DeltaTest, FromNothingToSomethingAndBack) {
  expect_round_trip({}, {{"a/b", "x"}});
  std::filesystem::remove_all(folder / "old");
  std::filesystem::remove_all(folder / "new");
  std::filesystem::remove(folder / "d");
  expect_round_trip({{"a/b", "x"}}, {});
}

TEST_F(DeltaTest, AFileBecomesAFolder) { expect_round_trip({{"a", "file"}}, {{"a/b", "in a folder"}}); }

TEST_F(DeltaTest, AFileGrowsFarPastItsBase) {
  expect_round_trip({{"a", noise(1000, 1)}}, {{"a", noise(1000, 1) + noise(3'000'000, 2)}});
}

TEST_F(DeltaTest, AnEmptyFileFillsAndAFullOneEmpties) {
  expect_round_trip({{"a", ""}, {"b", "x"}}, {{"a", "x1"}, {"b", ""}});
}

TEST_F(DeltaTest, RandomTreesComeBack) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::mt19937 random(seed);
    const auto random_tree = [&] {
      TreeFiles files;
      for (unsigned i = 0; i < 8; ++i)
        files["f" + std::to_string(random() % 12)] = noise(random() % 9000, static_cast<unsigned>(random() % 5));
      return files;
    };
    std::filesystem::remove_all(folder / "old");
    std::filesystem::remove_all(folder / "new");
    std::filesystem::remove(folder / "d");
    expect_round_trip(random_tree(), random_tree());
  }
}

TEST_F(DeltaTest, ASmallChangeMakesASmallDelta) {
  auto to = sample_files(1);
  to["share/large"].replace(1'000'000, 100, std::string(100, 'z'));
  const auto made = make(sample_files(1), to);
  EXPECT_LT(made.length, 2_KiB) << "of 5 MB";
}

TEST_F(DeltaTest, TheSameTreesGiveTheSameBytes) {
  make(sample_files(1), sample_files(2));
  ASSERT_TRUE(write_delta(system_files(), old_tree, new_tree, folder / "again", {}, {}));
  EXPECT_EQ(folder.read("d"), folder.read("again"));
}

TEST_F(DeltaTest, AWrongBaseIsRefusedBeforeAnythingIsWritten) {
  make(sample_files(1), sample_files(2));
  base = scanned(new_tree);
  const auto refused = apply();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "wrong_base");
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_F(DeltaTest, ABaseThatWasAlteredOnDiskIsNoticed) {
  make({{"same", "unchanged"}, {"patched", noise(5000, 1)}},
       {{"same", "unchanged"}, {"patched", noise(5000, 1) + "x"}});
  base = scanned(old_tree);
  folder.write("old/same", "unchangeD");
  EXPECT_EQ(apply().error().reason, "wrong_base");
  folder.write("old/same", "unchanged and longer");
  EXPECT_EQ(apply().error().reason, "wrong_base");
  folder.write("old/same", "unchanged");
  folder.write("old/patched", noise(5000, 2));
  EXPECT_EQ(apply().error().reason, "wrong_base");
}

TEST_F(DeltaTest, EveryFlippedByteGivesTheRightTreeOrAnError) {
  make({{"a", noise(600, 1)}, {"b", "same"}}, {{"a", noise(600, 1) + "more"}, {"b", "same"}, {"c", "new"}});
  base = scanned(old_tree);
  const auto whole = folder.read("d");
  const auto right = scanned(new_tree);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x55);
    folder.write("bad", bytes);
    if (apply("bad")) {
      EXPECT_EQ(scanned(folder / "out"), right) << at;
    }
  }
}

TEST_F(DeltaTest, EveryTruncationIsRefused) {
  make({{"a", "one"}}, {{"a", "two"}});
  base = scanned(old_tree);
  const auto whole = folder.read("d");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    folder.write("bad", whole.substr(0, length));
    EXPECT_FALSE(apply("bad")) << length;
  }
}

TEST_F(DeltaTest, AnUnknownVersionIsRefusedByNumber) {
  make({}, {});
  auto bytes = folder.read("d");
  bytes[8] = 9;
  folder.write("bad", bytes);
  const auto refused = apply("bad");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().cause.find("version 9"), std::string::npos);
}

TEST_F(DeltaTest, ItTellsWhatItDoes) {
  make({{"same", "s"}, {"patched", noise(5000, 1)}}, {{"same", "s"}, {"patched", noise(5000, 1) + "x"}, {"new", "n"}});
  const auto reader = DeltaReader::open(opened(folder / "d"));
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->info().files_copied, 1U);
  EXPECT_EQ(reader->info().files_patched, 1U);
  EXPECT_EQ(reader->info().files_added, 1U);
}

}  // namespace
}  // namespace upswarm::package
