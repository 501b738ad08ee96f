#include "protocol/messages/conversation.hpp"

#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"

namespace upswarm::messages {
namespace {

constexpr std::chrono::milliseconds kIdleLimit{std::chrono::minutes(5)};
constexpr JsonLimits kFrameLimits{.longest = kLongestLocalFrame, .deepest = 32};

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
      return answer(question["ask"].get<std::string>(), question, std::move(frame->file));
    };
    const auto made = make();
    if (!made) {
      log::info("local question refused", {{"user", connection.peer().user}, {"error", made.error().message()}});
    }
    if (!connection.send(to_text(made ? *made : Json{{"error", to_json(made.error())}}))) return;
  }
}

}  // namespace upswarm::messages
