#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "installer/closing.hpp"
#include "protocol/base/process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

using std::chrono::seconds;

/// Real programs, in two releases and in a ROOT that shows the first.
class RunningProgramsTest : public testing::Test {
 protected:
  RunningProgramsTest() {
    for (const auto& one : {old_release, new_release}) {
      std::filesystem::create_directories(one.folder / "bin");
      std::filesystem::copy_file("/bin/sleep", one.folder / "bin/app");
      std::filesystem::copy_file("/usr/bin/env", one.folder / "bin/env");
    }
    std::filesystem::create_directories(top / "bin");
    std::filesystem::create_hard_link(old_release.folder / "bin/app", top / "bin/app");
  }
  ~RunningProgramsTest() override {
    for (auto& one : running) one.request_stop();
  }

  /// Until the test ends, or it does.
  void run(std::vector<std::string> argv) {
    ProcessSpec spec;
    spec.argv = std::move(argv);
    spec.folder = "/";
    running.emplace_back(
        [spec](const std::stop_token& stop) { ignore_failure(run_process(spec, stop), "it is stopped"); });
  }
  /// A shell that ignores SIGTERM becomes the program, which then ignores it too.
  void run_deaf(const Path& program) { run({"/bin/sh", "-c", "trap '' TERM; exec \"$0\" 60", program.string()}); }
  std::size_t count(const ReleasePlace& release, const std::string& spared = "nobody-of-the-test") {
    const auto found = table->look(release, spared);
    EXPECT_TRUE(found) << found.error().message();
    return found ? found->size() : 0;
  }
  bool is_seen(const ReleasePlace& release, std::size_t wanted = 1) {
    return tests::eventually([&] { return count(release) == wanted; });
  }
  Result<void> close(const ReleasePlace& release, Running running_ones, std::chrono::milliseconds wait) {
    return close_programs(*table, release, {.running = running_ones, .wait = wait}, "nobody-of-the-test", {});
  }

  tests::TemporaryFolder folder;
  Path top = std::filesystem::canonical(folder.path()) / "root";
  Path versions = top / ".upswarm/versions";
  ReleasePlace old_release{.folder = versions / "1.0.0", .place = versions / "1.0.0"};
  ReleasePlace new_release{.folder = versions / "2.0.0", .place = versions / "2.0.0"};
  std::unique_ptr<ProcessTable> table = make_process_table();
  std::vector<std::jthread> running;
};

TEST_F(RunningProgramsTest, OnlyThoseOfTheReleaseAreFound) {
  run({(old_release.folder / "bin/app").string(), "60"});
  ASSERT_TRUE(is_seen(old_release));
  EXPECT_EQ(count(new_release), 0U);
  const auto found = table->look(old_release, "nobody-of-the-test");
  ASSERT_TRUE(found);
  EXPECT_NE(found->at(0)->name().find("1.0.0/bin/app (process "), std::string::npos) << found->at(0)->name();
  EXPECT_NE(found->at(0)->name().find("account " + std::to_string(::getuid())), std::string::npos);
  EXPECT_FALSE(found->at(0)->has_ended());
}

TEST_F(RunningProgramsTest, TheSparedAccountIsNot) {
  run({(old_release.folder / "bin/app").string(), "60"});
  ASSERT_TRUE(is_seen(old_release));
  EXPECT_EQ(count(old_release, std::to_string(::getuid())), 0U);
}

TEST_F(RunningProgramsTest, AReleaseThatIsNotThereHasNone) {
  EXPECT_EQ(count({.folder = versions / "9.0.0", .place = top}), 0U);
  EXPECT_EQ(count({.folder = {}, .place = {}}), 0U);
}

TEST_F(RunningProgramsTest, TheOtherNameOfItsFileCounts) {
  run({(top / "bin/app").string(), "60"});
  EXPECT_TRUE(is_seen({.folder = old_release.folder, .place = top}));
  EXPECT_EQ(count({.folder = new_release.folder, .place = top}), 0U) << "whose file of that name is another";
  std::filesystem::remove(top / "bin/app");
  EXPECT_EQ(count({.folder = old_release.folder, .place = top}), 1U) << "replaced since";
}

TEST_F(RunningProgramsTest, WhatOnlyReadsThereIsLeftAlone) {
  run({"/bin/sh", "-c", "exec 3<" + (old_release.folder / "bin/app").string() + "; exec sleep 60"});
  run({(new_release.folder / "bin/app").string(), "60"});
  ASSERT_TRUE(is_seen(new_release));
  EXPECT_EQ(count(old_release), 0U);
}

TEST_F(RunningProgramsTest, WhoListensEnds) {
  run({(old_release.folder / "bin/app").string(), "60"});
  run({(new_release.folder / "bin/app").string(), "60"});
  ASSERT_TRUE(is_seen(old_release) && is_seen(new_release));
  const auto closed = close(old_release, Running::ask, seconds(20));
  EXPECT_TRUE(closed) << closed.error().message();
  EXPECT_EQ(count(new_release), 1U) << "of another release";
}

TEST_F(RunningProgramsTest, WhoDoesNotIsEndedOnlyIfThatIsWanted) {
  run_deaf(old_release.folder / "bin/app");
  ASSERT_TRUE(is_seen(old_release));
  const auto asked = close(old_release, Running::ask, std::chrono::milliseconds(50));
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().kind, ErrorKind::busy);
  EXPECT_EQ(count(old_release), 1U);
  const auto closed = close(old_release, Running::end, std::chrono::milliseconds(50));
  EXPECT_TRUE(closed) << closed.error().message();
  EXPECT_EQ(count(old_release), 0U);
}

TEST_F(RunningProgramsTest, AHeldProcessIsNobodyElseAfterItsEnd) {
  run({(old_release.folder / "bin/app").string(), "60"});
  ASSERT_TRUE(is_seen(old_release));
  const auto found = table->look(old_release, "nobody-of-the-test");
  ASSERT_TRUE(found);
  running.clear();
  EXPECT_TRUE(found->at(0)->has_ended());
  EXPECT_TRUE(found->at(0)->signal(RunningProgram::How::end)) << "and reaches nobody";
}

}  // namespace
}  // namespace upswarm::installer
