#include "protocol/messages/conversation.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"

namespace upswarm::messages {
namespace {

constexpr std::chrono::milliseconds kIdleLimit{std::chrono::minutes(5)};
constexpr std::chrono::milliseconds kLookAround{200};
constexpr JsonLimits kFrameLimits{.longest = kLongestLocalFrame, .deepest = 32};

/// While it is there: a stop that is asked for by another one, or when the other end of the connection is gone.
class StopWithoutListener {
 public:
  StopWithoutListener(const LocalConnection& connection, const std::stop_token& stop)
      : forward_(stop, [this] { stop_.request_stop(); }),
        watch_([this, &connection](const std::stop_token& answered) { watch(connection, answered); }) {}

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void watch(const LocalConnection& connection, const std::stop_token& answered) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    while (!answered.stop_requested() && !stop_.stop_requested()) {
      if (connection.is_gone()) stop_.request_stop();
      else never.wait_for(lock, answered, kLookAround, [] { return false; });
    }
  }

  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_;
  std::jthread watch_;
};

}  // namespace

Result<Json> ask(LocalConnection& connection, const Json& question, std::chrono::milliseconds limit,
                 std::stop_token stop, const std::filesystem::path* file) {
  UPSWARM_CHECK(connection.send(to_text(question), file));
  UPSWARM_TRY(const auto frame, connection.receive(limit, std::move(stop)));
  UPSWARM_TRY(auto answer,
              parse_json(frame.text, "the answer to " + question.value("ask", "a question"), kFrameLimits));
  if (answer.is_object() && answer.contains("error")) return read_error(answer["error"]);
  return answer;
}

void answer_all(LocalConnection& connection, const Answer& answer, std::stop_token stop) {
  for (;;) {
    auto frame = connection.receive(kIdleLimit, stop);
    if (!frame) return;
    const auto make = [&]() -> Result<Json> {
      UPSWARM_TRY(const auto question, parse_json(frame->text, "a question", kFrameLimits));
      if (!question.is_object() || !question.contains("ask") || !question["ask"].is_string()) {
        return Error{ErrorKind::corrupt, "a question", "it has no \"ask\""};
      }
      const StopWithoutListener listener(connection, stop);
      return answer(question["ask"].get<std::string>(), question, std::move(frame->file), listener.token());
    };
    const auto made = make();
    if (!made) {
      log::info("local question refused", {{"user", connection.peer().user}, {"error", made.error().message()}});
    }
    if (!connection.send(to_text(made ? *made : Json{{"error", to_json(made.error())}}))) return;
  }
}

}  // namespace upswarm::messages
