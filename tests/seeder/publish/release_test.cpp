#include "seeder/publish/release.hpp"

#include "seeder/publish/steering.hpp"
#include "tests/seeder/publish/publish_fixture.hpp"
#include "tests/support/stopping_files.hpp"

namespace upswarm::tests {
namespace {

using publish::Repository;

class ReleaseTest : public PublishTest {
 protected:
  ReleaseTest() { init(); }

  trust::Index index(const std::string& channel = "stable") const {
    return open(Repository::Access::reading).products().at("app").index_of(channel, "linux-x64");
  }
  void withdraw(const std::string& version, const publish::WithdrawalRequest& wanted) const {
    auto repository = open();
    auto ring = keys();
    must(publish::withdraw(unsynced_files(), repository, {"app", "stable", "linux-x64", version}, wanted, clock, ring));
  }
  /// The index that a change makes of `wanted`.
  trust::Index written(const trust::Index& wanted) const {
    const auto repository = open(Repository::Access::reading);
    const auto change = must(change_index(repository, repository.products().at("app"), wanted, {}, clock));
    return must(trust::parse_index(change.targets.begin()->second, "the new index"));
  }
  /// All that a later command builds upon.
  std::map<std::string, std::string> signed_state() const { return snapshot_of(folder / "metadata"); }
};

TEST_F(ReleaseTest, AClientFindsAndVerifiesEverything) {
  Served served(folder, clock);
  served.take(bundle("00000001-init"));
  const auto report = release("1.0.0", tree("one"));
  served.take(bundle(report.signed_as.bundle));
  Follower follower(top / "store", folder, served, clock);
  must(follower.client.refresh());
  const auto text = must(follower.client.fetch("index/app/stable/linux-x64.json", trust::kLongestIndex));
  const auto read = must(trust::parse_index(text, "index"));
  ASSERT_EQ(read.entries.size(), 1U);
  EXPECT_EQ(read.entries[0].digest(), report.entry.digest());
  EXPECT_EQ(read.entries[0].health.command.argv, (std::vector<std::string>{"bin/check"}));
  const auto& full = read.entries[0].full;
  EXPECT_EQ(full.path, "pkg/app/linux-x64/1.0.0/app-1.0.0.upk");
  EXPECT_EQ(Bytes{must(follower.client.fetch(full.path, 64_MiB)).size()}, full.length);
  EXPECT_TRUE(follower.client.fetch(full.path + ".torrent", 1_MiB));
}

TEST_F(ReleaseTest, AChangelogMayHaveLines) {
  auto wanted = request("1.0.0", tree("one"));
  wanted.recipe = recipe("changelog = \"\"\"first\n\tsecond \\\"quoted\\\" \"\"\"\n");
  const auto report = must(try_release(wanted));
  EXPECT_EQ(report.entry.changelog, "first\n\tsecond \"quoted\" ");
  const auto index = open().products().at("app").index_of("stable", "linux-x64");
  EXPECT_EQ(index.entries.at(0).digest(), report.entry.digest()) << "as it is read back";
}

TEST_F(ReleaseTest, AProgramThatCannotBeExecutedIsNoticedBeforeMachinesDo) {
  auto wanted = request("1.0.0", tree("one", 1, {{"share/hook", "#!/bin/sh\n"}}));
  for (const char* program : {"share/hook", "share", "bin/nothing"}) {
    for (const char* where : {"hooks.before", "hooks.after", "hooks.rollback", "health.command"}) {
      const auto kind = std::string(where).starts_with("health") ? "[health]\nkind = \"command\"\n" : "";
      wanted.recipe = recipe(std::string(kind) + "[" + where + "]\nargv = [\"" + program + "\"]\n");
      const auto made = try_release(wanted);
      ASSERT_FALSE(made) << program << " as " << where;
      EXPECT_NE(made.error().message().find(where), std::string::npos) << made.error().message();
    }
  }
}

TEST_F(ReleaseTest, TheFirstBundleAloneIsEnoughForASeeder) {
  Served served(folder, clock);
  served.take(bundle(release("1.0.0", tree("one")).signed_as.bundle));
  Follower follower(top / "store", folder, served, clock);
  EXPECT_TRUE(follower.client.refresh());
  EXPECT_TRUE(follower.client.find("index/app/stable/linux-x64.json"));
}

TEST_F(ReleaseTest, ABundleHoldsWhatIsNewAndTheWish) {
  release("1.0.0", tree("one"));
  const auto report = release("1.1.0", tree("two", 1, {{"share/new", "x"}}));
  EXPECT_EQ(report.signed_as.bundle, "00000003-app-1.1.0-stable-linux-x64-1.2");
  const auto files = snapshot_of(bundle(report.signed_as.bundle));
  std::size_t targets = 0;
  for (const auto& [name, bytes] : files) targets += name.starts_with("targets/pkg/") && !bytes.empty() ? 1U : 0U;
  EXPECT_EQ(targets, 4U);  // full, delta, and a torrent of each
  EXPECT_TRUE(files.contains("metadata/3.rel-app.json"));
  EXPECT_FALSE(files.contains("metadata/2.rel-app.json"));
  const auto written = must(seeder::parse_bundle(files.at("bundle.json"), "bundle.json"));
  ASSERT_EQ(written.rollouts.size(), 1U);
  EXPECT_EQ(written.rollouts[0].item.counter, report.entry.counter);
  EXPECT_EQ(written.rollouts[0].item.entry, report.entry.digest());
  EXPECT_EQ(written.rollouts[0].item.permille, 1000);
}

TEST_F(ReleaseTest, WithoutARolloutThereIsNoWish) {
  auto wanted = request("1.0.0", tree("one"));
  wanted.permille.reset();
  const auto report = must(try_release(wanted));
  const auto text = top.read("repository/outgoing/" + report.signed_as.bundle + "/bundle.json");
  EXPECT_TRUE(must(seeder::parse_bundle(text, "bundle.json")).rollouts.empty());
}

TEST_F(ReleaseTest, CountersRiseAcrossChannels) {
  EXPECT_EQ(release("1.0.0", tree("one")).entry.counter, (trust::ReleaseCounter{1, 1}));
  EXPECT_EQ(release("1.1.0-rc.1", tree("two", 2), "beta").entry.counter, (trust::ReleaseCounter{1, 2}));
  EXPECT_EQ(release("1.0.1", tree("three", 3)).entry.counter, (trust::ReleaseCounter{1, 3}));
  EXPECT_EQ(index("stable").entries.size(), 2U);
  EXPECT_EQ(index("beta").entries.size(), 1U);
}

TEST_F(ReleaseTest, OldTargetsStaySigned) {
  release("1.0.0", tree("one"));
  release("1.1.0", tree("two", 2));
  const auto repository = open(Repository::Access::reading);
  const auto& targets = repository.products().at("app").release.targets;
  EXPECT_TRUE(targets.contains("pkg/app/linux-x64/1.0.0/app-1.0.0.upk"));
  EXPECT_TRUE(targets.contains("pkg/app/linux-x64/1.1.0/app-1.1.0.upk"));
}

TEST_F(ReleaseTest, DeltasStartFromTheNewestOfTheChannel) {
  release("1.0.0", tree("one", 1, {{"share/a", "1"}}));
  release("1.1.0", tree("two", 1, {{"share/a", "2"}}));
  release("2.0.0-rc.1", tree("three", 1, {{"share/a", "3"}}), "beta");
  auto only = request("1.2.0", tree("four", 1, {{"share/a", "4"}}));
  only.deltas = 1;
  const auto one = must(try_release(only));
  ASSERT_EQ(one.entry.deltas.size(), 1U);
  EXPECT_EQ(one.entry.deltas[0].from_version, "1.1.0");
  auto wanted = request("1.3.0", tree("five", 1, {{"share/a", "5"}}));
  wanted.deltas = 3;
  const auto three = must(try_release(wanted));
  ASSERT_EQ(three.entry.deltas.size(), 3U);
  EXPECT_EQ(three.entry.deltas[0].from_version, "1.2.0");
  EXPECT_EQ(three.entry.deltas[1].from_version, "1.1.0");
  EXPECT_EQ(three.entry.deltas[2].from_version, "1.0.0");
  EXPECT_TRUE(index().entries.back().digest() == three.entry.digest());
}

TEST_F(ReleaseTest, AReleaseGetsDeltasFromAsManyAsTheSettingsSayAHotfixFromMore) {
  for (const char* version : {"1.0.0", "1.1.0", "1.2.0"}) release(version, tree(version, 1, {{"share/a", version}}));
  EXPECT_EQ(publish::Settings{}.deltas, 10);
  EXPECT_EQ(publish::Settings{}.hotfix_deltas, 20);
  auto settings = open(Repository::Access::reading).settings();
  settings.deltas = 1;
  settings.hotfix_deltas = 2;
  top.write("repository/repository.json", publish::write_settings(settings));
  EXPECT_EQ(release("1.3.0", tree("four", 1, {{"share/a", "4"}})).entry.deltas.size(), 1U);
  auto wanted = request("1.3.1", tree("five", 1, {{"share/a", "5"}}));
  wanted.recipe = recipe("urgent = true\n");
  const auto hotfix = must(try_release(wanted));
  ASSERT_EQ(hotfix.entry.deltas.size(), 2U);
  EXPECT_EQ(hotfix.entry.deltas[0].from_version, "1.3.0");
  EXPECT_EQ(hotfix.entry.deltas[1].from_version, "1.2.0");
  settings.deltas = static_cast<std::int64_t>(trust::kMostDeltas) + 1;
  EXPECT_FALSE(publish::parse_settings(publish::write_settings(settings), "repository.json"));
}

TEST_F(ReleaseTest, DeltasStartFromWhereMachinesWentBackTo) {
  release("1.0.0", tree("one", 1, {{"share/a", "1"}}));
  release("1.1.0", tree("two", 1, {{"share/a", "2"}}));
  withdraw("1.1.0", {.go_back_to = "1.0.0"});
  auto only = request("1.2.0", tree("three", 1, {{"share/a", "3"}}));
  only.deltas = 1;
  const auto repaired = must(try_release(only));
  ASSERT_EQ(repaired.entry.deltas.size(), 1U);
  EXPECT_EQ(repaired.entry.deltas[0].from_version, "1.0.0");
  auto wanted = request("1.3.0", tree("four", 1, {{"share/a", "4"}}));
  wanted.deltas = 3;
  const auto three = must(try_release(wanted));
  ASSERT_EQ(three.entry.deltas.size(), 3U);
  EXPECT_EQ(three.entry.deltas[0].from_version, "1.2.0");
  EXPECT_EQ(three.entry.deltas[1].from_version, "1.0.0");
  EXPECT_EQ(three.entry.deltas[2].from_version, "1.1.0") << "withdrawn ones come last";
}

TEST_F(ReleaseTest, TheOldestIsDroppedThatNobodyGoesBackTo) {
  release("1.0.0", tree("one"));
  auto long_ago = index();
  const auto entry = long_ago.entries.front();
  long_ago.entries.clear();
  for (std::size_t n = 1; n <= trust::kMostEntries + 1; ++n) {
    auto one = entry;
    one.counter = {1, static_cast<std::int64_t>(n)};
    one.version = "1.0." + std::to_string(n);
    long_ago.entries.push_back(std::move(one));
  }
  long_ago.withdrawn = {{.counter = {1, 400}, .go_back_to = trust::ReleaseCounter{1, 1}}};
  const auto fits = written(long_ago);
  EXPECT_EQ(fits.entries.size(), trust::kMostEntries);
  EXPECT_NE(fits.find({1, 1}), nullptr);
  EXPECT_EQ(fits.find({1, 2}), nullptr) << "the oldest of the others";
  EXPECT_EQ(fits.withdrawal_of({1, 400})->go_back_to, (trust::ReleaseCounter{1, 1}));
}

TEST_F(ReleaseTest, AWayBackIsDroppedWhereTheIndexHasNoOtherRoom) {
  release("1.0.0", tree("one"));
  auto large = index();
  large.entries.push_back(large.entries.front());
  large.entries.back().counter = {1, 2};
  large.entries.back().version = "1.0.1";
  large.entries.front().changelog = std::string(trust::kLongestIndex.count, 'x');
  large.withdrawn = {{.counter = {1, 2}, .go_back_to = trust::ReleaseCounter{1, 1}}};
  const auto fits = written(large);
  ASSERT_EQ(fits.entries.size(), 1U);
  EXPECT_FALSE(fits.withdrawal_of({1, 2})->go_back_to);
}

TEST_F(ReleaseTest, TheSameVersionTwiceIsRefused) {
  release("1.0.0", tree("one"));
  const auto before = signed_state();
  const auto again = try_release(request("1.0.0", tree("two", 2)));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::invalid);
  EXPECT_EQ(again.error().reason, "version_exists");
  EXPECT_EQ(signed_state(), before);
}

TEST_F(ReleaseTest, AVersionMovesToAnotherChannelWithItsContentAlone) {
  const auto beta = release("1.0.0", tree("one"), "beta");
  const auto other = try_release(request("1.0.0", tree("two", 2)));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().reason, "version_exists");
  const auto stable = release("1.0.0", tree("one"));
  EXPECT_TRUE(stable.packages_reused);
  EXPECT_EQ(stable.entry.full.sha256, beta.entry.full.sha256);
  EXPECT_GT(stable.entry.counter, beta.entry.counter);
}

TEST_F(ReleaseTest, BuildMetadataMakesAVersionOfItsOwn) {
  release("1.0.0+a", tree("one"));
  const auto report = release("1.0.0+b", tree("two", 2));
  EXPECT_EQ(report.entry.version, "1.0.0+b");
  EXPECT_EQ(report.entry.full.path, "pkg/app/linux-x64/1.0.0_b/app-1.0.0_b.upk");
}

TEST_F(ReleaseTest, AMistakeInTheRecipeIsNamedByFileLineAndKey) {
  auto wanted = request("1.0.0", tree("one"));
  wanted.recipe = recipe("urgent = true\n\n[health]\nkind = \"command\"\nwithin = 7\n");
  const auto wrong = try_release(wanted);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::invalid);
  EXPECT_NE(wrong.error().message().find("release.toml:"), std::string::npos) << wrong.error().message();
  EXPECT_NE(wrong.error().message().find("health"), std::string::npos);
  wanted.recipe = recipe("urgent = true\n\nurgnet = false\n");
  const auto unknown = try_release(wanted);
  ASSERT_FALSE(unknown);
  EXPECT_NE(unknown.error().message().find("release.toml:3: urgnet"), std::string::npos) << unknown.error().message();
  wanted.recipe = recipe("urgent = \n");
  EXPECT_NE(try_release(wanted).error().message().find("release.toml:1"), std::string::npos);
}

TEST_F(ReleaseTest, AProgramThatTheTreeLacksIsNamed) {
  auto wanted = request("1.0.0", tree("one"));
  wanted.recipe = recipe("[health]\nkind = \"command\"\n[health.command]\nargv = [\"bin/chek\"]\n");
  const auto result = try_release(wanted);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  EXPECT_NE(result.error().message().find("bin/chek"), std::string::npos);
}

TEST_F(ReleaseTest, AProductKeepsItsLayoutAndTheInstallersNameIsLeftFree) {
  auto wanted = request("1.0.0", tree("one"));
  wanted.recipe = recipe("layout = \"in_place\"\n");
  const auto first = try_release(wanted);
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_EQ(first->entry.requirements, std::vector<std::string>{"layout-in-place"});
  auto other = request("1.1.0", tree("two", 2));
  other.recipe = recipe("urgent = true\n");
  const auto refused = try_release(other);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("that of 1.0.0 is \"in_place\""), std::string::npos)
      << refused.error().message();
  other.recipe = recipe("layout = \"in_place\"\n");
  std::filesystem::create_directory(other.folder / ".Upswarm");
  const auto planted = try_release(other);
  ASSERT_FALSE(planted);
  EXPECT_NE(planted.error().message().find(".Upswarm"), std::string::npos) << planted.error().message();
}

TEST_F(ReleaseTest, APackageForAnotherInstallerMustBeInTheTree) {
  auto wanted = request("1.0.0", tree("one"));
  wanted.recipe = recipe(
      "layout = \"foreign\"\n[foreign.install]\nargv = [\"/usr/bin/dpkg\", \"{release}/no.deb\"]\n"
      "[foreign.detection]\nkind = \"command\"\ncommand = { argv = [\"/usr/bin/true\"] }\n");
  const auto refused = try_release(wanted);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("no.deb is not in"), std::string::npos) << refused.error().message();
}

TEST_F(ReleaseTest, WrongWordsAreRefusedBeforeAnythingIsMade) {
  open();
  const auto before = snapshot_of(folder);
  auto bad_version = request("1.0", tree("one"));
  auto bad_product = request("1.0.0", tree("one"));
  bad_product.name.product = "other";
  auto bad_channel = request("1.0.0", tree("one"));
  bad_channel.channel = "Stable/x";
  auto no_folder = request("1.0.0", top / "nowhere");
  auto no_recipe = request("1.0.0", tree("one"));
  no_recipe.recipe = top / "nowhere.toml";
  auto too_many = request("1.0.0", tree("one"));
  too_many.permille = 1001;
  for (const auto& wanted : {bad_version, bad_product, bad_channel, no_folder, no_recipe, too_many})
    EXPECT_FALSE(try_release(wanted));
  EXPECT_EQ(snapshot_of(folder), before);
}

TEST_F(ReleaseTest, AWrongPassphraseIsFoundBeforePacking) {
  auto repository = open();
  auto ring = keys("wrong horse");
  bool packed = false;
  const auto result = publish::make_release(unsynced_files(), repository, request("1.0.0", tree("one")), clock, ring,
                                            [&packed](const Progress&) { packed = true; }, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::denied);
  EXPECT_FALSE(packed);
}

TEST_F(ReleaseTest, CancellingLeavesNothing) {
  open();
  const auto before = snapshot_of(folder);
  const auto result = try_release(request("1.0.0", tree("one")), unsynced_files(), already_stopped());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::cancelled);
  EXPECT_EQ(snapshot_of(folder), before);
}

/// Fails or stops a second release at every operation: metadata and bundles are as before or all there, and a retry
/// works.
class ReleaseStopsTest : public ReleaseTest, public testing::WithParamInterface<StoppingFiles::Mode> {};

TEST_P(ReleaseStopsTest, AFailureAnywhereLosesNothing) {
  release("1.0.0", tree("one", 1, {{"share/a", "1"}}));
  const auto wanted = request("1.1.0", tree("two", 1, {{"share/a", "2"}}));
  std::filesystem::copy(folder, top / "saved", std::filesystem::copy_options::recursive);
  const auto before = signed_state();
  StoppingFiles files(unsynced_files());
  for (std::size_t n = 1;; n += tests::kStride) {
    files.stop_at(n, GetParam(), ErrorKind::no_space);
    const auto result = try_release(wanted, files);
    if (!files.was_reached()) {
      EXPECT_TRUE(result);
      EXPECT_GT(n, 40U);
      return;
    }
    open();  // what stopped half way is finished or undone
    const bool committed = signed_state() != before && std::filesystem::exists(folder / "metadata/3.rel-app.json");
    if (!committed && !result) {
      const auto retry = try_release(wanted);
      ASSERT_TRUE(retry) << "operation " << n << ": " << retry.error().message();
      EXPECT_EQ(retry->entry.counter, (trust::ReleaseCounter{1, 2})) << "operation " << n;
    }
    const auto waiting = must(open().outgoing());
    EXPECT_EQ(waiting.size(), 3U) << "operation " << n;  // init, 1.0.0 and, once, 1.1.0
    EXPECT_EQ(index().entries.size(), 2U) << "operation " << n;
    EXPECT_FALSE(std::filesystem::exists(folder / "work")) << "operation " << n;
    std::filesystem::remove_all(folder);
    std::filesystem::copy(top / "saved", folder, std::filesystem::copy_options::recursive);
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, ReleaseStopsTest, testing::Values(StoppingFiles::Mode::fail, StoppingFiles::Mode::stop),
                         [](const auto& mode) {
                           return mode.param == StoppingFiles::Mode::fail ? "FailOnce" : "PowerCut";
                         });

TEST_F(ReleaseTest, AnUrgentReleaseSaysFromWhenItsHoldIsCounted) {
  auto wanted = request("1.0.0", tree("one"));
  EXPECT_FALSE(must(try_release(wanted)).entry.not_before) << "only an urgent one";
  const std::string health = "[health]\nkind = \"command\"\n[health.command]\nargv = [\"bin/check\"]\n";
  wanted = request("2.0.0", tree("two", 2));
  wanted.recipe = recipe("urgent = true\n" + health);
  EXPECT_EQ(must(try_release(wanted)).entry.not_before, clock.now());
  wanted = request("3.0.0", tree("three", 3));
  wanted.recipe = recipe("urgent = true\nnot_before = \"2030-01-01T00:00:00Z\"\n" + health);
  EXPECT_EQ(must(try_release(wanted)).entry.not_before, must(parse_time("2030-01-01T00:00:00Z")));
}

}  // namespace
}  // namespace upswarm::tests
