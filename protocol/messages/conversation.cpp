#include "protocol/messages/conversation.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"

namespace upswarm::messages {
namespace {

constexpr std::chrono::milliseconds kLookAround{200};
constexpr JsonLimits kFrameLimits{.longest = kLongestLocalFrame, .deepest = 32};
constexpr std::size_t kMostValues = 1000;

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

/// Looked at before anything is parsed: an empty list takes 3 bytes of text, and some 60 of memory.
bool has_many_values(std::string_view text) {
  std::size_t values = 0;
  bool is_inside = false;  // of a string
  for (std::size_t i = 0; i < text.size() && values <= kMostValues; ++i) {
    const char here = text[i];
    if (is_inside && here == '\\') ++i;
    else if (here == '"') is_inside = !is_inside;
    else if (!is_inside && (here == ',' || here == '[' || here == '{')) ++values;
  }
  return values > kMostValues;
}

std::string text_of(const Error& error) { return to_text(Json{{"error", to_json(error)}}); }

void tell(const LocalConnection& connection, const Error& error) {
  log::info("local question refused", {{"user", connection.peer().user}, {"error", error.message()}});
}

/// A frame that was not taken leaves the place of the next one unknown.
void end(LocalConnection& connection, const Error& why) {
  if (why.kind != ErrorKind::corrupt && why.kind != ErrorKind::busy) return;
  tell(connection, why);
  ignore_failure(connection.send(text_of(why)), "the conversation is over in any case");
}

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
    auto frame = connection.receive(connection.terms().idle, stop);
    if (!frame) return end(connection, frame.error());
    const auto make = [&]() -> Result<Json> {
      if (has_many_values(frame->text)) return Error{ErrorKind::corrupt, "a question", "too many values", "too_many"};
      UPSWARM_TRY(const auto question, parse_json(frame->text, "a question", kFrameLimits));
      std::string().swap(frame->text);  // a long one need not be there twice while it is answered
      if (!question.is_object() || !question.contains("ask") || !question["ask"].is_string()) {
        return Error{ErrorKind::corrupt, "a question", "it has no \"ask\""};
      }
      if (frame->refused) return *frame->refused;
      const StopWithoutListener listener(connection, stop);
      return answer(question["ask"].get<std::string>(), question, std::move(frame->file), listener.token());
    };
    const auto made = make();
    if (!made) tell(connection, made.error());
    if (!connection.send(made ? to_text(*made) : text_of(made.error()))) return;
  }
}

}  // namespace upswarm::messages
