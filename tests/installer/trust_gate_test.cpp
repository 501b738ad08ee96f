#include "installer/trust_gate.hpp"

#include "tests/support/stolen_keys.hpp"

namespace upswarm::installer {
namespace {

using std::chrono::days;
using std::chrono::seconds;

/// Whoever owns the agent's account gives the installer whatever he likes.
class TrustGateTest : public tests::StolenKeys {
 protected:
  void start_anew() {
    gate = std::move(*TrustGate::open(system_files(), folder / "another gate", clock));
    ASSERT_TRUE(gate.place_first_root(simulator.files.at("metadata/1.root.json")));
  }
  void SetUp() override {
    ASSERT_TRUE(gate.place_first_root(simulator.files.at("metadata/1.root.json")));
    facts.machine_id = "machine";
    facts.installed_version = "1.0.0";
    facts.installed = facts.highest_committed = trust::ReleaseCounter{1, 1};
  }
  void roll_out(std::size_t entry) {
    filter = {item_of(index.entries.at(entry), 1000)};
    put_filter();
    sign_online();
  }
  Result<Judgement> offer(std::map<std::string, std::string> files) {
    UPSWARM_CHECK(gate.take_in(std::move(files)));
    facts.now = clock.now();
    return gate.judge(product, facts);
  }
  std::string asks(const std::map<std::string, std::string>& files) {
    const auto answer = offer(files);
    if (!answer) return "refused: " + answer.error().reason;
    const auto& decision = answer->decision;
    return decision.kind == trust::Decision::Kind::wanted ? "wanted " + decision.entry->version : decision.reason;
  }
  std::map<std::string, std::string> altered(const std::string& part, const std::string& from, const std::string& to) {
    auto files = simulator.files;
    for (auto& [name, bytes] : files) {
      if (name.find(part) == std::string::npos) continue;
      for (auto at = bytes.find(from); at != std::string::npos; at = bytes.find(from, at + to.size()))
        bytes.replace(at, from.size(), to);
    }
    return files;
  }

  TrustGate gate = std::move(*TrustGate::open(system_files(), folder / "gate", clock));
  ProductConfig product{.product = "app", .channel = "stable", .platform = "linux-x64", .root = "/nowhere"};
  trust::MachineFacts facts;
};

TEST_F(TrustGateTest, TheAgentsAccountOffersOldThingsForADayAndNothingOfItsOwn) {
  const auto yesterday = simulator.files;
  roll_out(1);
  const auto today = simulator.files;
  EXPECT_EQ(asks(today), "wanted 1.1.0");
  EXPECT_EQ(asks(yesterday), "refused: rollback");
  EXPECT_EQ(asks(altered("targets/index", "1.1.0", "6.6.6")), "refused: wrong_digest");
  EXPECT_EQ(asks(altered("targets/rollout", "1000", "0")),
            "held: 1.1.0: there is no rollout filter, or it has expired");
  EXPECT_EQ(asks({}), "refused: ") << "it can always offer nothing, and the machine stays where it is";

  advance(days(1) - seconds(1));
  EXPECT_EQ(asks(today), "wanted 1.1.0");
  advance(seconds(1));
  EXPECT_EQ(asks(today), "refused: expired");
  sign_timestamp();
  start_anew();
  EXPECT_EQ(asks(altered("rel-app", "index/app", "index/abc")), "refused: wrong_signature") << "nor to a new machine";
}

TEST_F(TrustGateTest, AnAnswerIsFreshUntilTheFirstRoleExpires) {
  roll_out(1);
  const auto answer = offer(simulator.files);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->fresh_until, simulator.timestamp.expires);
}

TEST_F(TrustGateTest, AClockSetBackDoesNotMakeAReleaseWaitAgain) {
  index.entries[1].not_before = clock.now() + days(2);
  put_index();
  filter = {item_of(index.entries[1], 1000)};
  put_filter();
  sign_offline();
  EXPECT_TRUE(asks(simulator.files).starts_with("held: 1.1.0: it is not due"));
  advance(days(2));
  sign_online();
  EXPECT_EQ(asks(simulator.files), "wanted 1.1.0");
  advance(seconds(-days(100)));
  EXPECT_EQ(asks(simulator.files), "wanted 1.1.0") << "the timestamp proves the time";
}

TEST_F(TrustGateTest, AFilterThatCannotBeReadHoldsLikeNone) {
  index.entries[1].urgent = true;
  index.entries[1].not_before = clock.now();
  put_index();
  simulator.add_target("rollout", trust::rollout_path("app", "stable", "linux-x64"), "what a thief signs");
  sign_offline();
  EXPECT_EQ(asks(simulator.files), "held: 1.1.0: there is no rollout filter, or it has expired");
  advance(days(14));
  sign_online();
  EXPECT_EQ(asks(simulator.files), "wanted 1.1.0");
}

TEST_F(TrustGateTest, TheFilterOfAnotherProductHoldsLikeNone) {
  filter = {item_of(index.entries[1], 1000)};
  const trust::Rollout other{"tool", "stable", "linux-x64", filter};
  simulator.add_target("rollout", trust::rollout_path("app", "stable", "linux-x64"), trust::to_json(other).dump());
  sign_online();
  EXPECT_EQ(asks(simulator.files), "held: 1.1.0: there is no rollout filter, or it has expired");
}

TEST_F(TrustGateTest, AnIndexOfAnotherChannelIsRefused) {
  index.channel = "beta";
  put_index();
  sign_offline();
  simulator.delegated.at("rel-app").targets.clear();
  simulator.add_target("rel-app", trust::index_path("app", "stable", "linux-x64"), trust::to_json(index).dump());
  sign_offline();
  EXPECT_EQ(asks(simulator.files), "refused: mix_and_match");
}

TEST_F(TrustGateTest, AFloorOfAnEpochThatTheSignersMayNotUseIsNotRemembered) {
  index.floor = {2, 0};
  put_index();
  sign_offline();
  EXPECT_EQ(asks(simulator.files), "refused: epoch");
  index.floor = {1, 2};
  put_index();
  sign_offline();
  roll_out(1);
  EXPECT_EQ(asks(simulator.files), "wanted 1.1.0");
}

}  // namespace
}  // namespace upswarm::installer
