#include "agent/own_start.hpp"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <thread>

#include "protocol/base/local_socket.hpp"
#include "protocol/messages/conversation.hpp"
#include "protocol/messages/installer_messages.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

class OwnStartTest : public testing::Test {
 protected:
  ~OwnStartTest() override { end.request_stop(); }

  /// An installer that awaits `token` and answers `busy` first.
  void listen(const std::string& token, int busy = 0) {
    auto opened = listen_local(socket, 0666);
    ASSERT_TRUE(opened) << opened.error().message();
    server = std::move(*opened);
    serving = std::jthread([this, token, busy]() mutable {
      server->run(
          [&](LocalConnection& connection, const std::stop_token& ending) {
            messages::answer_all(
                connection,
                [&](const std::string& word, const Json& question, std::unique_ptr<InputFile> /*file*/,
                    const std::stop_token& /*stop*/) -> Result<Json> {
                  const std::lock_guard lock(mutex);
                  heard.push_back(word);
                  if (word == "hello") return messages::to_json(messages::Hello{.machine_id = "m", .products = {}});
                  if (busy-- > 0) return Error{ErrorKind::busy, "confirm", "later"};
                  if (question.value("token", "") != token) return Error{ErrorKind::denied, "confirm", "another token"};
                  confirmed = question.value("product", "");
                  return Json::object();
                },
                ending);
          },
          [](const PeerIdentity& /*peer*/) { return LocalTerms{.most = 4}; }, end.get_token());
    });
  }
  void confirm(const std::string& token) {
    confirm_own_start(
        socket, {.product = "upswarm-agent", .token = token},
        [this](std::chrono::milliseconds /*duration*/, const std::stop_token& /*stop*/) {
          if (++pauses == 1 && on_pause) on_pause();
          if (pauses == 5) end.request_stop();
        },
        end.get_token());
  }

  tests::TemporaryFolder folder;
  Path socket = folder / "installer.sock";
  std::stop_source end;
  std::mutex mutex;
  std::vector<std::string> heard;
  std::string confirmed;
  int pauses = 0;
  std::function<void()> on_pause;
  std::unique_ptr<LocalServer> server;
  std::jthread serving;
};

TEST_F(OwnStartTest, SaysHelloAndGivesTheTokenBack) {
  listen("right");
  confirm("right");
  EXPECT_EQ(heard, (std::vector<std::string>{"hello", "confirm"}));
  EXPECT_EQ(confirmed, "upswarm-agent");
  EXPECT_EQ(pauses, 0);
}

TEST_F(OwnStartTest, WaitsForAnInstallerThatIsNotThereYet) {
  on_pause = [this] { listen("right", 1); };
  confirm("right");
  EXPECT_EQ(confirmed, "upswarm-agent");
  EXPECT_EQ(pauses, 2);
}

TEST_F(OwnStartTest, ATokenOfLongAgoIsNotOfferedAgain) {
  listen("right");
  confirm("old");
  EXPECT_EQ(confirmed, "");
  EXPECT_EQ(pauses, 0);
}

TEST_F(OwnStartTest, EndsWithTheAgent) {
  confirm("right");
  EXPECT_EQ(pauses, 5);
}

TEST(OwnStart, IsWhatTheEnvironmentSays) {
  std::map<std::string, std::string> variables;
  const auto variable = [&](const char* name) -> const char* {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  EXPECT_FALSE(own_start(variable));
  variables["UPSWARM_TOKEN"] = "";
  EXPECT_FALSE(own_start(variable));
  variables["UPSWARM_TOKEN"] = "t";
  EXPECT_EQ(own_start(variable)->product, "upswarm-agent");
  variables["UPSWARM_PRODUCT"] = "own-agent";
  EXPECT_EQ(own_start(variable)->product, "own-agent");
  EXPECT_EQ(own_start(variable)->token, "t");
}

}  // namespace
}  // namespace upswarm::agent
