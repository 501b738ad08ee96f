#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <sstream>
#include <system_error>
#include <thread>

#include "protocol/base/process.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

using namespace std::chrono_literals;
constexpr int kPatienceMs = 20'000;

ProcessSpec shell(const std::string& script) {
  ProcessSpec spec;
  spec.argv = {"/bin/sh", "-c", script};
  spec.environment = {{"PATH", "/usr/bin:/bin"}};
  return spec;
}

ProcessOutcome run(const ProcessSpec& spec) {
  auto outcome = run_process(spec, {});
  EXPECT_TRUE(outcome) << outcome.error().message();
  return outcome ? std::move(*outcome) : ProcessOutcome{};
}

/// A FIFO that tells when all who hold it are gone: the end of a process that nobody can wait for.
class Lifeline {
 public:
  explicit Lifeline(const tests::TemporaryFolder& folder) : path(folder / "lifeline") {
    EXPECT_EQ(::mkfifo(path.c_str(), 0666), 0);
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    EXPECT_GE(descriptor_, 0);
  }
  Lifeline(const Lifeline&) = delete;
  Lifeline& operator=(const Lifeline&) = delete;
  ~Lifeline() { ::close(descriptor_); }

  /// Waits until somebody wrote a byte.
  bool await_sign_of_life() { return await(POLLIN) && ::read(descriptor_, &byte_, 1) == 1; }
  /// Waits until nobody holds the other end.
  bool await_end() { return await(POLLHUP); }

  Path path;

 private:
  bool await(short event) {
    pollfd wait{descriptor_, event, 0};
    return ::poll(&wait, 1, kPatienceMs) == 1 && (wait.revents & event) != 0;
  }

  int descriptor_ = -1;
  char byte_ = 0;
};

/// Starts a process in the background that holds the lifeline and would run for long.
std::string background(const Lifeline& line) {
  return "(exec 3>'" + line.path.string() + "'; echo . >&3; exec sleep 1000) & ";
}

TEST(Process, GivesExitCodeAndOutput) {
  const auto outcome = run(shell("echo out; echo err >&2; exit 3"));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_FALSE(outcome.succeeded());
  EXPECT_FALSE(outcome.timed_out);
  EXPECT_EQ(outcome.output, "out\nerr\n");
  EXPECT_TRUE(run(shell("true")).succeeded());
}

TEST(Process, KeepsErrorsSeparateWhereThatIsAskedFor) {
  auto spec = shell("echo out; echo err >&2; exit 3");
  spec.separates_errors = true;
  const auto outcome = run(spec);
  EXPECT_EQ(outcome.output, "out\n");
  EXPECT_EQ(outcome.errors, "err\n");
}

TEST(Process, ASignalIsAnExitCodeAbove128) { EXPECT_EQ(run(shell("kill -9 $$")).exit_code, 128 + SIGKILL); }

TEST(Process, InheritsNothingOfTheEnvironment) {
  ASSERT_EQ(::setenv("UPSWARM_TEST_SECRET", "x", 1), 0);
  ProcessSpec spec;
  spec.argv = {"/usr/bin/env"};
  spec.environment = {{"ONE", "1"}, {"TWO", "a b"}};
  EXPECT_EQ(run(spec).output, "ONE=1\nTWO=a b\n");
}

TEST(Process, RunsInItsFolderWithItsWordsAsTheyAre) {
  const tests::TemporaryFolder folder;
  ProcessSpec spec = shell("pwd; printf '[%s]' \"$@\"");
  spec.argv.insert(spec.argv.end(), {"sh", "a b", "", "$HOME;`x`"});
  spec.folder = folder.path();
  EXPECT_EQ(run(spec).output, folder.path().string() + "\n[a b][][$HOME;`x`]");
}

TEST(Process, HasNoInput) { EXPECT_EQ(run(shell("cat; echo done")).output, "done\n"); }

TEST(Process, PassesNoDescriptorOn) {
  const int leaky = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC, as a library might
  ASSERT_GE(leaky, 0);
  const auto outcome = run(shell("for n in /proc/self/fd/*; do [ -e $n ] && echo ${n##*/}; done; exec 2>&-"));
  ::close(leaky);
  EXPECT_EQ(outcome.output, "0\n1\n2\n");
}

TEST(Process, PassesNoBlockedOrIgnoredSignalOn) {
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto old_handler = ::signal(SIGHUP, SIG_IGN);
  const auto by_term = run(shell("kill -TERM $$; echo survived"));
  const auto by_hup = run(shell("kill -HUP $$; echo survived"));
  ::signal(SIGHUP, old_handler);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  EXPECT_EQ(by_term.exit_code, 128 + SIGTERM);
  EXPECT_EQ(by_hup.exit_code, 128 + SIGHUP);
}

TEST(Process, KeepsTheLastOfALongOutput) {
  const auto outcome = run(shell("head -c 300000 /dev/zero | tr '\\0' x; echo end"));
  EXPECT_TRUE(outcome.succeeded());
  EXPECT_EQ(outcome.output.size(), kLongestOutput.count);
  EXPECT_TRUE(outcome.output.ends_with("xxend\n"));
}

TEST(Process, WhenTheTimeIsOverItMayPutThingsRightWithinItsGrace) {
  auto spec = shell("trap 'echo put right; exit 5' TERM; echo waiting; while :; do sleep 0.05; done");
  spec.time_limit = 2s;
  spec.grace = std::chrono::milliseconds(kPatienceMs);
  spec.separates_errors = true;  // there the shell says that its sleep was ended, too
  const auto outcome = run(spec);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_FALSE(outcome.succeeded());
  EXPECT_EQ(outcome.exit_code, 5);
  EXPECT_EQ(outcome.output, "waiting\nput right\n");
}

TEST(Process, WhoDoesNotEndWithinItsGraceIsKilled) {
  auto spec = shell("trap '' TERM; while :; do sleep 0.05; done");
  spec.time_limit = 200ms;
  spec.grace = 200ms;
  const auto outcome = run(spec);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_EQ(outcome.exit_code, 128 + SIGKILL);
}

TEST(Process, TheTimeLimitEndsTheWholeGroup) {
  const tests::TemporaryFolder folder;
  Lifeline line(folder);
  auto spec = shell(background(line) + "echo waiting; wait");
  spec.time_limit = 2s;
  const auto outcome = run(spec);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_FALSE(outcome.succeeded());
  EXPECT_EQ(outcome.output, "waiting\n");
  ASSERT_TRUE(line.await_sign_of_life());
  EXPECT_TRUE(line.await_end());
}

TEST(Process, AStopEndsTheWholeGroup) {
  const tests::TemporaryFolder folder;
  Lifeline line(folder);
  std::stop_source stop;
  const std::jthread stopper([&] {
    EXPECT_TRUE(line.await_sign_of_life());
    stop.request_stop();
  });
  const auto outcome = run_process(shell(background(line) + "wait"), stop.get_token());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(line.await_end());
}

/// Runs it until it holds the lifeline, then stops.
ErrorKind stopped_when_alive(ProcessSpec spec, Lifeline& line) {
  std::stop_source stop;
  const std::jthread stopper([&] {
    EXPECT_TRUE(line.await_sign_of_life());
    stop.request_stop();
  });
  const auto outcome = run_process(spec, stop.get_token());
  return outcome ? ErrorKind::internal : outcome.error().kind;
}

TEST(Process, AStoppedOneMayPutThingsRightWithinItsGrace) {
  const tests::TemporaryFolder folder;
  Lifeline line(folder);
  auto spec = shell("trap 'echo put right > '" + (folder / "done").string() + "'; exit 0' TERM; exec 3>'" +
                    line.path.string() + "'; echo . >&3; while :; do sleep 0.05; done");
  spec.grace = std::chrono::milliseconds(kPatienceMs);
  EXPECT_EQ(stopped_when_alive(spec, line), ErrorKind::cancelled);
  EXPECT_EQ(folder.read("done"), "put right\n");
}

TEST(Process, AStoppedOneThatDoesNotEndWithinItsGraceIsKilled) {
  const tests::TemporaryFolder folder;
  Lifeline line(folder);
  auto spec = shell("trap '' TERM; exec 3>'" + line.path.string() + "'; echo . >&3; while :; do sleep 0.05; done");
  spec.grace = 200ms;
  EXPECT_EQ(stopped_when_alive(spec, line), ErrorKind::cancelled);
  EXPECT_TRUE(line.await_end());
}

TEST(Process, WhoIsAskedInAnotherWayGetsNoSignal) {
  const tests::TemporaryFolder folder;
  auto spec = shell("while [ ! -e '" + (folder / "asked").string() + "' ]; do sleep 0.05; done; exit 5");
  spec.time_limit = 100ms;
  spec.grace = std::chrono::milliseconds(kPatienceMs);
  spec.ask = [&] { folder.write("asked", "", 0644); };
  const auto outcome = run(spec);
  EXPECT_TRUE(outcome.timed_out);
  EXPECT_EQ(outcome.exit_code, 5);
}

TEST(Process, WhatItLeavesBehindEndsWithIt) {
  const tests::TemporaryFolder folder;
  Lifeline line(folder);
  const auto outcome =
      run(shell("exec 4<>'" + line.path.string() + "'; " + background(line) + "read -r dot <&4; exit 0"));
  EXPECT_TRUE(outcome.succeeded()) << outcome.output;
  EXPECT_TRUE(line.await_end());
}

TEST(Process, AMissingProgramIsNotFound) {
  ProcessSpec spec;
  spec.argv = {"/no/such/program"};
  const auto outcome = run_process(spec, {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::not_found);
  EXPECT_EQ(outcome.error().context, "start /no/such/program");
}

TEST(Process, AMissingFolderIsNotFound) {
  auto spec = shell("true");
  spec.folder = "/no/such/folder";
  EXPECT_EQ(run_process(spec, {}).error().kind, ErrorKind::not_found);
}

TEST(Process, AFileThatIsNoProgramIsInvalid) {
  const tests::TemporaryFolder folder;
  folder.write("script", "#!/bin/sh\n", 0644);
  folder.write("other",
               "\x7f"
               "ELF of another machine",
               0755);
  folder.write("folder/file", "");
  ProcessSpec spec;
  for (const char* name : {"script", "other", "folder"}) {
    spec.argv = {(folder / name).string()};
    EXPECT_EQ(run_process(spec, {}).error().kind, ErrorKind::invalid) << name;
  }
  spec.argv = {};
  EXPECT_EQ(run_process(spec, {}).error().kind, ErrorKind::invalid);
}

TEST(Process, AMachineWithoutDescriptorsSaysNothingOfTheProgram) {
  ASSERT_FALSE(std::generic_category().message(EMFILE).empty());  // sanitizers look at a new class through a pipe
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto outcome = run_process(shell("true"), {});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().kind, ErrorKind::denied);
}

TEST(Process, AnUnknownAccountIsNotFound) {
  auto spec = shell("true");
  spec.account = "no-such-account";
  EXPECT_EQ(run_process(spec, {}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(user_id_of("no-such-account").error().kind, ErrorKind::not_found);
  EXPECT_EQ(user_id_of("no-such-account").error().reason, "no_account");
  EXPECT_EQ(*user_id_of("root"), 0U);
  EXPECT_EQ(*user_id_of("1234567"), 1234567U);
}

TEST(Process, RunsAsItsAccountWithItsGroupsAlone) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may change accounts";
  auto spec = shell("id -u; id -G");
  spec.account = "nobody";
  EXPECT_EQ(run(spec).output, std::to_string(*user_id_of("nobody")) + "\n65534\n");
}

/// "CapEff" -> "0000000000000000", of the program that ran as `account`.
std::map<std::string, std::string> status_as(const std::string& account) {
  auto spec = shell("exec cat /proc/self/status");
  spec.account = account;
  std::map<std::string, std::string> fields;
  std::istringstream lines(run(spec).output);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(":\t");
    if (colon != std::string::npos) fields[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return fields;
}

TEST(Process, AnotherAccountHasNoPrivilegesAndGetsNone) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may change accounts";
  auto status = status_as("nobody");
  for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
    EXPECT_EQ(status[set], "0000000000000000") << set;
  EXPECT_EQ(status["NoNewPrivs"], "1");
  EXPECT_EQ(status["Uid"], "65534\t65534\t65534\t65534");
  EXPECT_EQ(status["Gid"], "65534\t65534\t65534\t65534");
}

TEST(Process, TheOwnAccountKeepsWhatItHas) {
  auto status = status_as("");
  EXPECT_EQ(status["NoNewPrivs"], "0");
  if (::geteuid() == 0) {
    EXPECT_NE(status["CapEff"], "0000000000000000");
  }
}

TEST(Process, HasASessionAndAGroupOfItsOwn) {
  const auto outcome = run(shell("exec cat /proc/self/stat"));
  const auto fields = outcome.output.substr(outcome.output.rfind(')') + 2);
  int parent = 0;
  int group = 0;
  int session = 0;
  char state = 0;
  std::istringstream(fields) >> state >> parent >> group >> session;
  EXPECT_EQ(std::to_string(group), outcome.output.substr(0, outcome.output.find(' ')));
  EXPECT_EQ(session, group);
  EXPECT_NE(session, ::getsid(0));
}

TEST(Process, DoesNotOutliveItsCaller) {
  for (const std::string account : {"", "65534"}) {
    if (!account.empty() && ::geteuid() != 0) continue;
    const tests::TemporaryFolder folder;
    Lifeline line(folder);
    ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
    ASSERT_EQ(::chmod(line.path.c_str(), 0666), 0);
    const pid_t caller = ::fork();
    ASSERT_GE(caller, 0);
    if (caller == 0) {
      auto spec = shell("exec 3>'" + line.path.string() + "'; echo . >&3; exec sleep 1000");
      spec.account = account;
      spec.time_limit = 1000s;
      ignore_failure(run_process(spec, {}), "it is killed before");
      ::_exit(0);
    }
    EXPECT_TRUE(line.await_sign_of_life()) << account;
    ::kill(caller, SIGKILL);
    ::waitpid(caller, nullptr, 0);
    EXPECT_TRUE(line.await_end()) << account;
  }
}

TEST(ProcessDeathTest, AnotherAccountIsRefusedToWhoIsNotRoot) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto as_nobody = [] {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(9);
    auto spec = shell("echo never");
    spec.account = "root";
    const auto outcome = run_process(spec, {});
    ::_exit(!outcome && outcome.error().kind == ErrorKind::denied ? 0 : 1);
  };
  EXPECT_EXIT(as_nobody(), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace upswarm
