#include "protocol/messages/conversation.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::messages {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 20s;

/// A server that answers "wait" when its stop is asked for, anything else at once.
class ConversationTest : public testing::Test {
 protected:
  Result<Json> answer(const std::string& word, const std::stop_token& stop) {
    if (word != "wait") return Json{{"stopped", stop.stop_requested()}};
    begun.set_value();
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, kPatience, [] { return false; });
    ended.set_value(stop.stop_requested());
    return Error{ErrorKind::cancelled, "wait", "stopped"};
  }

  void start() {
    auto listening = listen_local(folder / "socket", 0600);
    ASSERT_TRUE(listening) << listening.error().message();
    server = std::move(*listening);
    serving = std::jthread([this](const std::stop_token& stop) {
      const auto make = [this](const std::string& word, const Json&, std::unique_ptr<InputFile>,
                               const std::stop_token& unheard) { return answer(word, unheard); };
      server->run(
          [&](LocalConnection& connection, std::stop_token ending) { answer_all(connection, make, std::move(ending)); },
          [](const PeerIdentity&) { return LocalTerms{.most = 4, .longest_frame = 20_KiB}; }, stop);
    });
  }
  std::unique_ptr<LocalConnection> connect() const {
    auto connection = connect_local(folder / "socket");
    EXPECT_TRUE(connection) << connection.error().message();
    return std::move(*connection);
  }
  /// Whether the answer to "wait" was ended by its stop.
  bool is_stopped() {
    auto told = ended.get_future();
    return told.wait_for(kPatience) == std::future_status::ready && told.get();
  }

  tests::TemporaryFolder folder;
  std::promise<void> begun;
  std::promise<bool> ended;
  std::unique_ptr<LocalServer> server;
  std::jthread serving;
};

TEST_F(ConversationTest, AnswersComeToWhoListens) {
  start();
  const auto connection = connect();
  for (int i = 0; i < 3; ++i) {
    const auto answer = ask(*connection, {{"ask", "now"}}, kPatience, {});
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(*answer, (Json{{"stopped", false}}));
  }
}

TEST_F(ConversationTest, WhatIsTooLongIsSaidAndIsTheLast) {
  start();
  const auto connection = connect();
  const auto refused = ask(*connection, {{"ask", "now"}, {"more", std::string(20'000, 'x')}}, kPatience, {});
  EXPECT_TRUE(refused) << refused.error().message();
  const auto answer = ask(*connection, {{"ask", "now"}, {"more", std::string(21'000, 'x')}}, kPatience, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, "too_long");
  EXPECT_EQ(ask(*connection, {{"ask", "now"}}, kPatience, {}).error().kind, ErrorKind::unreachable);
}

TEST_F(ConversationTest, AQuestionOfManyValuesIsNotParsed) {
  start();
  const auto connection = connect();
  Json question{{"ask", "now"}, {"text", std::string(5000, ',') + "\\\""}, {"list", std::vector<int>(990, 0)}};
  EXPECT_TRUE(ask(*connection, question, kPatience, {}));
  question["list"] = std::vector<int>(1000, 0);
  const auto answer = ask(*connection, question, kPatience, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().reason, "too_many");
  EXPECT_TRUE(ask(*connection, {{"ask", "now"}}, kPatience, {})) << "the conversation goes on";
}

TEST_F(ConversationTest, AnAnswerThatNobodyWaitsForIsStopped) {
  start();
  auto connection = connect();
  ASSERT_TRUE(connection->send(R"({"ask": "wait"})"));
  begun.get_future().wait();
  connection.reset();
  EXPECT_TRUE(is_stopped());
}

TEST_F(ConversationTest, WhatIsAskedMeanwhileStopsNothing) {
  start();
  auto connection = connect();
  ASSERT_TRUE(connection->send(R"({"ask": "now"})"));
  ASSERT_TRUE(connection->send(R"({"ask": "now"})"));
  for (int i = 0; i < 2; ++i) {
    const auto answer = connection->receive(kPatience, {});
    ASSERT_TRUE(answer) << answer.error().message();
    EXPECT_EQ(answer->text, R"({"stopped":false})");
  }
}

TEST_F(ConversationTest, TheEndOfTheServerStopsAnswersThatAreBeingMade) {
  start();
  const auto connection = connect();
  ASSERT_TRUE(connection->send(R"({"ask": "wait"})"));
  begun.get_future().wait();
  serving.request_stop();
  EXPECT_TRUE(is_stopped());
}

}  // namespace
}  // namespace upswarm::messages
