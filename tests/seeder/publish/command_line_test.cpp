#include "seeder/publish/command_line.hpp"

#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::tests {
namespace {

class CommandLineTest : public PublishTest {
 protected:
  CommandLineTest() {
    init();
    top.write("passphrase", std::string(kPassphrase) + "\n");
    std::filesystem::create_directories(top / "incoming");
  }
  publish::CommandLine line(const std::string& command) const {
    publish::CommandLine made;
    made.command = command;
    made.common.repository = folder.string();
    made.common.passphrase_file = (top / "passphrase").string();
    made.common.json = true;
    return made;
  }
};

TEST_F(CommandLineTest, AReleaseWithoutRolloutSaysThatItIsHeld) {
  auto wanted = line("release");
  wanted.release = request("1.0.0", tree("one"));
  wanted.release.permille.reset();
  const auto answer = must(publish::run(wanted, {}));
  EXPECT_NE(answer.text.find("HELD"), std::string::npos);
  EXPECT_TRUE(answer.json.at("held").get<bool>());
  EXPECT_FALSE(answer.json.at("handed_over").get<bool>());
}

TEST_F(CommandLineTest, AReleaseTakesAlongWhatStillWaits) {
  auto wanted = line("release");
  wanted.release = request("1.0.0", tree("one"));
  wanted.common.to = (top / "incoming").string();
  const auto answer = must(publish::run(wanted, {}));
  EXPECT_EQ(answer.json.at("sent").size(), 2U);
  EXPECT_TRUE(std::filesystem::exists(top / "incoming/00000001-init/bundle.json"));
}

TEST_F(CommandLineTest, AWrongDestinationIsFoundBeforeAnythingIsMade) {
  auto wanted = line("release");
  wanted.release = request("1.0.0", tree("one"));
  wanted.common.to = (top / "nowhere").string();
  EXPECT_EQ(publish::run(wanted, {}).error().kind, ErrorKind::not_found);
  wanted.common.to = "https://seeder";
  EXPECT_EQ(publish::run(wanted, {}).error().kind, ErrorKind::invalid);  // no key file
  EXPECT_EQ(open().products().at("app").release.version, 1);
}

TEST_F(CommandLineTest, AHandOverThatFailsCanBeMadeUpFor) {
  auto wanted = line("release");
  wanted.release = request("1.0.0", tree("one"));
  wanted.common.to = "http://127.0.0.1:1";
  top.write("api.key", "secret\n");
  wanted.common.api_key_file = (top / "api.key").string();
  const auto failed = publish::run(wanted, {});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::unreachable);
  EXPECT_NE(failed.error().message().find("hand-over"), std::string::npos);
  auto again = line("hand-over");
  again.common.to = (top / "incoming").string();
  EXPECT_EQ(must(publish::run(again, {})).json.at("sent").size(), 2U);
  EXPECT_EQ(must(publish::run(again, {})).code, ExitCode::nothing_to_do);
}

TEST_F(CommandLineTest, AnsweringsOfRolloutAndFloor) {
  auto wanted = line("release");
  wanted.release = request("1.0.0", tree("one"));
  must(publish::run(wanted, {}));
  auto rollout = line("rollout");
  rollout.choice = {"app", "stable", "linux-x64", "1.0.0"};
  EXPECT_EQ(publish::run(rollout, {}).error().kind, ErrorKind::invalid);
  rollout.pause = true;
  EXPECT_TRUE(publish::run(rollout, {}));
  auto floor = line("floor");
  floor.choice = rollout.choice;
  EXPECT_EQ(must(publish::run(floor, {})).code, ExitCode::done);
  EXPECT_EQ(must(publish::run(floor, {})).code, ExitCode::nothing_to_do);
}

TEST_F(CommandLineTest, AReleaseSaysWhatItRequires) {
  auto wanted = line("release");
  wanted.release = request("1.0.0", tree("one"));
  EXPECT_EQ(must(publish::run(wanted, {})).text.find("requires"), std::string::npos);
  wanted.release = request("1.1.0", tree("two", 2));
  wanted.release.recipe =
      recipe("services = [\"app\"]\n[health]\nkind = \"http\"\nport = 8080\naccount = \"app\"\nstable = \"10s\"\n");
  const auto answer = must(publish::run(wanted, {}));
  EXPECT_NE(answer.text.find("  requires health-http, health-stable: "), std::string::npos) << answer.text;
  EXPECT_EQ(answer.json.at("entry").at("requires"), (Json{"health-http", "health-stable"}));
  const auto index = open().products().at("app").index_of("stable", "linux-x64");
  EXPECT_EQ(index.entries.at(1).requirements, (std::vector<std::string>{"health-http", "health-stable"}));
}

TEST_F(CommandLineTest, StatusAsksNobodyUnnoticed) {
  auto status = line("status");
  must(publish::run(status, {}));
  for (const auto& to : {std::string("https://seeder"), (top / "incoming").string(), std::string("seeder:8443")}) {
    status.common.to = to;
    const auto refused = publish::run(status, {});
    ASSERT_FALSE(refused) << to;
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_NE(refused.error().message().find(to), std::string::npos) << refused.error().message();
  }
  top.write("api.key", "secret\n");
  status.common.api_key_file = (top / "api.key").string();
  EXPECT_EQ(publish::run(status, {}).error().kind, ErrorKind::invalid) << "a name without https://";
  status.common.to = "http://127.0.0.1:1";
  EXPECT_TRUE(must(publish::run(status, {})).json.contains("use_unknown"));
}

TEST_F(CommandLineTest, StatusNeedsNoDefaultOfHandingOver) {
  top.write("publish.toml", "to = \"" + (top / "incoming").string() + "\"\n");
  auto status = line("status");
  status.common.config = (top / "publish.toml").string();
  EXPECT_FALSE(must(publish::run(status, {})).json.contains("use_unknown"));
}

TEST_F(CommandLineTest, AConfigurationGivesDefaultsAndIsStrict) {
  top.write("publish.toml", "repository = \"/there\"\nto = \"https://seeder\"\n");
  publish::CommonOptions common;
  common.config = (top / "publish.toml").string();
  common.to = "/elsewhere";
  must(publish::read_defaults(common, {}));
  EXPECT_EQ(common.repository, "/there");
  EXPECT_EQ(common.to, "/elsewhere");
  top.write("publish.toml", "repository = \"/there\"\nrepositry = 1\n");
  const auto unknown = publish::read_defaults(common, {});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::invalid);
  EXPECT_NE(unknown.error().message().find("publish.toml:2: repositry"), std::string::npos);
}

}  // namespace
}  // namespace upswarm::tests
