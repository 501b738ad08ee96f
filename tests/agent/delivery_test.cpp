#include "agent/delivery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/line_rate.hpp"
#include "agent/machine_key.hpp"
#include "agent/monthly_count.hpp"
#include "agent/plan_record.hpp"
#include "tests/agent/fakes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// 1.0.0 is installed, 1.2.0 wanted. Deltas: 1.0.0 -> 1.1.0 -> 1.2.0 of 10 bytes each, 1.0.0 -> 1.2.0 of 500.
class DeliveryTest : public testing::Test {
 protected:
  DeliveryTest() {
    tests::add_delta(two_, one_, 10_B);
    tests::add_delta(wanted_, two_, 10_B);
    tests::add_delta(wanted_, one_, 500_B);
    installer_.add_product("app", &one_);
    installer_.wants["app"] = wanted_;
  }

  Result<messages::Outcome> deliver() {
    OutcomeBook outcomes(store_, installer_, http_, identity_, tests::kSeeder);
    SessionBook sessions(store_, clock_);
    Delivery delivery({.installer = installer_,
                       .swarm = swarm_,
                       .store = store_,
                       .board = board_,
                       .outcomes = outcomes,
                       .sessions = sessions,
                       .clock = clock_,
                       .pause = tests::pause_by(clock_),
                       .patience = std::chrono::minutes(1),
                       .link = link_,
                       .metered_fallback = metered_fallback_,
                       .slow_link = slow_link_,
                       .steady_now =
                           [this] {
                             steady_ += std::chrono::seconds(1);
                             return steady_;
                           },
                       .torrent = [](const trust::PackageFile& file) { return Result<std::string>(file.path); },
                       .offer_again =
                           [this](const Order&) {
                             ++offered_again_;
                             return Result<bool>(true);
                           }});
    const auto& state = installer_.state.products.at(0);
    return delivery.deliver({.product = "app",
                             .entry = wanted_,
                             .installed_version = state.version.value_or(""),
                             .installed = state.content,
                             .releases = {one_, two_, wanted_},
                             .quarantine = state.quarantine},
                            stop_.get_token());
  }
  std::string kind_of_delivery() {
    const auto outcome = deliver();
    return outcome ? outcome->kind + " " + outcome->result : outcome.error().message();
  }
  messages::PlanStatus plan() {
    const auto kept = load_plan(store_, "app");
    EXPECT_TRUE(kept && *kept);
    return kept && *kept ? **kept : messages::PlanStatus{};
  }
  std::string verdict(const std::string& kind) {
    for (const auto& way : plan().ways) {
      if (way.kind == kind) return way.verdict;
    }
    return "";
  }
  Sha256 first() const { return two_.deltas[0].file.sha256; }
  Sha256 second() const { return wanted_.deltas[0].file.sha256; }
  Sha256 direct() const { return wanted_.deltas[1].file.sha256; }

  trust::Entry one_ = tests::make_entry("1.0.0", 1);
  trust::Entry two_ = tests::make_entry("1.1.0", 2);
  trust::Entry wanted_ = tests::make_entry("1.2.0", 3);
  tests::TemporaryFolder folder_;
  tests::FakeClock clock_;
  tests::FakeHttpClient http_;
  tests::FakeSwarm swarm_;
  tests::FakeInstaller installer_;
  StateStore store_ = std::move(*StateStore::open(folder_ / "state.db"));
  StatusBoard board_{"", tests::kSeeder};
  MachineIdentity identity_{{.files = system_files(),
                             .store = store_,
                             .board = board_,
                             .http = http_,
                             .clock = clock_,
                             .random = [](std::uint32_t) { return 0U; },
                             .rhythm = {std::chrono::minutes(15), 100},
                             .seeder_url = tests::kSecureSeeder,
                             .token_file = {}},
                            open_machine_key(system_files(), folder_.path())};
  Bytes metered_fallback_ = 0_B;
  Bytes slow_link_ = 0_B;
  std::chrono::steady_clock::time_point steady_{};
  Link link_ = Link::normal;
  int offered_again_ = 0;
  std::stop_source stop_;
};

TEST_F(DeliveryTest, AChainIsHandedOverInOrderAndItsBytesAddUp) {
  EXPECT_EQ(kind_of_delivery(), "chain completed");
  EXPECT_THAT(installer_.packages, ElementsAre(first(), second()));
  const auto history = store_.history(1);
  ASSERT_TRUE(history);
  EXPECT_EQ(history->at(0).bytes.site, 20_B);
  EXPECT_EQ(plan().from, "1.0.0");
  EXPECT_EQ(plan().to, "1.2.0");
  EXPECT_TRUE(plan().ways.at(0).is_chosen);
  EXPECT_EQ(plan().ways.at(0).kind, "chain");
  EXPECT_THAT(plan().ways.at(0).packages, ElementsAre(two_.deltas[0].file.path, wanted_.deltas[0].file.path));
  EXPECT_THAT(verdict("delta"), HasSubstr("costs more"));
}

TEST_F(DeliveryTest, WhoHasANewReleaseIsAskedBeforeItIsPlanned) {
  two_.deltas.clear();
  installer_.wants["app"] = wanted_;
  swarm_.seeds = {{wanted_.full.info_hash, 2}};
  EXPECT_EQ(kind_of_delivery(), "full completed") << "nothing of it was here before";
  ASSERT_EQ(swarm_.asked_about.size(), 1U);
  EXPECT_THAT(swarm_.asked_about[0], testing::Contains(wanted_.full.info_hash));
  EXPECT_EQ(plan().ways.at(0).site, 1000_B);
  EXPECT_EQ(plan().ways.at(0).origin, 0_B);
  EXPECT_THAT(plan().reason, HasSubstr("2 neighbours have it"));
  EXPECT_THAT(verdict("delta"), HasSubstr("who has it is not known"));
}

TEST_F(DeliveryTest, WithoutATrackerTheOriginIsReckonedWith) {
  swarm_.tracker_error = Error{ErrorKind::unreachable, "ask the tracker", "no answer"};
  EXPECT_EQ(kind_of_delivery(), "chain completed");
  EXPECT_EQ(plan().ways.at(0).origin, 20_B);
}

TEST_F(DeliveryTest, WhatIsOnDiskIsNotFetched) {
  installer_.on_disk = {wanted_.content};
  EXPECT_EQ(kind_of_delivery(), "nothing completed");
  EXPECT_TRUE(swarm_.fetched.empty());
  EXPECT_THAT(installer_.from_disk, ElementsAre("app"));
  EXPECT_TRUE(swarm_.asked_about.empty()) << "nothing has to be fetched";
  EXPECT_THAT(installer_.verified, ElementsAre(wanted_.content)) << "no base is needed then";
  EXPECT_EQ(store_.history(1)->at(0).bytes.verified(), 0_B);
}

TEST_F(DeliveryTest, WhatRunsUnderAnotherCounterIsNotEvenVerified) {
  wanted_.content = one_.content;
  installer_.wants["app"] = wanted_;
  EXPECT_EQ(kind_of_delivery(), "nothing completed");
  EXPECT_TRUE(swarm_.fetched.empty());
  EXPECT_TRUE(installer_.verified.empty());
}

TEST_F(DeliveryTest, ATreeOnDiskThatFailsIsFollowedByTheNextWay) {
  installer_.on_disk = {wanted_.content};
  installer_.endings[wanted_.content] = tests::make_outcome(0, "", "failed");
  EXPECT_EQ(kind_of_delivery(), "chain completed");
  EXPECT_THAT(verdict("nothing"), HasSubstr("failed just now"));
}

TEST_F(DeliveryTest, ADamagedBaseIsFollowedByTheFullPackageAndSaysSo) {
  installer_.damage[one_.content] = "1.0.0 on disk is damaged: share/data";
  EXPECT_EQ(kind_of_delivery(), "full completed");
  EXPECT_THAT(installer_.packages, ElementsAre(wanted_.full.sha256));
  EXPECT_THAT(verdict("delta"), HasSubstr("share/data"));
  EXPECT_THAT(*store_.bad_packages(), IsEmpty()) << "no package is to blame";
}

TEST_F(DeliveryTest, WaysThatFailFallBackInOrder) {
  installer_.endings[second()] = tests::make_outcome(0, "", "failed");
  installer_.endings[direct()] = tests::make_outcome(0, "", "failed");
  EXPECT_EQ(kind_of_delivery(), "full completed");
  EXPECT_THAT(installer_.packages, ElementsAre(first(), second(), direct(), wanted_.full.sha256));
  EXPECT_EQ(offered_again_, 2);
}

TEST_F(DeliveryTest, TheLastFailureIsTheOutcome) {
  for (const auto& package : {second(), direct(), wanted_.full.sha256}) {
    auto ending = tests::make_outcome(0, "", "failed");
    ending.reason = "no luck with " + package.hex();
    installer_.endings[package] = ending;
  }
  const auto outcome = deliver();
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->reason, "no luck with " + wanted_.full.sha256.hex());
}

TEST_F(DeliveryTest, AStepThatCannotBeHadIsNotTriedAgain) {
  swarm_.failures.insert_or_assign(second(), Error{ErrorKind::corrupt, "fetch", "its SHA-256 differs"});
  EXPECT_EQ(kind_of_delivery(), "delta completed");
  EXPECT_THAT(*store_.bad_packages(), ElementsAre(second()));
}

TEST_F(DeliveryTest, AFullPackageThatCannotBeHadIsFetchedAgain) {
  for (const auto& package : {first(), direct(), wanted_.full.sha256})
    swarm_.failures.insert_or_assign(package, Error{ErrorKind::corrupt, "fetch", "its SHA-256 differs"});
  EXPECT_FALSE(deliver());
  EXPECT_THAT(*store_.bad_packages(), testing::UnorderedElementsAre(first(), direct()));
  swarm_.failures.clear();
  EXPECT_EQ(kind_of_delivery(), "full completed");
}

TEST_F(DeliveryTest, WhatTheInstallerPutAsideIsNotOfferedAgain) {
  installer_.state.products[0].quarantine = {{second(), two_.content, "1.2.0", "wrong bytes came out", {}},
                                             {direct(), one_.content, "1.2.0", "wrong bytes came out", {}}};
  EXPECT_EQ(kind_of_delivery(), "full completed");
  EXPECT_THAT(installer_.packages, ElementsAre(wanted_.full.sha256));
  EXPECT_THAT(verdict("delta"), HasSubstr("wrong bytes came out"));
}

TEST_F(DeliveryTest, ARefusalAsQuarantinedIsTheInstallersToForget) {
  installer_.refusals.insert_or_assign(
      first(), Error{ErrorKind::untrusted, "offer_package", "it was tried before", "quarantined"});
  EXPECT_EQ(kind_of_delivery(), "delta completed");
  EXPECT_THAT(*store_.bad_packages(), IsEmpty());
}

TEST_F(DeliveryTest, AllPutAsideWaitsForANewerRelease) {
  installer_.state.products[0].quarantine = {{second(), two_.content, "1.2.0", "why", {}},
                                             {direct(), one_.content, "1.2.0", "why", {}},
                                             {wanted_.full.sha256, std::nullopt, "1.2.0", "why", {}}};
  const auto outcome = deliver();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().reason, "no_package");
  EXPECT_TRUE(swarm_.fetched.empty());
}

TEST_F(DeliveryTest, FallbacksOnAMeteredLinkSpendAMonthlyBudget) {
  link_ = Link::metered;
  metered_fallback_ = 1500_B;
  const auto aside = [&] {
    installer_.state.products[0].quarantine = {{second(), two_.content, "1.2.0", "why", {}},
                                               {direct(), one_.content, "1.2.0", "why", {}}};
  };
  aside();
  EXPECT_EQ(kind_of_delivery(), "full completed");
  installer_.state.products.clear();
  installer_.add_product("app", &one_);
  aside();
  ASSERT_TRUE(store_.forget_download(wanted_.full.sha256));
  const auto refused = deliver();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "over_budget");
  EXPECT_THAT(refused.error().cause, HasSubstr("500 B"));
  EXPECT_EQ(swarm_.fetched.size(), 1U);
  clock_.advance(std::chrono::hours(24 * 31));
  EXPECT_EQ(kind_of_delivery(), "full completed");
}

TEST_F(DeliveryTest, WhatCameOfAFallbackBeforeAFailureIsSpentToo) {
  link_ = Link::metered;
  metered_fallback_ = 1500_B;
  installer_.state.products[0].quarantine = {{second(), two_.content, "1.2.0", "why", {}},
                                             {direct(), one_.content, "1.2.0", "why", {}}};
  swarm_.failures[wanted_.full.sha256] = {ErrorKind::unreachable, "fetch", "nobody has it"};
  swarm_.before_failure = 700_B;
  ASSERT_FALSE(deliver());
  EXPECT_EQ(MonthlyCount(store_, "metered_fallback_spent").sum(clock_.now()), 700_B);
  swarm_.failures.clear();
  EXPECT_EQ(kind_of_delivery(), "full completed") << "what came lies on disk: 300 bytes are to come, 800 are left";
}

TEST_F(DeliveryTest, AFallbackThatHasToBeginAnewMustFitIntoWhatIsLeft) {
  link_ = Link::metered;
  metered_fallback_ = 1500_B;
  installer_.state.products[0].quarantine = {{second(), two_.content, "1.2.0", "why", {}},
                                             {direct(), one_.content, "1.2.0", "why", {}}};
  swarm_.failures[wanted_.full.sha256] = {ErrorKind::corrupt, "fetch", "other bytes", "digest"};
  swarm_.before_failure = 1000_B;
  ASSERT_FALSE(deliver());
  const auto refused = deliver();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "over_budget");
  EXPECT_EQ(swarm_.fetched.size(), 1U);
}

TEST_F(DeliveryTest, AnOlderInstallerThatVerifiesNothingStillUpdates) {
  installer_.present_error =
      Error{ErrorKind::invalid, "ask the installer for present", "it does not know this question"};
  EXPECT_EQ(kind_of_delivery(), "chain completed");
}

/// No delta leads from 1.0.0 to 1.2.0. Its full package has ten pieces, of which the first holds the index.
class SparseDeliveryTest : public DeliveryTest {
 protected:
  SparseDeliveryTest() {
    wanted_.deltas.clear();
    wanted_.full.piece_length = 100_B;
    wanted_.index_length = 90_B;
    installer_.wants["app"] = wanted_;
    swarm_.view.neighbours = 1;
    installer_.lacks =
        messages::MissingParts{.parts = {{250_B, 60_B}, {990_B, 10_B}}, .needed = 70_B, .from_disk = 5000_B};
  }
  std::vector<std::vector<std::uint32_t>> pieces_fetched() const {
    std::vector<std::vector<std::uint32_t>> all;
    for (const auto& request : swarm_.fetched) all.push_back(request.pieces);
    return all;
  }
  using Pieces = std::vector<std::uint32_t>;

  /// The machine is alone, and the installer says what exactly is missing.
  void be_alone() {
    swarm_.view.neighbours = 0;
    installer_.lacks->frames = {
        {{250_B, 20_B}, sha256("a")}, {{280_B, 30_B}, sha256("b")}, {{400_B, 100_B}, sha256("c")}};
    installer_.lacks->needed = 150_B;
  }
};

TEST_F(SparseDeliveryTest, TheIndexIsFetchedThenWhatIsMissing) {
  EXPECT_EQ(kind_of_delivery(), "sparse completed");
  EXPECT_THAT(pieces_fetched(), ElementsAre(Pieces{0}, Pieces{0, 2, 3, 9}));
  EXPECT_THAT(installer_.parts_of, ElementsAre(wanted_.full.sha256));
  EXPECT_THAT(installer_.packages, IsEmpty());
  EXPECT_EQ(plan().ways.at(0).kind, "sparse");
  EXPECT_EQ(plan().ways.at(0).disk, 100_B);
  EXPECT_EQ(plan().ways.at(0).origin, 300_B);
  EXPECT_THAT(verdict("full"), HasSubstr("costs more"));
  EXPECT_GT(store_.history(1)->at(0).bytes.verified(), 0_B);
  EXPECT_FALSE(store_.downloads()->at(0).is_whole()) << "it must not be taken for the whole package later";
}

TEST_F(SparseDeliveryTest, AMachineThatIsAloneFetchesExactlyWhatIsMissing) {
  be_alone();
  EXPECT_EQ(kind_of_delivery(), "sparse completed");
  EXPECT_THAT(pieces_fetched(), ElementsAre(Pieces{}, Pieces{4}));
  const SignedPart index{{0_B, 90_B}, wanted_.index_digest};
  EXPECT_THAT(swarm_.fetched.at(0).parts, ElementsAre(index));
  EXPECT_THAT(swarm_.fetched.at(1).parts,
              ElementsAre(index, SignedPart{{250_B, 20_B}, sha256("a")}, SignedPart{{280_B, 30_B}, sha256("b")}));
  EXPECT_EQ(plan().ways.at(0).disk, 90_B);
  EXPECT_EQ(plan().ways.at(0).origin, 150_B);
}

TEST_F(SparseDeliveryTest, WhereTheOriginGivesNoRangesPiecesAreFetched) {
  be_alone();
  swarm_.range_failure = Error{ErrorKind::corrupt, "fetch", "HTTP status 200 where a range was asked for", "range"};
  EXPECT_EQ(kind_of_delivery(), "sparse completed");
  EXPECT_THAT(pieces_fetched(), ElementsAre(Pieces{}, Pieces{0}, Pieces{0, 4}, Pieces{0, 2, 3, 9}));
  EXPECT_EQ(plan().ways.at(0).disk, 100_B);
  EXPECT_EQ(plan().ways.at(0).origin, 300_B) << "the plan says what is fetched in the end";
  EXPECT_THAT(installer_.packages, IsEmpty());
}

TEST_F(SparseDeliveryTest, AStopOrAFullDiskIsNoReasonToFetchPieces) {
  be_alone();
  for (const auto kind : {ErrorKind::cancelled, ErrorKind::no_space}) {
    swarm_.fetched.clear();
    swarm_.range_failure = Error{kind, "fetch", "why"};
    ignore_failure(deliver(), "seen by what was fetched");
    EXPECT_THAT(swarm_.fetched.at(0).parts, testing::SizeIs(1));
    for (const auto& request : swarm_.fetched) EXPECT_TRUE(request.is_whole() || !request.parts.empty());
  }
}

TEST_F(SparseDeliveryTest, PartsOutsideOfThePackageAreNotAskedFor) {
  be_alone();
  installer_.lacks->frames = {{{990_B, 20_B}, sha256("a")}};
  EXPECT_EQ(kind_of_delivery(), "full completed");
  EXPECT_THAT(verdict("sparse"), HasSubstr("outside of the package"));
}

TEST_F(SparseDeliveryTest, WhatTheHistoryHasIsNotCountedAgain) {
  installer_.ending_of_parts = tests::make_outcome(0, "", "failed");
  EXPECT_EQ(kind_of_delivery(), "full completed");
  const auto history = *store_.history(2);
  EXPECT_EQ(history.at(1).outcome.kind, "sparse");
  EXPECT_EQ(history.at(1).bytes.site, 1000_B);
  EXPECT_EQ(history.at(0).outcome.kind, "full");
  EXPECT_EQ(history.at(0).bytes.site, 0_B);
  EXPECT_EQ(history.at(0).bytes.disk, 1000_B);
}

TEST_F(SparseDeliveryTest, WhereADeltaServesTheIndexIsNotFetched) {
  tests::add_delta(wanted_, one_, 900_B);
  installer_.wants["app"] = wanted_;
  EXPECT_EQ(kind_of_delivery(), "delta completed");
  EXPECT_THAT(pieces_fetched(), ElementsAre(Pieces{}));
}

TEST_F(SparseDeliveryTest, ADeltaThatFailsIsFollowedBySparseAndThatByTheFullPackage) {
  tests::add_delta(wanted_, one_, 900_B);
  installer_.wants["app"] = wanted_;
  installer_.endings[wanted_.deltas[0].file.sha256] = tests::make_outcome(0, "", "failed");
  installer_.ending_of_parts = tests::make_outcome(0, "", "failed");
  installer_.ending_of_parts->reason = "share/data was changed meanwhile";
  EXPECT_EQ(kind_of_delivery(), "full completed");
  EXPECT_THAT(pieces_fetched(), ElementsAre(Pieces{}, Pieces{0}, Pieces{0, 2, 3, 9}, Pieces{}));
  EXPECT_THAT(verdict("sparse"), HasSubstr("share/data was changed meanwhile"));
  EXPECT_THAT(*store_.bad_packages(), IsEmpty()) << "the full package is not to blame";
  EXPECT_TRUE(store_.downloads()->at(0).is_whole() || store_.downloads()->at(1).is_whole());
}

TEST_F(SparseDeliveryTest, AnInstallerThatCannotSayGetsTheFullPackage) {
  installer_.lacks.reset();
  EXPECT_EQ(kind_of_delivery(), "full completed");
  EXPECT_THAT(pieces_fetched(), ElementsAre(Pieces{0}, Pieces{}));
  EXPECT_THAT(verdict("sparse"), HasSubstr("does not know this question"));
}

TEST_F(SparseDeliveryTest, AnIndexThatDoesNotComeIsWaitedForAndOneThatIsWrongIsNot) {
  swarm_.failures.insert_or_assign(wanted_.full.sha256, Error{ErrorKind::unreachable, "fetch", "nobody has it"});
  EXPECT_EQ(deliver().error().kind, ErrorKind::unreachable);
  EXPECT_EQ(swarm_.fetched.size(), 1U);
  swarm_.failures.insert_or_assign(wanted_.full.sha256, Error{ErrorKind::corrupt, "fetch", "another torrent"});
  EXPECT_EQ(deliver().error().kind, ErrorKind::corrupt);
  EXPECT_THAT(verdict("sparse"), HasSubstr("another torrent"));
}

TEST_F(DeliveryTest, OnAMeteredLinkTheFewestBytesWin) {
  wanted_.deltas[1].file.length = 30_B;
  EXPECT_EQ(make_plan({.wanted = wanted_,
                       .releases = {one_, two_, wanted_},
                       .installed_version = "1.0.0",
                       .installed = one_.content})
                .chosen()
                ->kind,
            WayKind::delta);
  link_ = Link::metered;
  installer_.wants["app"] = wanted_;
  EXPECT_EQ(kind_of_delivery(), "chain completed");
  EXPECT_EQ(plan().link, "metered");
}

/// The full package comes from neighbours, or 500 bytes in a delta from the origin.
class SlowLinkTest : public DeliveryTest {
 protected:
  SlowLinkTest() {
    two_.deltas.clear();
    installer_.wants["app"] = wanted_;
    swarm_.seeds = {{wanted_.full.info_hash, 2}};
    slow_link_ = 128_KiB;
  }
  void measure(Bytes a_second, std::size_t times = 1) {
    for (std::size_t i = 0; i < times; ++i) ASSERT_TRUE(LineRate(store_).note(a_second, clock_.now()));
  }
  void begin_anew() {
    ASSERT_TRUE(store_.forget_download(wanted_.full.sha256));
    installer_.state.products.clear();
    installer_.add_product("app", &one_);
  }
};

TEST_F(SlowLinkTest, IsWhatNeverBroughtEnoughAndTheFewestBytesWinOnIt) {
  measure(100_KiB);
  measure(40_KiB, 2);
  EXPECT_EQ(kind_of_delivery(), "delta completed");
  EXPECT_EQ(plan().link, "slow");
  EXPECT_THAT(plan().reason, HasSubstr("the fewest bytes, on a slow link (100 KiB a second is the most"));
  EXPECT_THAT(plan().reason, HasSubstr("less than slow_link, 128 KiB"));
}

TEST_F(SlowLinkTest, OneFastTransferIsEnoughAndNoneSaysNothing) {
  EXPECT_EQ(kind_of_delivery(), "full completed");
  EXPECT_EQ(plan().link, "normal");
  measure(40_KiB, 2);
  measure(128_KiB);
  begin_anew();
  EXPECT_EQ(kind_of_delivery(), "full completed");
}

TEST_F(SlowLinkTest, TheAdministratorMaySayThatThereIsNone) {
  measure(40_KiB);
  slow_link_ = 0_B;
  EXPECT_EQ(kind_of_delivery(), "full completed");
}

TEST_F(SlowLinkTest, IsForgotten) {
  measure(40_KiB);
  clock_.advance(LineRate::kForgotten + std::chrono::hours(1));
  EXPECT_EQ(kind_of_delivery(), "full completed");
}

TEST_F(SlowLinkTest, WhatComesFromTheOriginIsTimedAlsoWhereItFails) {
  swarm_.comes.resize(5);
  for (std::size_t i = 0; i < 5; ++i) swarm_.comes[i].origin_http = Bytes{(i + 1) * 65'536};
  measure(1_KiB, LineRate::kFewest - 1);
  EXPECT_EQ(kind_of_delivery(), "full completed");
  EXPECT_EQ(LineRate(store_).best(clock_.now()), 64_KiB) << "four pieces in four seconds after the first";
  clock_.advance(LineRate::kForgotten + std::chrono::hours(1));
  measure(1_KiB, LineRate::kFewest - 1);
  begin_anew();
  swarm_.failures[wanted_.full.sha256] = {ErrorKind::unreachable, "fetch", "nobody has it"};
  EXPECT_FALSE(deliver());
  EXPECT_EQ(LineRate(store_).best(clock_.now()), 64_KiB);
}

}  // namespace
}  // namespace upswarm::agent
