#include "seeder/publish/release_packages.hpp"

#include "protocol/package/decode/delta_reader.hpp"
#include "seeder/publish/torrent_writer.hpp"
#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::tests {
namespace {

using publish::ReleaseName;

/// Reads the last byte of every delta wrong: as if its maker had made it so.
class WrongDeltas final : public UnsyncedFiles {
 public:
  WrongDeltas() : UnsyncedFiles(system_files()) {}
  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    UPSWARM_TRY(auto file, UnsyncedFiles::open(path));
    if (path.extension() != ".upd") return file;
    UPSWARM_TRY(const auto info, file->info());
    return std::unique_ptr<InputFile>(std::make_unique<WrongAtTheEnd>(std::move(file), info.size));
  }

 private:
  class WrongAtTheEnd final : public InputFile {
   public:
    WrongAtTheEnd(std::unique_ptr<InputFile> real, Bytes size) : real_(std::move(real)), size_(size) {}
    Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
      UPSWARM_TRY(const auto count, real_->read_at(offset, buffer));
      if (count > 0 && offset + Bytes{count} == size_) buffer[count - 1] ^= std::byte{1};
      return count;
    }
    Result<FileInfo> info() override { return real_->info(); }

   private:
    std::unique_ptr<InputFile> real_;
    Bytes size_;
  };
};

class ReleasePackagesTest : public PublishTest {
 protected:
  publish::MadePackages make(const std::string& version, const Path& from,
                             const std::vector<publish::DeltaBase>& bases = {}) const {
    return must(publish::make_packages(unsynced_files(), {"app", version, "linux-x64"}, from, top / ("made-" + version),
                                       bases, top / "scratch", {}, {}));
  }
  publish::DeltaBase base(const std::string& version, const publish::MadePackages& made) const {
    return {version, made.content, made.index_digest, top / ("made-" + version) / ("app-" + version + ".upk")};
  }
};

TEST_F(ReleasePackagesTest, NamesAreSafeInPaths) {
  const ReleaseName name{"app", "1.2.0-rc.1+build.7", "linux-x64"};
  EXPECT_EQ(name.full_file(), "app-1.2.0-rc.1_build.7.upk");
  EXPECT_EQ(name.target_path("f"), "pkg/app/linux-x64/1.2.0-rc.1_build.7/f");
  EXPECT_EQ(name.delta_file("1.1.0+b"), "app-1.1.0_b-to-1.2.0-rc.1_build.7.upd");
  const ReleaseName longer{"app", "1.0.0-" + std::string(80, 'a'), "linux-x64"};
  EXPECT_LT(longer.delta_file("1.0.0-" + std::string(80, 'b')).size(), 120U);
  EXPECT_NE(longer.delta_file("1.0.0-" + std::string(80, 'b')), longer.delta_file("1.0.0-" + std::string(80, 'c')));
}

TEST_F(ReleasePackagesTest, BadNamesAreRefused) {
  for (const auto& name : {ReleaseName{"App", "1.0.0", "linux-x64"}, ReleaseName{"app", "1.0", "linux-x64"},
                           ReleaseName{"app", "1.0.0", "linux/x64"}, ReleaseName{"app", "../1", "linux-x64"},
                           ReleaseName{"app", "1.0.0-" + std::string(120, 'a'), "linux-x64"}}) {
    const auto checked = publish::check_release_name(name);
    ASSERT_FALSE(checked) << name.version;
    EXPECT_EQ(checked.error().kind, ErrorKind::invalid);
  }
}

TEST_F(ReleasePackagesTest, ADeltaTurnsTheOldTreeIntoTheNew) {
  const auto old_tree = tree("one");
  const auto new_tree = tree("two", 1, {{"share/new", "came along"}});
  const auto first = make("1.0.0", old_tree);
  const auto second = make("1.1.0", new_tree, {base("1.0.0", first)});
  ASSERT_EQ(second.deltas.size(), 1U);
  const auto& delta = second.deltas.front();
  EXPECT_EQ(delta.from_version, "1.0.0");
  EXPECT_EQ(delta.from_content, first.content);
  EXPECT_LT(delta.file.length.count * 10, second.full.length.count);
  auto reader =
      must(package::DeltaReader::open(must(unsynced_files().open(top / "made-1.1.0/app-1.0.0-to-1.1.0.upd"))));
  must(reader.apply(unsynced_files(), old_tree, must(package::scan_tree(unsynced_files(), old_tree)), top / "applied",
                    {}, {}));
  EXPECT_EQ(package::content_digest(must(package::scan_tree(unsynced_files(), top / "applied"))), second.content);
  EXPECT_FALSE(std::filesystem::exists(top / "scratch"));
}

TEST_F(ReleasePackagesTest, DeltasFromManyReleasesAreThoseOfEachAlone) {
  std::vector<publish::DeltaBase> bases;
  for (unsigned i = 0; i < 5; ++i) {
    const auto version = "1." + std::to_string(i) + ".0";
    const auto number = std::to_string(i);
    bases.push_back(base(version, make(version, tree("t" + number, 1, {{"share/" + number, "release " + number}}))));
  }
  const auto newest = tree("newest", 1, {{"share/new", "came along"}});
  const auto together = make("2.0.0", newest, bases);
  ASSERT_EQ(together.deltas.size(), bases.size());
  for (std::size_t i = 0; i < bases.size(); ++i) {
    std::filesystem::remove_all(top / "made-2.0.0");
    const auto alone = make("2.0.0", newest, {bases[i]});
    ASSERT_EQ(alone.deltas.size(), 1U);
    EXPECT_EQ(together.deltas[i].from_version, bases[i].version);
    EXPECT_EQ(together.deltas[i].file.sha256, alone.deltas[0].file.sha256);
  }
}

TEST_F(ReleasePackagesTest, ADeltaThatDoesNotGiveTheNewTreeBackNeverLeavesTheDesk) {
  const auto first = make("1.0.0", tree("one"));
  const auto next = tree("two", 1, {{"share/new", "came along"}});
  WrongDeltas files;
  const auto refused = publish::make_packages(files, {"app", "1.1.0", "linux-x64"}, next, top / "made-1.1.0",
                                              {base("1.0.0", first)}, top / "scratch", {}, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::corrupt) << refused.error().message();
  EXPECT_NE(refused.error().message().find("app-1.0.0-to-1.1.0.upd"), std::string::npos);
}

TEST_F(ReleasePackagesTest, ADeltaThatSavesTooLittleIsDropped) {
  const auto first = make("1.0.0", tree("one", 1));
  const auto second = make("1.1.0", tree("two", 2), {base("1.0.0", first)});
  EXPECT_TRUE(second.deltas.empty());
  ASSERT_EQ(second.notes.size(), 1U);
  EXPECT_EQ(second.notes.front().from, "1.0.0");
  EXPECT_NE(second.notes.front().why.find("70 %"), std::string::npos);
  EXPECT_EQ(snapshot_of(top / "made-1.1.0").size(), 2U);  // the full package and its torrent
}

TEST_F(ReleasePackagesTest, WhatCannotBeABaseIsNoted) {
  const auto first = make("1.0.0", tree("one"));
  const auto same = make("1.0.1", tree("one"), {base("1.0.0", first)});
  ASSERT_EQ(same.notes.size(), 1U);
  EXPECT_NE(same.notes.front().why.find("same content"), std::string::npos);
  auto gone = base("1.0.0", first);
  gone.package = top / "gone";
  const auto other = make("1.1.0", tree("two", 1, {{"share/new", "x"}}), {gone});
  ASSERT_EQ(other.notes.size(), 1U);
  EXPECT_NE(other.notes.front().why.find("not kept"), std::string::npos);
}

TEST_F(ReleasePackagesTest, AnAlteredBaseIsRefused) {
  const auto first = make("1.0.0", tree("one"));
  auto bytes = top.read("made-1.0.0/app-1.0.0.upk");
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  top.write("made-1.0.0/app-1.0.0.upk", bytes);
  const auto made =
      publish::make_packages(unsynced_files(), {"app", "1.1.0", "linux-x64"}, tree("two", 1, {{"share/new", "x"}}),
                             top / "made", {base("1.0.0", first)}, top / "scratch", {}, {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::corrupt);
}

TEST_F(ReleasePackagesTest, TargetsAreTheFilesAsTheyAre) {
  const auto made = make("1.0.0", tree("one"));
  ASSERT_EQ(made.targets.size(), 2U);
  for (const auto& [path, target] : made.targets) {
    const auto bytes = top.read("made-1.0.0/" + Path(path).filename().string());
    EXPECT_EQ(target.length, Bytes{bytes.size()}) << path;
    EXPECT_EQ(target.sha256, sha256(bytes)) << path;
  }
  const auto file = must(unsynced_files().open(top / "made-1.0.0/app-1.0.0.upk"));
  const auto torrent = must(publish::make_torrent(*file, "app-1.0.0.upk", {}, {}));
  EXPECT_EQ(torrent.info_hash, made.full.info_hash);
  EXPECT_EQ(torrent.bytes, top.read("made-1.0.0/app-1.0.0.upk.torrent"));
}

TEST_F(ReleasePackagesTest, SameTreesGiveTheSameBytesAnywhere) {
  const auto one = make("1.0.0", tree("one"));
  std::filesystem::rename(top / "made-1.0.0", top / "kept");
  const auto two = make("1.0.0", tree("elsewhere"));
  EXPECT_EQ(snapshot_of(top / "kept"), snapshot_of(top / "made-1.0.0"));
}

}  // namespace
}  // namespace upswarm::tests
