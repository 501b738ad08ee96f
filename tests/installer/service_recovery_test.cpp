// Until what a restart interrupted is finished, of all products, nothing new is begun.
#include "tests/installer/service_fixture.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::installer {
namespace {

/// A disk at which something is asked between the recoveries of two products.
class AskedBetween final : public tests::UnsyncedFiles {
 public:
  AskedBetween() : UnsyncedFiles(system_files()) {}
  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    if (path.filename() == "second.json" && ask) std::exchange(ask, nullptr)();
    return UnsyncedFiles::open(path);
  }
  std::function<void()> ask;
};

class ServiceRecoveryTest : public ServiceFixture {
 protected:
  ServiceRecoveryTest() { files = &disk; }
  ~ServiceRecoveryTest() override { service.reset(); }

  void restart() {
    service.reset();
    auto opened = InstallerService::open(config, disk, clock);
    ASSERT_TRUE(opened) << opened.error().message();
    service = std::move(*opened);
  }
  std::string reason(const Result<Json>& answer) { return answer ? "accepted" : answer.error().reason; }

  /// Everything that would begin something, or change a record.
  void expect_nothing_is_taken() {
    const auto judged = ask("offer_metadata", messages::make_offer(simulator.files));
    ASSERT_TRUE(judged) << judged.error().message();
    const std::string held = (*judged)["decisions"][0]["reason"];
    EXPECT_NE(held.find("still finishes what a restart interrupted"), std::string::npos) << held;
    EXPECT_EQ(reason(ask("install_kept", {{"product", "app"}})), "") << "nothing is wanted";
    EXPECT_EQ(offer(3, 1, false), "recovering");
    EXPECT_EQ(reason(ask("present", {{"product", "app"}, {"contents", Json::array()}})), "recovering");
    EXPECT_EQ(reason(ask("forget_outcomes", {{"up_to", 1}})), "recovering");
    EXPECT_EQ(reason(ask_as_root("rollback", {{"product", "app"}})), "recovering");
    EXPECT_EQ(reason(ask_as_root("clear_bad", {{"product", "app"}})), "recovering");
  }
  /// What the application that is in probation, and who looks on, may ask.
  void expect_questions_are_answered() {
    const auto hello = messages::parse_hello(*ask("hello", Json::object()));
    ASSERT_TRUE(hello) << hello.error().message();
    EXPECT_TRUE(hello->products.at(0).busy);
    EXPECT_TRUE(ask("progress", Json::object()));
    const Json question{{"ask", "confirm"}, {"product", "app"}, {"token", "no token"}};
    EXPECT_EQ(service->answer({.user = 1, .process = 1}, "confirm", question, nullptr).error().kind,
              ErrorKind::not_found);
  }

  AskedBetween disk;
};

TEST_F(ServiceRecoveryTest, NothingIsTakenBeforeIt) {
  restart();
  expect_nothing_is_taken();
  expect_questions_are_answered();
  service->recover({});
  EXPECT_EQ(wants(), "wanted 1.3.0");
  EXPECT_EQ(offer(3, 1, false), "accepted");
}

TEST_F(ServiceRecoveryTest, NothingIsTakenBetweenTwoProducts) {
  config.products.push_back(config.products[0]);
  config.products[1].product = "second";
  config.products[1].root = folder / "second";
  restart();
  int asked = 0;
  disk.ask = [&] {
    ++asked;
    expect_nothing_is_taken();
    EXPECT_FALSE((*ask("progress", Json::object())).at("products").empty()) << "so that an agent waits for its end";
  };
  service->recover({});
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(wants(), "wanted 1.3.0");
}

TEST_F(ServiceRecoveryTest, OneThatWasCutShortIsNotOver) {
  restart();
  std::stop_source stop;
  stop.request_stop();
  service->recover(stop.get_token());
  expect_nothing_is_taken();
}

}  // namespace
}  // namespace upswarm::installer
