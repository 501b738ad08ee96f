#include "seeder/publish/steering.hpp"

#include "seeder/publish/hand_over.hpp"
#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::tests {
namespace {

class SteeringTest : public PublishTest {
 protected:
  SteeringTest() {
    init();
    auto wanted = request("1.0.0", tree("one"));
    wanted.permille.reset();
    first = must(try_release(wanted)).entry;
    wanted = request("1.1.0", tree("two", 2));
    wanted.permille = 50;
    second = must(try_release(wanted)).entry;
  }
  static publish::ReleaseChoice choice(const std::string& version) { return {"app", "stable", "linux-x64", version}; }

  Result<seeder::RolloutWish> steer(const std::string& version, const publish::RolloutChange& change) const {
    auto repository = open();
    UPSWARM_TRY(const auto name, publish::steer_rollout(repository, choice(version), change));
    EXPECT_TRUE(snapshot_of(bundle(name) / "metadata").empty());
    const auto written = must(seeder::parse_bundle(top.read("repository/outgoing/" + name + "/bundle.json"), name));
    EXPECT_EQ(written.rollouts.size(), 1U);
    return written.rollouts.front();
  }
  Result<std::optional<publish::Signed>> floor(const std::string& version) const {
    auto repository = open();
    auto ring = keys();
    return publish::raise_floor(unsynced_files(), repository, choice(version), clock, ring);
  }

  Result<std::optional<publish::WithdrawalReport>> withdraw(const std::string& version,
                                                            const publish::WithdrawalRequest& request) const {
    auto repository = open();
    auto ring = keys();
    return publish::withdraw(unsynced_files(), repository, choice(version), request, clock, ring);
  }
  trust::Index index() const { return open().products().at("app").index_of("stable", "linux-x64"); }

  trust::Entry first;
  trust::Entry second;
};

TEST_F(SteeringTest, ARolloutIsAWishBoundToTheEntry) {
  const auto wish = must(steer("1.0.0", {.permille = 100, .paused = {}, .reason = "first ring"}));
  EXPECT_EQ(wish.item.counter, first.counter);
  EXPECT_EQ(wish.item.entry, first.digest());
  EXPECT_EQ(wish.item.permille, 100);
  EXPECT_FALSE(wish.item.paused);
  EXPECT_EQ(wish.item.reason, "first ring");
}

TEST_F(SteeringTest, APauseKeepsThePermilleAndResumingGoesOn) {
  EXPECT_EQ(must(steer("1.1.0", {.permille = {}, .paused = true, .reason = {}})).item.permille, 50);
  EXPECT_TRUE(must(steer("1.1.0", {.permille = 200, .paused = {}, .reason = {}})).item.paused);
  const auto resumed = must(steer("1.1.0", {.permille = {}, .paused = false, .reason = {}}));
  EXPECT_EQ(resumed.item.permille, 200);
  EXPECT_FALSE(resumed.item.paused);
}

TEST_F(SteeringTest, RingsStayUntilOthersAreNamed) {
  const auto steer_to = [this](std::vector<std::string> rings) {
    return steer("1.1.0", {.permille = {}, .paused = {}, .reason = {}, .rings = std::move(rings)});
  };
  EXPECT_EQ(must(steer_to({"pilot", "desk", "pilot"})).item.rings, (std::vector<std::string>{"desk", "pilot"}));
  const auto wider = must(steer("1.1.0", {.permille = 900, .paused = {}, .reason = {}}));
  EXPECT_EQ(wider.item.rings, (std::vector<std::string>{"desk", "pilot"}));
  EXPECT_EQ(wider.item.permille, 900);
  EXPECT_TRUE(must(steer_to({})).item.rings.empty());
  EXPECT_EQ(steer_to({"No Name"}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(steer_to(std::vector<std::string>(1, "")).error().kind, ErrorKind::invalid);
  EXPECT_EQ(steer("1.0.0", {.permille = {}, .paused = {}, .reason = {}, .rings = {{"pilot"}}}).error().kind,
            ErrorKind::invalid)
      << "nobody said to how many";
}

TEST_F(SteeringTest, WishesThatWereHandedOverAreRemembered) {
  std::filesystem::create_directories(top / "incoming");
  {
    auto repository = open();
    const auto to = must(publish::open_folder_destination(unsynced_files(), top / "incoming"));
    must(publish::hand_over_all(repository, *to, {}, {}));
  }
  EXPECT_EQ(must(steer("1.1.0", {.permille = {}, .paused = true, .reason = {}})).item.permille, 50);
}

TEST_F(SteeringTest, ResumingWhatNeverStartedNeedsAPermille) {
  EXPECT_EQ(steer("1.0.0", {.permille = {}, .paused = false, .reason = {}}).error().kind, ErrorKind::invalid);
}

TEST_F(SteeringTest, AnUnknownReleaseIsNotFound) {
  EXPECT_EQ(steer("9.9.9", {.permille = 1, .paused = {}, .reason = {}}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(steer("1.0.0", {.permille = 1001, .paused = {}, .reason = {}}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(floor("9.9.9").error().kind, ErrorKind::not_found);
}

TEST_F(SteeringTest, TheFloorRisesAndNeverSinks) {
  const auto outcome = must(floor("1.1.0"));
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->bundle.empty());
  const auto repository = open();
  const auto& product = repository.products().at("app");
  EXPECT_EQ(product.index_of("stable", "linux-x64").floor, second.counter);
  EXPECT_EQ(product.index_of("stable", "linux-x64").entries.size(), 2U);
}

TEST_F(SteeringTest, AFloorThatIsThereIsNothingToDo) {
  must(floor("1.1.0"));
  EXPECT_FALSE(must(floor("1.1.0")));
  EXPECT_EQ(floor("1.0.0").error().kind, ErrorKind::invalid);
}

TEST_F(SteeringTest, AWithdrawnReleaseSaysWhereItsMachinesGo) {
  const auto outcome = must(withdraw("1.1.0", {.go_back_to = "1.0.0", .reason = "it eats files"}));
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->signed_as.bundle.empty());
  EXPECT_EQ(outcome->go_back_to, "1.0.0");
  const auto signed_index = index();
  const auto* const withdrawal = signed_index.withdrawal_of(second.counter);
  ASSERT_NE(withdrawal, nullptr);
  EXPECT_EQ(withdrawal->go_back_to, first.counter);
  EXPECT_EQ(withdrawal->reason, "it eats files");
  EXPECT_FALSE(must(withdraw("1.1.0", {.go_back_to = "1.0.0", .reason = "it eats files"}))) << "nothing to do";
  EXPECT_TRUE(must(withdraw("1.1.0", {.undo = true})));
  EXPECT_TRUE(index().withdrawn.empty());
  EXPECT_FALSE(must(withdraw("1.1.0", {.undo = true})));
}

TEST_F(SteeringTest, AWayBackLeadsToAnOlderReleaseThatStands) {
  EXPECT_EQ(withdraw("1.0.0", {.go_back_to = "1.1.0"}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(withdraw("1.1.0", {.go_back_to = "1.1.0"}).error().kind, ErrorKind::invalid);
  EXPECT_EQ(withdraw("1.1.0", {.go_back_to = "0.9.0"}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(withdraw("9.9.9", {}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(withdraw("1.1.0", {.reason = std::string(1001, 'x')}).error().kind, ErrorKind::invalid);
  must(withdraw("1.0.0", {}));
  EXPECT_EQ(withdraw("1.1.0", {.go_back_to = "1.0.0"}).error().kind, ErrorKind::invalid) << "it is withdrawn, too";
  must(withdraw("1.0.0", {.undo = true}));
  must(floor("1.1.0"));
  EXPECT_EQ(withdraw("1.1.0", {.go_back_to = "1.0.0"}).error().kind, ErrorKind::invalid) << "it is below the floor";
}

TEST_F(SteeringTest, AnEarlierWayBackFollowsALaterOne) {
  const auto third = release("1.2.0", tree("three", 3)).entry;
  must(withdraw("1.2.0", {.go_back_to = "1.1.0"}));
  must(withdraw("1.1.0", {.go_back_to = "1.0.0"}));
  EXPECT_EQ(index().withdrawal_of(third.counter)->go_back_to, first.counter);
  must(withdraw("1.0.0", {}));
  EXPECT_FALSE(index().withdrawal_of(third.counter)->go_back_to) << "there is nowhere to go any more";
  EXPECT_FALSE(index().withdrawal_of(second.counter)->go_back_to);
}

TEST_F(SteeringTest, AReasonThatIsNoPlainTextIsRefused) {
  for (const char* reason : {"caf\xe9", "\xed\xa0\x80", "bell\a", "\x7f", "\xc2\x9b[2J", "cut \xe2\x82"}) {
    EXPECT_EQ(withdraw("1.1.0", {.reason = reason}).error().kind, ErrorKind::invalid) << reason;
    EXPECT_EQ(steer("1.1.0", {.permille = 1, .paused = {}, .reason = reason}).error().kind, ErrorKind::invalid);
  }
  EXPECT_EQ(steer("1.1.0", {.permille = 1, .paused = {}, .reason = std::string(1001, 'x')}).error().kind,
            ErrorKind::invalid);
  EXPECT_TRUE(index().withdrawn.empty());
  EXPECT_TRUE(withdraw("1.1.0", {.reason = "caf\u00e9:\n\tit \"eats\" \\files"}));
  EXPECT_EQ(index().withdrawal_of(second.counter)->reason, "caf\u00e9:\n\tit \"eats\" \\files");
}

TEST_F(SteeringTest, TheFloorIsNoWithdrawnReleaseAndCutsNoWayBack) {
  release("1.2.0", tree("three", 3));
  must(withdraw("1.1.0", {.go_back_to = "1.0.0"}));
  const auto withdrawn = floor("1.1.0");
  EXPECT_EQ(withdrawn.error().kind, ErrorKind::invalid);
  EXPECT_NE(withdrawn.error().message().find("is withdrawn"), std::string::npos);
  must(withdraw("1.1.0", {.undo = true}));
  must(withdraw("1.2.0", {.go_back_to = "1.0.0"}));
  const auto cut = floor("1.1.0");
  EXPECT_EQ(cut.error().kind, ErrorKind::invalid);
  EXPECT_NE(cut.error().message().find("1.2.0"), std::string::npos) << cut.error().message();
  EXPECT_NE(cut.error().message().find("1.0.0"), std::string::npos) << cut.error().message();
  EXPECT_EQ(index().floor, trust::ReleaseCounter{});
  must(withdraw("1.2.0", {.go_back_to = "1.1.0"}));
  EXPECT_TRUE(must(floor("1.1.0")));
}

TEST_F(SteeringTest, TheFloorMayRiseAboveAWholeWithdrawal) {
  release("1.2.0", tree("three", 3));
  must(withdraw("1.1.0", {.go_back_to = "1.0.0"}));
  EXPECT_TRUE(must(floor("1.2.0"))) << "who has 1.1.0 goes up";
}

TEST_F(SteeringTest, SayingMoreOfAWithdrawalKeepsTheRest) {
  must(withdraw("1.1.0", {.go_back_to = "1.0.0", .reason = "it eats files"}));
  EXPECT_FALSE(must(withdraw("1.1.0", {}))) << "it says so already";
  const auto outcome = must(withdraw("1.1.0", {.reason = "it eats large files"}));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->go_back_to, "1.0.0");
  EXPECT_EQ(index().withdrawal_of(second.counter)->go_back_to, first.counter);
  EXPECT_EQ(index().withdrawal_of(second.counter)->reason, "it eats large files");
  EXPECT_EQ(must(withdraw("1.1.0", {.stay = true}))->go_back_to, "");
  EXPECT_FALSE(index().withdrawal_of(second.counter)->go_back_to);
  EXPECT_EQ(index().withdrawal_of(second.counter)->reason, "it eats large files");
  EXPECT_EQ(withdraw("1.1.0", {.go_back_to = "1.0.0", .stay = true}).error().kind, ErrorKind::invalid);
  must(withdraw("1.1.0", {.go_back_to = "1.0.0", .reason = ""}));
  EXPECT_EQ(index().withdrawal_of(second.counter)->go_back_to, first.counter);
  EXPECT_EQ(index().withdrawal_of(second.counter)->reason, "");
}

}  // namespace
}  // namespace upswarm::tests
