// What the running installer does about an installation that could not be finished.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "installer/service.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::installer {
namespace {

/// The n-th sync of the folder `products` fails: what was renamed in it is there, though.
class LateFailure final : public tests::UnsyncedFiles {
 public:
  LateFailure() : UnsyncedFiles(system_files()) {}

  Result<void> sync_folder(const Path& folder) override {
    if (folder.filename() == "products" && --left == 0)
      return Error{ErrorKind::disk, "sync the folder " + folder.string(), "input/output error"};
    return UnsyncedFiles::sync_folder(folder);
  }

  std::atomic<int> left{0};
};

class ServiceRetryTest : public testing::Test {
 protected:
  ServiceRetryTest() {
    config.state_folder = folder / "state";
    config.socket = folder / "run/installer.sock";
    config.agent_account = "4711";
    config.recovery_retry = std::chrono::milliseconds(1);
    config.products = {{.product = "app", .channel = "stable", .platform = "linux-x64", .root = folder / "root"}};
    std::filesystem::create_directories(folder / "root/versions");
    std::filesystem::create_directories(folder / "state/products");
    record.product = "app";
  }

  static trust::Entry entry(const std::string& version, std::int64_t n) {
    trust::Entry made;
    made.counter = {1, n};
    made.version = version;
    made.content = sha256(version);
    made.full = {.path = "pkg/app/linux-x64/" + version + "/app.upk",
                 .length = 100_B,
                 .sha256 = sha256("full" + version),
                 .info_hash = std::string(40, 'b'),
                 .piece_length = 32_KiB};
    made.index_length = 10_B;
    made.index_digest = sha256("index");
    made.salt = "0011";
    return made;
  }

  void start() {
    ASSERT_TRUE(RecordStore(files, config.state_folder / "products").save(record));
    auto opened = InstallerService::open(config, files, clock);
    ASSERT_TRUE(opened) << opened.error().message();
    service = std::move(*opened);
    worker = std::jthread([this](const std::stop_token& stop) { service->work(stop); });
  }

  Result<Json> ask(const std::string& word, Json question) {
    question["ask"] = word;
    return service->answer({.user = 0, .process = 1}, word, question, nullptr);
  }
  void set_others_may_write(bool may) {
    std::filesystem::permissions(folder / "root", std::filesystem::perms::group_write,
                                 may ? std::filesystem::perm_options::add : std::filesystem::perm_options::remove);
  }
  void leave_rollback_that_cannot_end() {
    record.journal = Journal{.phase = Phase::rolling_back,
                             .kind = "full",
                             .to = entry("1.0.0", 1),
                             .from = "",
                             .reason = "it was bad",
                             .started = clock.now()};
    set_others_may_write(true);
  }
  /// Whether recovery was tried once.
  bool has_tried() {
    return tests::eventually([&] { return std::filesystem::exists(folder / "state/products/reserve") && !is_busy(); });
  }
  bool is_busy() {
    const auto hello = messages::parse_hello(*ask("hello", Json::object()));
    return !hello || hello->products.at(0).busy;
  }
  std::vector<messages::Outcome> outcomes() {
    const auto told = messages::parse_outcomes(*ask("outcomes", Json::object()));
    EXPECT_TRUE(told) << told.error().message();
    return *told;
  }

  tests::TemporaryFolder folder;
  InstallerConfig config;
  LateFailure files;
  tests::FakeClock clock;
  ProductRecord record;
  std::unique_ptr<InstallerService> service;
  std::jthread worker;  ///< goes before the service
};

TEST_F(ServiceRetryTest, WhatCouldNotBeFinishedIsTriedAgainUntilItCan) {
  leave_rollback_that_cannot_end();
  start();
  ASSERT_TRUE(has_tried());
  EXPECT_TRUE(outcomes().empty()) << "not yet: somebody may write to ROOT";
  set_others_may_write(false);
  ASSERT_TRUE(tests::eventually([&] { return !outcomes().empty(); }));
  EXPECT_EQ(outcomes().at(0).result, "rolled_back");
}

TEST_F(ServiceRetryTest, WhatWasRecordedBeforeTheDiskFailedIsNotToldTwice) {
  record.current = "2.0.0";
  record.releases = {{entry("1.0.0", 1), clock.now()}, {entry("2.0.0", 2), clock.now()}};
  start();
  ASSERT_TRUE(has_tried());
  files.left = 2;  // the journal is written, the outcome is not synced
  ASSERT_TRUE(ask("rollback", {{"product", "app"}})) << "of which the tree is gone";
  ASSERT_TRUE(tests::eventually([&] { return files.left <= 0 && !is_busy(); }));
  ASSERT_EQ(outcomes().size(), 1U);
  EXPECT_NE(outcomes().at(0).reason.find(".tree"), std::string::npos) << outcomes().at(0).reason;
}

TEST_F(ServiceRetryTest, ARollbackOfWhatCannotBeFinishedSaysSo) {
  leave_rollback_that_cannot_end();
  config.recovery_retry = std::chrono::hours(1);
  start();
  ASSERT_TRUE(has_tried());
  ASSERT_TRUE(ask("rollback", {{"product", "app"}}));
  ASSERT_TRUE(tests::eventually([&] { return !outcomes().empty() && !is_busy(); }));
  EXPECT_EQ(outcomes().at(0).kind, "rollback");
  EXPECT_EQ(outcomes().at(0).result, "failed");
  set_others_may_write(false);
  ASSERT_TRUE(ask("rollback", {{"product", "app"}})) << "which does not wait for the next try";
  ASSERT_TRUE(tests::eventually([&] { return outcomes().size() == 3; }));
  EXPECT_EQ(outcomes().at(1).result, "rolled_back");
}

}  // namespace
}  // namespace upswarm::installer
