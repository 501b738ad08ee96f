// The commands under `keys`, as the command line does them.
#include "seeder/publish/command_line.hpp"
#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::tests {
namespace {

class KeySessionTest : public PublishTest {
 protected:
  KeySessionTest() {
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
    made.wanted.strength = publish::least_strength();
    return made;
  }
  Result<publish::Answer> new_key(const std::string& role, const std::string& name) const {
    auto wanted = line("keys new");
    wanted.common.repository = "/nonexistent";  // none is needed
    wanted.keys.role = role;
    wanted.keys.name = name;
    wanted.output = (top / name).string();
    return publish::run(wanted, {});
  }
  publish::Answer add_anna(int threshold) const {
    auto wanted = line("keys add-signer");
    wanted.keys.role = "rel-app";
    wanted.keys.files = {must(new_key("rel-app", "anna")).json.at("public").get<std::string>()};
    wanted.keys.threshold = threshold;
    return must(publish::run(wanted, {}));
  }
  publish::CommandLine sign(const std::string& change) const {
    auto wanted = line("keys sign");
    wanted.common.repository = "/nonexistent";
    wanted.keys.files = {change};
    wanted.keys.key_file = (top / "anna/rel-app-anna.key.json").string();
    wanted.keys.yes = true;
    return wanted;
  }
};

TEST_F(KeySessionTest, AKeyAChangeASignatureAndABundle) {
  const auto added = add_anna(2);
  EXPECT_NE(added.text.find("keys sign"), std::string::npos);
  EXPECT_NE(added.text.find("keys publish"), std::string::npos);
  const auto change = added.json.at("change").get<std::string>();
  EXPECT_EQ(added.json.at("missing")[0].at("wanted"), 2);

  auto show = line("keys show");
  show.keys.files = {change};
  const auto shown = must(publish::run(show, {}));
  EXPECT_NE(shown.text.find("ADDED"), std::string::npos) << shown.text;
  EXPECT_NE(shown.text.find("2 of 2 keys must sign  WAS 1"), std::string::npos) << shown.text;

  const auto signed_now = must(publish::run(sign(change), {}));
  EXPECT_TRUE(signed_now.json.at("missing").empty());
  EXPECT_NE(signed_now.text.find("keys publish"), std::string::npos);

  auto publish_it = line("keys publish");
  publish_it.keys.files = {change};
  publish_it.common.to = (top / "incoming").string();
  const auto published = must(publish::run(publish_it, {}));
  EXPECT_TRUE(published.json.at("handed_over").get<bool>());
  EXPECT_TRUE(std::filesystem::exists(top / "incoming/00000003-add-signer-rel-app/bundle.json"));
  EXPECT_EQ(publish::run(publish_it, {}).error().kind, ErrorKind::not_found);
}

TEST_F(KeySessionTest, SigningWithoutYesAsksAtATerminal) {
  auto wanted = sign(add_anna(2).json.at("change").get<std::string>());
  wanted.keys.yes = false;
  const auto before = top.read("repository/changes/00000002-add-signer-rel-app.change.json");
  const auto result = publish::run(wanted, {});  // the tests have no terminal
  if (result.error().kind != ErrorKind::denied) GTEST_SKIP() << "there is a terminal";
  EXPECT_EQ(top.read("repository/changes/00000002-add-signer-rel-app.change.json"), before);
}

TEST_F(KeySessionTest, AWrongKeyFileOrPassphraseSignsNothing) {
  const auto change = add_anna(2).json.at("change").get<std::string>();
  auto wanted = sign(change);
  wanted.keys.key_file = (folder / "keys/root-1.key.json").string();
  EXPECT_EQ(publish::run(wanted, {}).error().reason, "wrong_key");
  top.write("passphrase", "wrong horse\n");
  EXPECT_EQ(publish::run(sign(change), {}).error().reason, "passphrase");
}

TEST_F(KeySessionTest, AChangeIsDiscarded) {
  auto wanted = line("keys discard");
  wanted.keys.files = {add_anna(2).json.at("change").get<std::string>()};
  const auto answer = must(publish::run(wanted, {}));
  EXPECT_EQ(answer.json, (Json{{"discarded", "00000002-add-signer-rel-app.change.json"}}));
  EXPECT_NE(answer.text.find("00000002-add-signer-rel-app"), std::string::npos);
  EXPECT_EQ(publish::run(wanted, {}).error().kind, ErrorKind::not_found);
  EXPECT_TRUE(must(publish::run(line("status"), {})).json.at("changes").empty());
  wanted.keys.files.push_back("another");
  EXPECT_EQ(publish::run(wanted, {}).error().kind, ErrorKind::invalid);
}

TEST_F(KeySessionTest, TheSignerIsChosenByName) {
  const auto added = add_anna(1);
  EXPECT_FALSE(added.json.contains("change"));
  auto wanted = line("release");
  wanted.release = request("1.0.0", tree("one"));
  wanted.common.keys = (top / "anna").string();
  wanted.common.signer = "bert";
  EXPECT_EQ(must(publish::run(wanted, {})).json.at("missing")[0].at("good"), 0);
  wanted.common.signer = "anna";
  EXPECT_TRUE(must(publish::run(wanted, {})).json.contains("bundle"));
}

TEST_F(KeySessionTest, RotatingAnOnlineKeyTellsTheStepsInTheirOrder) {
  auto wanted = line("keys rotate");
  wanted.keys.role = "timestamp";
  const auto answer = must(publish::run(wanted, {}));
  EXPECT_EQ(answer.json.at("online_key"), (folder / "online-keys/timestamp.key").string());
  const auto hand_over = answer.text.find("1. Hand over");
  const auto move = answer.text.find("2. Move");
  const auto revoke = answer.text.find("keys revoke timestamp " + answer.json.at("old_key").get<std::string>());
  EXPECT_LT(hand_over, move);
  EXPECT_LT(move, revoke);
  EXPECT_NE(revoke, std::string::npos);

  auto last = line("keys revoke");
  last.keys.role = "timestamp";
  last.keys.key = answer.json.at("old_key").get<std::string>();
  EXPECT_TRUE(must(publish::run(last, {})).json.contains("bundle"));
}

TEST_F(KeySessionTest, ListIsForPeopleAndMachines) {
  const auto answer = must(publish::run(line("keys list"), {}));
  EXPECT_EQ(answer.json.at("roles").size(), 6U);
  EXPECT_NE(answer.text.find("root  1 of 1 must sign"), std::string::npos) << answer.text;
}

TEST_F(KeySessionTest, ANewKeyIsNeverMadeForTheSeedersRoles) {
  EXPECT_EQ(new_key("timestamp", "anna").error().reason, "role");
  EXPECT_FALSE(std::filesystem::exists(top / "anna"));
}

}  // namespace
}  // namespace upswarm::tests
