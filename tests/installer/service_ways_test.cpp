// What may be offered for a wanted release: by its signed digest, in an order that leads to it.
#include "tests/installer/service_fixture.hpp"

namespace upswarm::installer {
namespace {

using ServiceWaysTest = ServiceFixture;

TEST_F(ServiceWaysTest, AChainIsTakenStepByStep) {
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(offer(1, 0, true), "accepted");
  EXPECT_EQ(offer(2, 0, true), "accepted");
  EXPECT_TRUE((*ask("progress", {}))["products"].empty()) << "nothing begins before the last";
  EXPECT_EQ(offer(3, 0, false), "accepted");
  EXPECT_FALSE((*ask("progress", {}))["products"].empty());
}

TEST_F(ServiceWaysTest, AChainWithAHoleIsRefused) {
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(offer(2, 0, true), "wrong_digest") << "1.1.0 is not here";
  EXPECT_EQ(offer(1, 0, true), "accepted");
  EXPECT_EQ(offer(3, 0, false), "wrong_digest");
}

TEST_F(ServiceWaysTest, AChainMustEndAtWhatIsWanted) {
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(offer(1, 0, false), "wrong_digest");
  EXPECT_EQ(offer(1, 0, true), "accepted");
  EXPECT_EQ(offer(2, 0, false), "wrong_digest");
}

TEST_F(ServiceWaysTest, APackageFromWhatIsInstalledBeginsAnew) {
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(offer(1, 0, true), "accepted");
  EXPECT_EQ(offer(1, 0, true), "accepted") << "an agent that was restarted";
  EXPECT_EQ(offer(3, 1, false), "accepted") << "the direct delta";
  EXPECT_FALSE((*ask("progress", {}))["products"].empty());
}

TEST_F(ServiceWaysTest, AQuarantinedRecipeIsNotTakenAgainAlsoAfterARestart) {
  RecordStore records(system_files(), config.state_folder / "products");
  auto record = records.load("app");
  record->put_aside({index.entries[2].deltas[0].file.sha256, index.entries[1].content, "1.2.0", "why", clock.now()});
  ASSERT_TRUE(records.save(*record));
  start();
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(offer(1, 0, true), "accepted");
  EXPECT_EQ(offer(2, 0, true), "quarantined");
  const auto hello = messages::parse_hello(*ask("hello", Json::object()));
  ASSERT_TRUE(hello) << hello.error().message();
  ASSERT_EQ(hello->products.at(0).quarantine.size(), 1U);
  EXPECT_EQ(hello->products.at(0).quarantine[0].reason, "why");
  const Json clear{{"ask", "clear_bad"}, {"product", "app"}};
  const auto cleared = service->answer({.user = 0, .process = 1}, "clear_bad", clear, nullptr);
  ASSERT_TRUE(cleared);
  EXPECT_EQ((*cleared)["cleared"], 1);
  EXPECT_EQ(offer(2, 0, true), "accepted");
}

TEST_F(ServiceWaysTest, PresenceIsOnlyOfWhatIsWantedAndInstalled) {
  const Json question{{"product", "app"},
                      {"contents", {index.entries[0].content.hex(), index.entries[1].content.hex()}}};
  EXPECT_EQ(ask("present", question).error().kind, ErrorKind::invalid) << "nothing is wanted yet";
  ASSERT_EQ(wants(), "wanted 1.3.0");
  install(index.entries[1]);
  const auto answer = ask("present", question);
  ASSERT_TRUE(answer) << answer.error().message();
  const auto presence = messages::parse_presence(*answer);
  ASSERT_TRUE(presence) << presence.error().message();
  EXPECT_TRUE(presence->present.empty());
  ASSERT_EQ(presence->damaged.size(), 1U) << "1.1.0 is none of its business";
  EXPECT_EQ(presence->damaged[0].content, index.entries[0].content);
}

TEST_F(ServiceWaysTest, QuestionsThatOnlyReadEndWhenNobodyWaits) {
  ASSERT_EQ(wants(), "wanted 1.3.0");
  std::stop_source gone;
  gone.request_stop();
  const Json question{{"product", "app"}, {"contents", {index.entries[0].content.hex()}}};
  const auto answer = service->answer({.user = 4711, .process = 1}, "present", question, nullptr, gone.get_token());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::cancelled);
}

/// The first part of a file as long as the wanted full package.
class ServicePartsTest : public ServiceWaysTest {
 protected:
  const trust::Entry& entry() const { return index.entries[3]; }
  std::string offer_parts(const Sha256& digest, Bytes length) {
    folder.write("parts", std::string(length.count, 'x'));
    const Json question{{"product", "app"}, {"sha256", digest.hex()}, {"sparse", true}};
    const auto answer = ask("offer_package", question, *system_files().open(folder / "parts"));
    return answer ? "accepted" : answer.error().reason.empty() ? answer.error().message() : answer.error().reason;
  }
};

TEST_F(ServicePartsTest, OfTheFullPackageTheyAreTaken) {
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(offer_parts(entry().deltas[0].file.sha256, 1_B), "wrong_digest") << "a delta is whole or nothing";
  EXPECT_EQ(offer_parts(entry().full.sha256, entry().full.length + 1_B), "wrong_length");
  EXPECT_EQ(offer_parts(entry().full.sha256, 1_B), "accepted");
  EXPECT_FALSE((*ask("progress", {}))["products"].empty());
}

TEST_F(ServicePartsTest, PutAsideOnWhatIsInstalledTheyAreNotTakenAgain) {
  RecordStore records(system_files(), config.state_folder / "products");
  auto record = records.load("app");
  record->put_aside({entry().full.sha256, index.entries[0].content, "1.3.0", "why", clock.now()});
  ASSERT_TRUE(records.save(*record));
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(offer_parts(entry().full.sha256, 1_B), "quarantined");
}

TEST_F(ServicePartsTest, WhatIsMissingIsSaidOfWhatIsWantedAlone) {
  const Json question{{"product", "app"}};
  folder.write("parts", "no package");
  const auto missing = [&] { return ask("missing", question, *system_files().open(folder / "parts")); };
  EXPECT_EQ(missing().error().kind, ErrorKind::invalid) << "nothing is wanted yet";
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(ask("missing", question).error().kind, ErrorKind::invalid) << "no file";
  EXPECT_EQ(missing().error().kind, ErrorKind::corrupt);
  EXPECT_TRUE((*ask("progress", {}))["products"].empty()) << "it is at rest again";
  folder.write("parts", std::string(entry().full.length.count + 1, 'x'));
  EXPECT_EQ(missing().error().reason, "wrong_length");
}

TEST_F(ServiceWaysTest, AReleaseOfAnotherLayoutIsHeldAndItIsSaidWhy) {
  RecordStore records(system_files(), config.state_folder / "products");
  auto record = records.load("app");
  auto& entry = record->releases.at(0).entry;
  entry.layout = trust::kInPlaceLayout;
  entry.requirements = trust::requirements_of(entry);
  ASSERT_TRUE(records.save(*record));
  EXPECT_EQ(wants(), "held -");
  const auto answer = ask("offer_metadata", messages::make_offer(simulator.files));
  ASSERT_TRUE(answer);
  EXPECT_NE((*answer)["decisions"][0].value("reason", "").find("cannot change its layout"), std::string::npos);
}

TEST_F(ServiceWaysTest, AKeptReleaseNeedsFreshMetadataToo) {
  EXPECT_EQ(ask("install_kept", {{"product", "app"}}).error().kind, ErrorKind::invalid);
  ASSERT_EQ(wants(), "wanted 1.3.0");
  advance(std::chrono::days(1));
  EXPECT_EQ(ask("install_kept", {{"product", "app"}}).error().reason, "expired");
  EXPECT_EQ(ask("present", {{"product", "app"}, {"contents", Json::array()}}).error().kind, ErrorKind::invalid);
  sign_timestamp();
  ASSERT_EQ(wants(), "wanted 1.3.0");
  EXPECT_TRUE(ask("install_kept", {{"product", "app"}}));
}

}  // namespace
}  // namespace upswarm::installer
