// Whatever the agent asks in a loop, an administrator is answered.
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "tests/installer/service_fixture.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::installer {
namespace {

/// Its disk stands still at the first tree that is looked at, until it is told to go on.
class SlowDisk final : public tests::UnsyncedFiles {
 public:
  SlowDisk() : UnsyncedFiles(system_files()) {}

  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    if (path.extension() == ".tree") {
      std::unique_lock lock(mutex_);
      is_reached_ = true;
      changed_.notify_all();
      changed_.wait(lock, [this] { return goes_on_; });
    }
    return UnsyncedFiles::open(path);
  }
  void await_reading() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_reached_; });
  }
  void go_on() {
    const std::lock_guard lock(mutex_);
    goes_on_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_reached_ = false;
  bool goes_on_ = false;
};

/// Whether it comes true, which another thread sees to.
template <typename Condition>
bool eventually(Condition is_true) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!is_true()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

class ServiceAdministratorTest : public ServiceFixture {
 protected:
  ServiceAdministratorTest() { files = &disk; }
  ~ServiceAdministratorTest() override {
    disk.go_on();
    service.reset();
  }

  /// The agent has the installer read all of what is installed, twice over.
  std::future<Result<Json>> let_agent_read() {
    EXPECT_EQ(wants(), "wanted 1.3.0");
    const auto installed = index.entries[0].content.hex();
    const Json question{{"product", "app"}, {"contents", {installed, installed}}};
    auto reading = std::async(std::launch::async, [this, question] { return ask("present", question); });
    disk.await_reading();
    return reading;
  }

  /// Waits until the agent is told that an administrator goes first.
  void await_precedence() {
    const Json question{{"product", "app"}, {"contents", Json::array()}};
    EXPECT_TRUE(eventually([&] { return ask("present", question).error().reason == "administrator_first"; }));
  }

  SlowDisk disk;
};

TEST_F(ServiceAdministratorTest, ARollbackEndsWhatTheAgentHasRead) {
  auto reading = let_agent_read();
  auto rollback = std::async(std::launch::async, [this] { return ask_as_root("rollback", {{"product", "app"}}); });
  await_precedence();
  disk.go_on();
  const auto read = reading.get();
  ASSERT_FALSE(read) << "it looked on, at the second tree";
  EXPECT_EQ(read.error().kind, ErrorKind::busy) << "so that an honest agent asks again";
  EXPECT_EQ(read.error().reason, "administrator_first");
  const auto answer = rollback.get();
  EXPECT_TRUE(answer) << answer.error().message();
}

TEST_F(ServiceAdministratorTest, SoDoesClearingWhatIsBad) {
  auto reading = let_agent_read();
  auto clearing = std::async(std::launch::async, [this] { return ask_as_root("clear_bad", {{"product", "app"}}); });
  await_precedence();
  disk.go_on();
  EXPECT_EQ(reading.get().error().reason, "administrator_first");
  const auto answer = clearing.get();
  EXPECT_TRUE(answer) << answer.error().message();
  EXPECT_TRUE(ask("present", {{"product", "app"}, {"contents", Json::array()}})) << "then the agent may ask again";
}

TEST_F(ServiceAdministratorTest, ARollbackIsTheNextWorkWhateverTheAgentHandedOver) {
  ASSERT_EQ(wants(), "wanted 1.3.0");
  ASSERT_EQ(offer(3, 1, false), "accepted");
  EXPECT_TRUE(ask_as_root("rollback", {{"product", "app"}})) << "the agent's work has not begun";
  EXPECT_EQ(ask_as_root("rollback", {{"product", "app"}}).error().kind, ErrorKind::busy) << "one waits";
  EXPECT_NE(wants(), "wanted 1.3.0") << "nothing gets in between";
}

TEST_F(ServiceAdministratorTest, ARollbackWaitsForTheWorkThatIsUnderWay) {
  install(index.entries[3]);  // so that its tree is looked for
  install(index.entries[0]);
  ASSERT_EQ(wants(), "wanted 1.3.0");
  ASSERT_TRUE(ask("install_kept", {{"product", "app"}}));
  std::jthread worker([this](const std::stop_token& stop) { service->work(stop); });
  disk.await_reading();
  EXPECT_TRUE(ask_as_root("rollback", {{"product", "app"}, {"version", "9.9.9"}}));
  disk.go_on();
  const auto is_told = [this] {
    const auto answer = ask("outcomes", Json::object());
    for (const auto& outcome : (*answer)["outcomes"]) {
      if (outcome["kind"] == "rollback" && outcome["to"] == "9.9.9") return true;
    }
    return false;
  };
  EXPECT_TRUE(eventually(is_told));
}

}  // namespace
}  // namespace upswarm::installer
