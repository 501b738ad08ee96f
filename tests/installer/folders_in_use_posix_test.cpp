#include "installer/folders_in_use.hpp"

#include <gtest/gtest.h>

#include <unistd.h>

#include <csignal>
#include <thread>

#include "protocol/base/process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

using namespace std::chrono_literals;

class FoldersInUseTest : public testing::Test {
 protected:
  FoldersInUseTest() {
    for (const char* const version : {"1.0.0", "2.0.0"}) {
      std::filesystem::create_directories(versions / version);
      std::filesystem::copy_file("/bin/sleep", versions / version / "app");
    }
  }
  /// For as long as the result lives.
  static std::jthread run(const Path& program, const Path& work) {
    ProcessSpec spec;
    spec.argv = {program.string(), "60"};
    spec.folder = work;
    return std::jthread(
        [spec](const std::stop_token& stop) { ignore_failure(run_process(spec, stop), "it is stopped"); });
  }
  std::map<std::string, std::string> users() const {
    auto told = folders_in_use(versions, 1min, {});
    EXPECT_TRUE(told) << told.error().message();
    return told ? *told : std::map<std::string, std::string>{};
  }
  bool is_used(const std::string& version) const { return users().contains(version); }

  tests::TemporaryFolder folder;
  Path versions = std::filesystem::canonical(folder.path()) / "versions";
};

TEST_F(FoldersInUseTest, NobodyUsesWhatOnlyLiesThere) { EXPECT_TRUE(users().empty()); }

TEST_F(FoldersInUseTest, AProgramThatRunsNeedsItsFolder) {
  {
    const auto running = run(versions / "1.0.0/app", "/");
    EXPECT_TRUE(tests::eventually([&] { return is_used("1.0.0"); }));
    EXPECT_FALSE(is_used("2.0.0"));
    EXPECT_TRUE(users()["1.0.0"].starts_with("process ")) << users()["1.0.0"];
    EXPECT_TRUE(users()["1.0.0"].ends_with(", account " + std::to_string(::geteuid())));
  }
  EXPECT_TRUE(tests::eventually([&] { return !is_used("1.0.0"); }));
}

TEST_F(FoldersInUseTest, SoDoesOneThatWorksThere) {
  const auto running = run("/bin/sleep", versions / "2.0.0");
  EXPECT_TRUE(tests::eventually([&] { return is_used("2.0.0"); }));
}

TEST_F(FoldersInUseTest, ALookHasALimitAndCanBeStopped) {
  EXPECT_EQ(folders_in_use(versions, 0ms, {}).error().kind, ErrorKind::busy);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(folders_in_use(versions, 1min, stop.get_token()).error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace upswarm::installer
