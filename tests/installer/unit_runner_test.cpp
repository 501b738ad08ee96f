#include "installer/unit_runner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

using namespace std::chrono_literals;

ProcessSpec hook() {
  return {.argv = {"/srv/app/versions/2.0.0/bin/migrate", "--to", "a b", "$HOME ${X} 100%"},
          .folder = "/srv/app/versions/2.0.0",
          .environment = {{"LANG", "C.UTF-8"}, {"UPSWARM_FROM", "1.0.0"}},
          .account = "app",
          .time_limit = 1500ms,
          .grace = 10s,
          .ask = {}};
}

TEST(UnitArguments, AreTheseToTheWord) {
  EXPECT_EQ(unit_arguments(hook(), "upswarm-1.service", "upswarm-installer.service"),
            (std::vector<std::string>{"--quiet",
                                      "--wait",
                                      "--pipe",
                                      "--service-type=exec",
                                      "--unit=upswarm-1.service",
                                      "--description=Upswarm: /srv/app/versions/2.0.0/bin/migrate",
                                      "--property=RuntimeMaxSec=1500ms",
                                      "--property=TimeoutStopSec=10000ms",
                                      "--property=KillMode=control-group",
                                      "--property=UMask=0022",
                                      "--property=WorkingDirectory=/srv/app/versions/2.0.0",
                                      "--property=User=app",
                                      "--property=NoNewPrivileges=yes",
                                      "--property=CapabilityBoundingSet=",
                                      "--property=BindsTo=upswarm-installer.service",
                                      "--setenv=LANG=C.UTF-8",
                                      "--setenv=UPSWARM_FROM=1.0.0",
                                      "--",
                                      "/srv/app/versions/2.0.0/bin/migrate",
                                      "--to",
                                      "a b",
                                      "$$HOME $${X} 100%"}));
}

TEST(UnitArguments, RootIsNotBoundAndWithoutAFolderItIsTheTop) {
  ProcessSpec spec;
  spec.argv = {"/bin/true"};
  const auto plain = unit_arguments(spec, "u.service", "");
  EXPECT_NE(std::ranges::find(plain, "--property=TimeoutStopSec=1000ms"), plain.end()) << "0 would be no limit";
  for (const char* account : {"", "root", "0"}) {
    spec.account = account;
    const auto words = unit_arguments(spec, "u.service", "");
    for (const auto& word : words) {
      EXPECT_FALSE(word.starts_with("--property=User") || word.starts_with("--property=NoNew") ||
                   word.starts_with("--property=Cap") || word.starts_with("--property=BindsTo"))
          << word;
    }
    EXPECT_NE(std::find(words.begin(), words.end(), "--property=WorkingDirectory=/"), words.end());
  }
}

Result<ProcessOutcome> shown(const std::string& code, const std::string& status, const std::string& result) {
  return unit_outcome(
      "LoadState=loaded\nResult=" + result + "\nExecMainCode=" + code + "\nExecMainStatus=" + status + "\n", hook(),
      "words");
}

TEST(UnitOutcome, IsWhatSystemdKnows) {
  EXPECT_EQ(shown("1", "7", "exit-code")->exit_code, 7);
  EXPECT_EQ(shown("1", "7", "exit-code")->output, "words");
  EXPECT_FALSE(shown("1", "7", "exit-code")->timed_out);
  EXPECT_EQ(shown("2", "9", "signal")->exit_code, 137);
  EXPECT_EQ(shown("3", "11", "core-dump")->exit_code, 139);
  EXPECT_TRUE(shown("2", "15", "timeout")->timed_out);
  EXPECT_EQ(shown("1", "203", "exit-code").error().kind, ErrorKind::invalid);
  EXPECT_EQ(shown("1", "217", "exit-code").error().reason, "no_account");
  EXPECT_EQ(shown("1", "200", "exit-code").error().kind, ErrorKind::not_found);
}

TEST(UnitOutcome, ACodeOfSystemdsIsTheProgramsOwnWhereItsAccountAndFolderAreThere) {
  auto spec = hook();
  spec.account = "root";
  spec.folder = "/";
  for (const int code : {200, 217}) {
    const auto outcome = unit_outcome(
        "LoadState=loaded\nResult=exit-code\nExecMainCode=1\nExecMainStatus=" + std::to_string(code) + "\n", spec, "");
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->exit_code, code);
  }
}

TEST(UnitOutcome, AUnitThatNeverRanSaysNothingOfItsProgram) {
  EXPECT_EQ(shown("0", "0", "success").error().kind, ErrorKind::denied);
  EXPECT_EQ(unit_outcome("LoadState=not-found\nExecMainCode=1\nExecMainStatus=7\n", hook(), "").error().kind,
            ErrorKind::denied);
  EXPECT_EQ(unit_outcome("", hook(), "Failed to connect to bus").error().cause, "Failed to connect to bus");
}

TEST(OwnUnit, IsTheServiceOfTheControlGroup) {
  EXPECT_EQ(own_unit("0::/system.slice/upswarm-installer.service\n"), "upswarm-installer.service");
  EXPECT_EQ(own_unit("8:pids:/x.service\n1:name=systemd:/system.slice/y.service\n"), "y.service");
  EXPECT_EQ(own_unit("0::/user.slice/user-0.slice/session-1.scope\n"), "");
  EXPECT_EQ(own_unit("9:name=systemd:/\n"), "");
  EXPECT_EQ(own_unit("0::/.service\n"), "");
  EXPECT_EQ(own_unit(""), "");
}

/// systemd-run and systemctl as scripts: the first runs what stands behind "--", the second notes what it is asked.
class UnitRunnerTest : public testing::Test {
 protected:
  UnitRunnerTest() {
    folder.write("systemd-run", "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift\nexec \"$@\"\n", 0755);
    systemctl("LoadState=loaded\\nResult=exit-code\\nExecMainCode=1\\nExecMainStatus=7\\n");
  }
  void systemctl(const std::string& shown) {
    folder.write("systemctl",
                 "#!/bin/sh\necho \"$1\" >> '" + (folder / "asked").string() + "'\n[ $1 = show ] && printf '" + shown +
                     "'\nexit 0\n",
                 0755);
  }
  ProcessSpec shell(const std::string& text) {
    ProcessSpec spec;
    spec.argv = {"/bin/sh", "-c", text};
    return spec;
  }

  tests::TemporaryFolder folder;
  std::unique_ptr<CommandRunner> runner =
      make_unit_runner({.systemd_run = folder / "systemd-run", .systemctl = folder / "systemctl"}, make_fork_runner());
};

TEST_F(UnitRunnerTest, GivesTheOutputAndAsksNothingMoreAfterSuccess) {
  const auto outcome = runner->run(shell("echo done"), {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_TRUE(outcome->succeeded());
  EXPECT_EQ(outcome->output, "done\n");
  EXPECT_FALSE(std::filesystem::exists(folder / "asked"));
}

TEST_F(UnitRunnerTest, OfAFailureTheUnitKnowsMoreThanTheTool) {
  const auto outcome = runner->run(shell("echo no; exit 1"), {});
  ASSERT_TRUE(outcome) << outcome.error().message();
  EXPECT_EQ(outcome->exit_code, 7);
  EXPECT_EQ(outcome->output, "no\n");
  EXPECT_EQ(folder.read("asked"), "show\nkill\nstop\nreset-failed\n");
}

TEST_F(UnitRunnerTest, ErrorsAreSeparateWhereThatIsAskedFor) {
  for (const char* end : {"0", "1"}) {
    auto spec = shell(std::string("echo 2.0.0; echo a warning >&2; exit ") + end);
    spec.separates_errors = true;
    const auto outcome = runner->run(spec, {});
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->output, "2.0.0\n");
    EXPECT_EQ(outcome->errors, "a warning\n");
  }
}

TEST_F(UnitRunnerTest, AToolThatFailsOrIsMissingIsNoFaultOfTheProgram) {
  systemctl("LoadState=not-found\\n");
  EXPECT_EQ(runner->run(shell("echo Failed to connect to bus; exit 1"), {}).error().kind, ErrorKind::denied);
  std::filesystem::remove(folder / "systemd-run");
  EXPECT_EQ(runner->run(shell("true"), {}).error().kind, ErrorKind::denied);
}

/// Runs scripts, but systemd-run never ends.
class HangingTools final : public CommandRunner {
 public:
  Result<ProcessOutcome> run(const ProcessSpec& spec, std::stop_token stop) override {
    if (!spec.argv.at(0).ends_with("systemd-run")) return run_process(spec, std::move(stop));
    return ProcessOutcome{.exit_code = 137, .timed_out = true, .output = "words", .errors = {}};
  }
};

TEST_F(UnitRunnerTest, ATimeThatIsOverIsTheProgramsOnlyWhereTheUnitSaysSo) {
  const auto hanging = make_unit_runner({.systemd_run = folder / "systemd-run", .systemctl = folder / "systemctl"},
                                        std::make_unique<HangingTools>());
  for (const char* of_unit :
       {"LoadState=loaded\\nResult=success\\nExecMainCode=0\\nExecMainStatus=0\\n",
        "LoadState=loaded\\nResult=exit-code\\nExecMainCode=1\\nExecMainStatus=7\\n", "LoadState=not-found\\n"}) {
    systemctl(of_unit);
    const auto told = hanging->run(shell("true"), {});
    ASSERT_FALSE(told) << of_unit;
    EXPECT_EQ(told.error().kind, ErrorKind::denied) << of_unit;
  }
  systemctl("LoadState=loaded\\nResult=timeout\\nExecMainCode=2\\nExecMainStatus=15\\n");
  const auto told = hanging->run(shell("true"), {});
  ASSERT_TRUE(told) << told.error().message();
  EXPECT_TRUE(told->timed_out);
  EXPECT_EQ(told->output, "words");
}

TEST_F(UnitRunnerTest, AStopEndsTheUnit) {
  std::jthread stopped([](const std::stop_token&) {});  // (a stop_source of its own: g++ 12 warns falsely)
  stopped.request_stop();
  const auto stop = stopped.get_stop_token();
  const auto asked = (folder / "asked").string();
  const auto spec = shell("while [ ! -e '" + asked + "' ]; do sleep 0.05; done; echo put right > '" +
                          (folder / "done").string() + "'");
  EXPECT_EQ(runner->run(spec, stop).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(folder.read("done"), "put right\n") << "it was asked, and not killed";
  EXPECT_EQ(folder.read("asked"), "stop\nkill\nstop\nreset-failed\n");
}

}  // namespace
}  // namespace upswarm::installer
