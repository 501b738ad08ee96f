// Nightly builds: signed as pre-PRODUCT, for machines that opted in, without any release key.
#include "tests/seeder/publish/desk_fixture.hpp"

namespace upswarm::tests {
namespace {

class NightlyTest : public DeskTest {
 protected:
  NightlyTest() {
    init();
    must(add_signer("pre-app", new_key("pre-app", "ci")));
  }
  publish::ReleaseRequest nightly(const std::string& version, const Path& from) const {
    auto wanted = request(version, from);
    wanted.name.is_nightly = true;
    return wanted;
  }
};

TEST_F(NightlyTest, ItsOwnKeyIsEnoughAndNoOtherIsTouched) {
  const auto report = must(release_as("ci", nightly("1.0.0-nightly.1", tree("one"))));
  EXPECT_NE(report.signed_as.bundle, "");
  EXPECT_EQ(report.entry.full.path, "pre/app/linux-x64/1.0.0-nightly.1/app-1.0.0-nightly.1.upk");
  const auto repository = open();
  EXPECT_EQ(repository.products().at("app").release.version, 1);
  const auto& nightlies = repository.prereleases().at("app");
  EXPECT_EQ(nightlies.release.version, 1);
  EXPECT_EQ(nightlies.release.expires, clock.now() + std::chrono::days(30));
  Served served(folder, clock);
  for (const auto& name : must(repository.outgoing())) served.take(bundle(name));
  Follower follower(top / "store", folder, served, clock);
  must(follower.client.refresh());
  EXPECT_TRUE(follower.client.fetch("preindex/app/stable/linux-x64.json", trust::kLongestIndex));
  EXPECT_EQ(follower.client.find("index/app/stable/linux-x64.json").error().kind, ErrorKind::not_found);
}

TEST_F(NightlyTest, ReleaseKeysDoNotSignNightlyBuildsNorTheOtherWayRound) {
  EXPECT_EQ(must(try_release(nightly("1.0.0-nightly.1", tree("one")))).signed_as.missing[0].good, 0);
  EXPECT_EQ(must(release_as("ci", request("1.0.0", tree("one2")))).signed_as.missing[0].good, 0);
}

TEST_F(NightlyTest, CountersAreOneRowOfTheProduct) {
  EXPECT_EQ(must(release_as("ci", nightly("1.0.0-nightly.1", tree("one")))).entry.counter,
            (trust::ReleaseCounter{1, 1}));
  EXPECT_EQ(release("1.0.0", tree("two", 2)).entry.counter, (trust::ReleaseCounter{1, 2}));
  EXPECT_EQ(must(release_as("ci", nightly("1.1.0-nightly.2", tree("three", 3)))).entry.counter,
            (trust::ReleaseCounter{1, 3}));
}

TEST_F(NightlyTest, ANightlyBuildGetsADeltaFromTheReleaseBeforeIt) {
  release("1.0.0", tree("one", 1, {{"share/a", "1"}}));
  const auto report = must(release_as("ci", nightly("1.1.0-nightly.1", tree("two", 1, {{"share/a", "2"}}))));
  ASSERT_EQ(report.entry.deltas.size(), 1U);
  EXPECT_EQ(report.entry.deltas[0].from_version, "1.0.0");
}

TEST_F(NightlyTest, TheSameVersionAsAReleaseStandsInAPlaceOfItsOwn) {
  release("1.0.0", tree("one"));
  must(release_as("ci", nightly("1.0.0", tree("two", 2))));
  EXPECT_TRUE(std::filesystem::exists(folder / "releases/app/linux-x64/1.0.0/app-1.0.0.upk"));
  EXPECT_TRUE(std::filesystem::exists(folder / "releases/app/linux-x64/1.0.0~pre/app-1.0.0.upk"));
}

TEST_F(NightlyTest, AProductWithoutTheRoleSaysHowToMakeIt) {
  {
    auto repository = open();
    auto ring = keys();
    must(add_product(unsynced_files(), repository, "tool", false, clock, ring, publish::least_strength()));
  }
  auto wanted = nightly("1.0.0-nightly.1", tree("one"));
  wanted.name.product = "tool";
  const auto result = release_as("ci", wanted);
  EXPECT_EQ(result.error().kind, ErrorKind::not_found);
  EXPECT_NE(result.error().message().find("keys add-signer pre-tool"), std::string::npos);
}

TEST_F(NightlyTest, AProductCanBeMadeWithTheRole) {
  {
    auto repository = open();
    auto ring = keys();
    must(add_product(unsynced_files(), repository, "tool", true, clock, ring, publish::least_strength()));
  }
  auto wanted = nightly("1.0.0-nightly.1", tree("one"));
  wanted.name.product = "tool";
  EXPECT_NE(must(try_release(wanted)).signed_as.bundle, "");
}

}  // namespace
}  // namespace upswarm::tests
