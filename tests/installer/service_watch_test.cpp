#include "installer/service_watch.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

class ServiceWatchTest : public testing::Test {
 protected:
  ServiceWatchTest() {
    folder.write("systemctl", "#!/bin/sh\nfor name; do :; done\ncat '" + folder.path().string() + "'/state.$name\n",
                 0755);
    set("web", "active", 17, 0);
    programs[17] = "/srv/app/versions/2.0.0/bin/web";
    EXPECT_TRUE(watch.begin({}));
  }
  void set(const std::string& name, const std::string& active, int process, int restarts) {
    folder.write("state." + name, "LoadState=loaded\nActiveState=" + active + "\nMainPID=" + std::to_string(process) +
                                      "\nNRestarts=" + std::to_string(restarts) + "\n");
  }
  std::string wrong(bool stable) {
    const auto looked = watch.look(stable, {});
    if (looked) return "";
    EXPECT_EQ(looked.error().kind, ErrorKind::invalid);
    return looked.error().cause;
  }

  tests::TemporaryFolder folder;
  std::map<std::int64_t, std::string> programs;
  Services services{folder / "systemctl"};
  RunContext context{.product = "app",
                     .version = "2.0.0",
                     .from = "1.0.0",
                     .root = "/srv/app",
                     .release = "/srv/app/versions/2.0.0",
                     .services = {"web"}};
  ServiceWatch watch{services, context, [this](std::int64_t process) -> Result<Path> {
                       const auto found = programs.find(process);
                       if (found != programs.end()) return Path(found->second);
                       return Error{ErrorKind::not_found, "find the program", "it is gone"};
                     }};
};

TEST_F(ServiceWatchTest, WhatRunsAsItShouldIsGood) {
  EXPECT_EQ(wrong(false), "");
  EXPECT_EQ(wrong(true), "");
}

TEST_F(ServiceWatchTest, AFailedServiceIsNeverGood) {
  set("web", "failed", 0, 0);
  EXPECT_EQ(wrong(false), "it has failed");
  EXPECT_EQ(wrong(true), "it has failed");
}

TEST_F(ServiceWatchTest, TheProgramOfAnotherReleaseIsNoSuccess) {
  programs[17] = "/srv/app/versions/1.0.0/bin/web (deleted)";
  EXPECT_EQ(wrong(false), "it runs /srv/app/versions/1.0.0/bin/web (deleted)");
  programs[17] = "/srv/app/versions/2.0.0-rc.1/bin/web";
  EXPECT_NE(wrong(false), "") << "a longer name is another folder";
  programs[17] = "/usr/bin/python3.11";
  EXPECT_EQ(wrong(true), "") << "an interpreter tells nothing";
}

TEST_F(ServiceWatchTest, AProgramThatWasReplacedAtItsFixedPathIsNoSuccess) {
  context.release = context.root;
  programs[17] = "/srv/app/bin/web";
  EXPECT_EQ(wrong(false), "");
  programs[17] = "/srv/app/bin/web (deleted)";
  EXPECT_EQ(wrong(false), "it still runs what was replaced: /srv/app/bin/web (deleted)");
}

TEST_F(ServiceWatchTest, StableMeansTheSameProcessAllAlong) {
  set("web", "active", 17, 1);
  EXPECT_EQ(wrong(true), "it was restarted 1 times");
  EXPECT_EQ(wrong(false), "");
  set("web", "active", 18, 0);
  programs[18] = programs[17];
  EXPECT_EQ(wrong(true), "its main process is another one");
  EXPECT_EQ(wrong(false), "");
  set("web", "activating", 17, 0);
  EXPECT_EQ(wrong(true), "it is activating");
  set("web", "active", 0, 0);
  EXPECT_EQ(wrong(true), "it has no main process");
  set("web", "active", 17, 0);
  programs.clear();
  EXPECT_NE(wrong(true).find("it is gone"), std::string::npos);
}

TEST_F(ServiceWatchTest, RestartsBeforeItBeganDoNotCount) {
  set("web", "active", 17, 4);
  ASSERT_TRUE(watch.begin({}));
  EXPECT_EQ(wrong(true), "");
  set("web", "active", 17, 5);
  EXPECT_EQ(wrong(true), "it was restarted 1 times");
}

TEST_F(ServiceWatchTest, WithoutSystemctlNobodyIsBlamed) {
  folder.write("systemctl", "#!/bin/sh\nexit 1\n", 0755);
  EXPECT_EQ(watch.look(false, {}).error().kind, ErrorKind::denied);
}

}  // namespace
}  // namespace upswarm::installer
