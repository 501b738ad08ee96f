#include "installer/services.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

using Names = std::vector<std::string>;

/// systemctl as a script: `show` prints the file state.NAME, other verbs fail where there is a file fail.NAME, and are
/// the last that it does where there is a file last.NAME.
class ServicesTest : public testing::Test {
 protected:
  ServicesTest() {
    folder.write("systemctl",
                 "#!/bin/sh\ncd '" + folder.path().string() +
                     "'\necho \"$@\" >> calls\nfor name; do :; done\n"
                     "if [ \"$1\" = show ]; then cat state.$name; exit; fi\n"
                     "if [ -e last.$name ]; then rm systemctl; fi\n"
                     "if [ -e fail.$name ]; then cat fail.$name; exit 5; fi\n",
                 0755);
  }
  void set(const std::string& name, const std::string& active, const std::string& load = "loaded") {
    folder.write("state." + name, "LoadState=" + load + "\nActiveState=" + active + "\nMainPID=17\nNRestarts=2\n");
  }

  tests::TemporaryFolder folder;
  Services services{folder / "systemctl"};
};

TEST_F(ServicesTest, StopInReverseAndStartInOrder) {
  ASSERT_TRUE(services.stop({"db", "web"}, {}));
  ASSERT_TRUE(services.start({"db", "web"}, {}));
  EXPECT_EQ(folder.read("calls"), "stop web\nstop db\nstart db\nstart web\n");
}

TEST_F(ServicesTest, OneThatDoesNotStopHoldsUpNoOther) {
  folder.write("fail.web", "web hangs");
  const auto one = services.stop({"db", "web", "queue"}, {});
  ASSERT_FALSE(one);
  EXPECT_EQ(one.error().kind, ErrorKind::busy) << "not the new release's fault";
  EXPECT_EQ(one.error().message(), "stop the service web: exit code 5; its last words: web hangs");
  EXPECT_EQ(folder.read("calls"), "stop queue\nstop web\nstop db\n");
  folder.write("fail.db", "db too");
  EXPECT_EQ(services.stop({"db", "web"}, {}).error().message(),
            "stop the services web, db: web: exit code 5; its last words: web hangs; db: exit code 5; its last words: "
            "db too");
}

TEST_F(ServicesTest, OneThatDoesNotStartIsItsReleasesFault) {
  folder.write("fail.web", "unit not found");
  const auto started = services.start({"web", "db"}, {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::invalid);
  EXPECT_EQ(folder.read("calls"), "start web\nstart db\n");
}

TEST_F(ServicesTest, WithoutSystemctlTheOthersAreTriedAndNobodyIsBlamed) {
  folder.write("fail.db", "db is broken");
  folder.write("fail.web", "");
  folder.write("last.web", "");
  const auto started = services.start({"db", "web", "queue", "cache"}, {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().kind, ErrorKind::denied);
  EXPECT_EQ(started.error().context, "start the services db, web, queue, cache") << started.error().message();
}

TEST_F(ServicesTest, AMissingSystemctlIsTheMachinesFault) {
  const Services none(folder / "nothing");
  EXPECT_EQ(none.start({"web"}, {}).error().kind, ErrorKind::denied);
  EXPECT_EQ(none.stop({"web"}, {}).error().kind, ErrorKind::denied);
  EXPECT_EQ(none.running({"web"}, {}).error().kind, ErrorKind::denied);
  EXPECT_EQ(services.look("unheard-of", {}).error().kind, ErrorKind::denied) << "systemctl show failed";
}

TEST_F(ServicesTest, AreLookedAt) {
  set("web", "activating");
  const auto state = services.look("web", {});
  ASSERT_TRUE(state) << state.error().message();
  EXPECT_TRUE(state->is_known);
  EXPECT_EQ(state->active, "activating");
  EXPECT_EQ(state->main_process, 17);
  EXPECT_EQ(state->restarts, 2);
}

TEST_F(ServicesTest, WhoFailedIsToRunAndWhoWasStoppedIsNot) {
  set("db", "active");
  set("web", "inactive");
  set("queue", "failed");
  set("cache", "activating");
  set("gone", "inactive", "not-found");
  const auto running = services.running({"db", "web", "queue", "cache", "gone"}, {});
  ASSERT_TRUE(running) << running.error().message();
  EXPECT_EQ(*running, (Names{"db", "queue", "cache"}));
}

TEST_F(ServicesTest, WhoWaitsForItsStartAfterBootIsToRun) {
  folder.write("state.web", "LoadState=loaded\nActiveState=inactive\nJob=4711\n");
  folder.write("state.db", "LoadState=loaded\nActiveState=inactive\nJob=0\n");
  const auto running = services.running({"web", "db"}, {});
  ASSERT_TRUE(running) << running.error().message();
  EXPECT_EQ(*running, Names{"web"});
  EXPECT_NE(folder.read("calls").find(",Job,"), std::string::npos) << "it is asked for";
}

TEST_F(ServicesTest, AStopOfTheInstallerIsNoFailureOfAService) {
  std::jthread stopped([](const std::stop_token&) {});  // (a stop_source of its own: g++ 12 warns falsely)
  stopped.request_stop();
  const auto stop = stopped.get_stop_token();
  EXPECT_EQ(services.stop({"web"}, stop).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(services.running({"web"}, stop).error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace upswarm::installer
