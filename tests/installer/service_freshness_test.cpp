// Freshness is asked for when staging starts, and at no other time.
#include "installer/service.hpp"
#include "tests/support/stolen_keys.hpp"

namespace upswarm::installer {
namespace {

using std::chrono::days;
using std::chrono::seconds;

class ServiceFreshnessTest : public tests::StolenKeys {
 protected:
  void SetUp() override {
    folder.write("root.json", simulator.files.at("metadata/1.root.json"));
    config.state_folder = folder / "state";
    config.socket = folder / "run/installer.sock";
    config.root_file = folder / "root.json";
    config.agent_account = "4711";
    config.products = {{.product = "app", .channel = "stable", .platform = "linux-x64", .root = folder / "root"}};
    auto opened = InstallerService::open(config, system_files(), clock);
    ASSERT_TRUE(opened) << opened.error().message();
    service = std::move(*opened);
    service->recover({});
    filter = {item_of(index.entries[1], 1000)};
    put_filter();
    sign_online();
    folder.write("package", "short");
  }
  Result<Json> ask(const std::string& word, Json question, std::unique_ptr<InputFile> file = nullptr) {
    question["ask"] = word;
    return service->answer({.user = 4711, .process = 1}, word, question, std::move(file));
  }
  std::string offers_metadata() {
    const auto answer = ask("offer_metadata", messages::make_offer(simulator.files));
    return answer ? (*answer)["decisions"][0]["kind"].get<std::string>() : answer.error().reason;
  }
  /// The file is no package: what it is refused for tells whether it was looked at.
  std::string offers_package() {
    auto file = system_files().open(folder / "package");
    const auto answer =
        ask("offer_package", {{"product", "app"}, {"sha256", index.entries[1].full.sha256.hex()}}, std::move(*file));
    return answer ? "accepted" : answer.error().reason;
  }

  InstallerConfig config;
  std::unique_ptr<InstallerService> service;
};

TEST_F(ServiceFreshnessTest, APackageIsTakenWhileTheMetadataIsFresh) {
  ASSERT_EQ(offers_metadata(), "wanted");
  advance(days(1) - seconds(1));
  EXPECT_EQ(offers_package(), "wrong_length");
}

TEST_F(ServiceFreshnessTest, APackageThatWasHeldBackTooLongIsNotStaged) {
  ASSERT_EQ(offers_metadata(), "wanted");
  advance(days(1));
  EXPECT_EQ(offers_package(), "expired");
  sign_timestamp();
  ASSERT_EQ(offers_metadata(), "wanted");
  EXPECT_EQ(offers_package(), "wrong_length");
}

TEST_F(ServiceFreshnessTest, AClockSetBackDoesNotFreshenIt) {
  ASSERT_EQ(offers_metadata(), "wanted");
  advance(days(1));
  EXPECT_EQ(offers_metadata(), "expired");
  EXPECT_EQ(offers_package(), "expired");
  advance(seconds(-days(30)));
  EXPECT_NE(offers_package(), "accepted");
}

TEST_F(ServiceFreshnessTest, ExpiredMetadataDoesNotHinderTheAdministrator) {
  ASSERT_EQ(offers_metadata(), "wanted");
  advance(days(400));
  EXPECT_EQ(offers_metadata(), "expired");
  const Json question{{"ask", "rollback"}, {"product", "app"}};
  EXPECT_TRUE(service->answer({.user = 0, .process = 1}, "rollback", question, nullptr));
  EXPECT_TRUE(service->answer({.user = 0, .process = 1}, "hello", Json{{"ask", "hello"}}, nullptr));
}

}  // namespace
}  // namespace upswarm::installer
