#include "installer/service.hpp"

#include <gtest/gtest.h>

#include "installer/guard.hpp"
#include "tests/support/release_fixture.hpp"

namespace upswarm::installer {
namespace {

constexpr std::uint32_t kStranger = 54321;

class ServiceTest : public testing::Test {
 protected:
  void SetUp() override {
    config.state_folder = folder / "state";
    config.socket = folder / "run/installer.sock";
    config.agent_account = "4711";
    config.products = {{.product = "app", .channel = "stable", .platform = "linux-x64", .root = folder / "root"}};
    auto opened = InstallerService::open(config, system_files(), clock);
    ASSERT_TRUE(opened) << opened.error().message();
    service = std::move(*opened);
    service->recover({});
  }

  Result<Json> ask(std::uint32_t user, const std::string& word, Json question = Json::object()) {
    question["ask"] = word;
    return service->answer({.user = user, .process = 1}, word, question, nullptr);
  }

  tests::TemporaryFolder folder;
  tests::FakeClock clock;
  InstallerConfig config;
  std::unique_ptr<InstallerService> service;
};

TEST_F(ServiceTest, TheAgentIsToldWhatIsThere) {
  const auto answer = ask(4711, "hello");
  ASSERT_TRUE(answer) << answer.error().message();
  const auto hello = messages::parse_hello(*answer);
  ASSERT_TRUE(hello) << hello.error().message();
  EXPECT_EQ(hello->root_version, 0);
  EXPECT_EQ(hello->machine_id.size(), 32U);
  ASSERT_EQ(hello->products.size(), 1U);
  EXPECT_FALSE(hello->products[0].version);
}

TEST_F(ServiceTest, TheMachineIdStays) {
  const auto before = (*ask(0, "hello"))["machine_id"];
  service.reset();
  auto again = InstallerService::open(config, system_files(), clock);
  ASSERT_TRUE(again);
  const auto answer = (*again)->answer({.user = 0, .process = 1}, "hello", Json{{"ask", "hello"}}, nullptr);
  EXPECT_EQ((*answer)["machine_id"], before);
}

TEST_F(ServiceTest, StrangersAreRefusedEveryQuestion) {
  for (const char* word : {"hello", "offer_metadata", "offer_package", "progress", "outcomes", "forget_outcomes",
                           "rollback", "clear_bad", "present", "missing", "install_kept"}) {
    const auto answer = ask(kStranger, word);
    ASSERT_FALSE(answer) << word;
    EXPECT_EQ(answer.error().kind, ErrorKind::denied) << word;
  }
}

TEST_F(ServiceTest, StrangersTakeNoPlaceOfTheAgentOrAnAdministrator) {
  const auto agent = service->admit({.user = 4711, .process = 1});
  const auto root = service->admit({.user = 0, .process = 1});
  const auto stranger = service->admit({.user = kStranger, .process = 1});
  EXPECT_NE(stranger.kind, agent.kind);
  EXPECT_NE(stranger.kind, root.kind);
  EXPECT_NE(agent.kind, root.kind);
  for (const auto* const terms : {&agent, &root, &stranger}) EXPECT_GE(terms->most, 2U) << terms->kind;
  EXPECT_LE(stranger.longest_frame, 4_KiB);
  EXPECT_LE(stranger.idle, std::chrono::seconds(5));
  EXPECT_EQ(service->admit({.user = kStranger + 1, .process = 1}).kind, stranger.kind);
}

TEST_F(ServiceTest, StrangersTakeNoPlaceOfWhoHasYetToConfirm) {
  folder.write("run/app.awaited", R"({"confirmed":false,"format":1,"programs":"","token":")" + std::string(64, '0') +
                                      R"(","user":)" + std::to_string(kStranger) + "}");
  EXPECT_EQ(ask(kStranger, "confirm", {{"product", "app"}, {"token", "wrong"}}).error().kind, ErrorKind::denied);
  const auto awaited = service->admit({.user = kStranger, .process = 1});
  const auto other = service->admit({.user = kStranger + 1, .process = 1});
  EXPECT_NE(awaited.kind, other.kind);
  for (const auto* const terms : {&awaited, &other}) {
    EXPECT_LE(terms->longest_frame, 4_KiB);
    EXPECT_FALSE(terms->files);
  }
  EXPECT_TRUE(service->admit({.user = 4711, .process = 1}).files);
}

TEST_F(ServiceTest, TheAgentIsNoAdministrator) {
  EXPECT_EQ(ask(4711, "rollback", {{"product", "app"}}).error().kind, ErrorKind::denied);
  EXPECT_EQ(ask(4711, "clear_bad", {{"product", "app"}}).error().kind, ErrorKind::denied);
}

TEST_F(ServiceTest, AProductThatIsNotConfiguredIsUnknown) {
  EXPECT_EQ(ask(0, "rollback", {{"product", "other"}}).error().kind, ErrorKind::not_found);
}

TEST_F(ServiceTest, WithoutARootNothingIsTaken) {
  const auto answer = ask(4711, "offer_metadata", {{"files", Json::object()}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::not_found);
}

TEST_F(ServiceTest, APackageNobodyWantsIsRefused) {
  const auto answer = ask(4711, "offer_package", {{"product", "app"}, {"sha256", sha256("x").hex()}});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::invalid);
}

TEST_F(ServiceTest, AnUnknownQuestionIsRefused) { EXPECT_EQ(ask(0, "make_tea").error().kind, ErrorKind::invalid); }

TEST_F(ServiceTest, AStateFolderThatOthersMayWriteStopsTheStart) {
  std::filesystem::permissions(folder / "state", static_cast<std::filesystem::perms>(0777));
  const auto opened = InstallerService::open(config, system_files(), clock);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "unsafe_folder");
}

TEST_F(ServiceTest, ADamagedRecordStopsTheStart) {
  folder.write("state/products/app.json", "not json");
  service.reset();
  const auto opened = InstallerService::open(config, system_files(), clock);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace upswarm::installer
