#include "agent/identity.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/base/digest.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"
#include "protocol/messages/enrolment.hpp"
#include "protocol/messages/machine_request.hpp"
#include "tests/agent/fakes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class IdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(opened);
    store_.emplace(*std::move(opened));
    folder_.write("token", kToken + "\n", 0640);
    start();
  }
  /// As after a start of the agent.
  void start() {
    identity_.emplace(IdentityTools{.files = system_files(),
                                    .store = *store_,
                                    .board = board_,
                                    .http = http_,
                                    .clock = clock_,
                                    .random = [](std::uint32_t bound) { return bound - 1; },
                                    .rhythm = {std::chrono::minutes(15), 100},
                                    .seeder_url = url_,
                                    .token_file = token_file_},
                      trust::SigningKey::from_seed(seed_));
  }
  void keep_up() { identity_->keep_up("machine-1", {}); }
  std::string why_not() { return board_.snapshot().enrolled ? "enrolled" : board_.snapshot().enrolment; }
  bool signs() { return !identity_->sign("POST", "/v1/reports", "{}").empty(); }
  void refuse(int status, const std::string& reason, const std::string& cause) {
    http_.post_statuses.push_back(status);
    http_.answers.push_back(to_text(Json{{"error", to_json(Error{ErrorKind::denied, "enrol", cause, reason})}}));
  }

  const std::string kToken = std::string(messages::kTokenPrefix) + std::string(64, '7');
  tests::TemporaryFolder folder_;
  tests::FakeClock clock_;
  tests::FakeHttpClient http_;
  StatusBoard board_{"", tests::kSeeder};
  ByteBuffer seed_ = random_bytes(32);
  Path token_file_ = folder_ / "token";
  std::string url_ = tests::kSecureSeeder;
  std::optional<StateStore> store_;
  std::optional<MachineIdentity> identity_;
};

TEST_F(IdentityTest, EnrolsOnceWithAProofThatItHasTheKey) {
  EXPECT_FALSE(signs());
  keep_up();
  EXPECT_EQ(why_not(), "enrolled");
  ASSERT_EQ(http_.requests.size(), 1U);
  EXPECT_EQ(http_.requests[0].url, url_ + "/v1/enrol");
  const auto wish = messages::read_enrolment(http_.posted[0]);
  ASSERT_TRUE(wish) << wish.error().message();
  EXPECT_EQ(wish->machine, "machine-1");
  EXPECT_EQ(wish->token, kToken);
  EXPECT_EQ(wish->public_key, board_.snapshot().machine_key);
  const auto& headers = http_.requests[0].headers;
  const auto claim = messages::read_claim({headers[0].second, headers[1].second, headers[2].second});
  EXPECT_TRUE(
      (*claim)->is_signed_by(*messages::parse_machine_key(wish->public_key), "POST", "/v1/enrol", http_.posted[0]));
  EXPECT_TRUE(signs());
  keep_up();
  start();
  keep_up();
  EXPECT_EQ(http_.requests.size(), 1U) << "also after a start";
  EXPECT_EQ(why_not(), "enrolled");
}

TEST_F(IdentityTest, ALostAnswerIsAskedForAgain) {
  http_.post_error = Error{ErrorKind::unreachable, "send", "broken off"};
  keep_up();
  EXPECT_TRUE(identity_->may_enrol_soon());
  http_.post_error.reset();
  http_.answers = {R"({"enrolled":true,"new":false})"};
  start();
  keep_up();
  EXPECT_EQ(why_not(), "enrolled");
}

TEST_F(IdentityTest, AnotherIdOrKeyEnrolsAnew) {
  keep_up();
  identity_->keep_up("machine-2", {});
  EXPECT_EQ(http_.requests.size(), 2U);
  seed_ = random_bytes(32);
  start();
  identity_->keep_up("machine-2", {});
  EXPECT_EQ(http_.requests.size(), 3U);
}

TEST_F(IdentityTest, SaysWhyTheSeederRefuses) {
  refuse(403, "token_unknown", "this seeder did not make it");
  keep_up();
  EXPECT_EQ(why_not(), "the seeder refuses: this seeder did not make it (token_unknown)");
  EXPECT_FALSE(identity_->may_enrol_soon());
  EXPECT_FALSE(signs());
}

TEST_F(IdentityTest, TriesAgainByTheBackOffOfTheSchedule) {
  std::vector<std::int64_t> waits;
  for (int i = 0; i < 10; ++i) {
    refuse(403, "token_unknown", "no");
    keep_up();
    ASSERT_TRUE(identity_->next_try());
    keep_up();
    waits.push_back((*identity_->next_try() - clock_.now()).count());
    clock_.time = *identity_->next_try();
  }
  EXPECT_THAT(waits, testing::ElementsAre(5, 10, 20, 40, 80, 160, 320, 640, 900, 900));
  EXPECT_EQ(http_.requests.size(), 10U) << "none before its time";
  keep_up();
  EXPECT_EQ(why_not(), "enrolled");
  EXPECT_FALSE(identity_->next_try());
}

TEST_F(IdentityTest, OnlyASeederThatDoesNotAnswerMayComeRoundSoon) {
  for (const int status : {500, 503, 429, 408, 302}) {
    http_.post_statuses = {status};
    start();
    keep_up();
    EXPECT_TRUE(identity_->may_enrol_soon()) << status;
  }
  for (const int status : {400, 403, 404, 405, 413}) {
    http_.post_statuses = {status};
    start();
    keep_up();
    EXPECT_FALSE(identity_->may_enrol_soon()) << status;
    EXPECT_THAT(why_not(), HasSubstr(std::to_string(status)));
  }
}

TEST_F(IdentityTest, ATokenMayComeLater) {
  token_file_ = folder_ / "later";
  start();
  keep_up();
  EXPECT_THAT(why_not(), HasSubstr("later"));
  EXPECT_FALSE(identity_->next_try()) << "nobody was asked";
  folder_.write("later", kToken, 0600);
  keep_up();
  EXPECT_EQ(why_not(), "enrolled");
}

TEST_F(IdentityTest, SaysWhatIsWrongWithTheTokenFile) {
  folder_.write("token", "something else", 0600);
  keep_up();
  EXPECT_THAT(why_not(), HasSubstr("64 hexadecimal digits"));
  folder_.write("token", std::string(5000, 'x'), 0600);
  keep_up();
  EXPECT_THAT(why_not(), HasSubstr("token"));
  folder_.write("token", kToken, 0600);
  ASSERT_TRUE(system_files().set_mode(folder_ / "token", 0644));
  keep_up();
  EXPECT_THAT(why_not(), HasSubstr("chmod 640"));
  token_file_.clear();
  start();
  keep_up();
  EXPECT_THAT(why_not(), HasSubstr("enrolment_token_file"));
  EXPECT_THAT(http_.requests, IsEmpty());
}

// A LAN neighbour reads what goes over plain HTTP.
TEST_F(IdentityTest, TheTokenIsNotSentWhereANeighbourCouldReadIt) {
  for (const auto* open : {"http://seeder.test", "http://10.0.0.1:8080", "http://localhost.evil.test",
                           "http://127.0.0.1:80@evil.test", "http://127.0.0.11"}) {
    url_ = open;
    start();
    keep_up();
    EXPECT_THAT(why_not(), HasSubstr("https://")) << open;
  }
  EXPECT_THAT(http_.requests, IsEmpty());
  for (const auto* safe : {"http://127.0.0.1:8443", "http://[::1]:80", "http://localhost", "https://seeder.test"}) {
    url_ = safe;
    start();
    ASSERT_TRUE(store_->set("enrolled", ""));
    keep_up();
    EXPECT_EQ(why_not(), "enrolled") << safe;
  }
}

TEST_F(IdentityTest, TheTokenIsNeverShown) {
  folder_.write("log", "");
  ASSERT_TRUE(log::set_up({.level = log::Level::debug, .json = false, .file = (folder_ / "log").string()}));
  refuse(403, "token_unknown", "no");
  keep_up();
  EXPECT_THAT(why_not(), Not(HasSubstr("7777")));
  folder_.write("token", kToken + "7", 0600);
  start();
  keep_up();
  EXPECT_THAT(why_not(), Not(HasSubstr("7777")));
  folder_.write("token", kToken, 0600);
  start();
  keep_up();
  EXPECT_EQ(why_not(), "enrolled");
  ASSERT_TRUE(log::set_up({}));
  EXPECT_THAT(folder_.read("log"), HasSubstr("not enrolled"));
  EXPECT_THAT(folder_.read("log"), Not(HasSubstr("7777")));
}

TEST_F(IdentityTest, AMachineIdThatCannotHaveAKeyIsSaid) {
  identity_->keep_up("two words", {});
  EXPECT_THAT(why_not(), HasSubstr("blanks"));
  EXPECT_THAT(http_.requests, IsEmpty());
}

TEST_F(IdentityTest, WhatIsLostIsEnrolledAgain) {
  keep_up();
  identity_->lose("the seeder does not know this machine");
  EXPECT_FALSE(signs());
  EXPECT_EQ(why_not(), "the seeder does not know this machine");
  keep_up();
  EXPECT_TRUE(signs());
  EXPECT_EQ(http_.requests.size(), 2U);
}

TEST_F(IdentityTest, AStopIsNoFailure) {
  http_.post_error = Error{ErrorKind::cancelled, "send", "stopped"};
  keep_up();
  EXPECT_FALSE(identity_->next_try());
}

TEST_F(IdentityTest, WithoutAKeyNothingIsSigned) {
  MachineIdentity none({.files = system_files(),
                        .store = *store_,
                        .board = board_,
                        .http = http_,
                        .clock = clock_,
                        .random = [](std::uint32_t) { return 0U; },
                        .rhythm = {std::chrono::minutes(15), 0},
                        .seeder_url = url_,
                        .token_file = token_file_},
                       Error{ErrorKind::denied, "read the machine's key", "it is damaged", "machine_key"});
  none.keep_up("machine-1", {});
  EXPECT_THAT(none.sign("POST", "/v1/reports", "{}"), IsEmpty());
  EXPECT_THAT(why_not(), HasSubstr("damaged"));
  EXPECT_THAT(http_.requests, IsEmpty());
}

}  // namespace
}  // namespace upswarm::agent
