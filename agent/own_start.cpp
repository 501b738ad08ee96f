#include "agent/own_start.hpp"

#include "protocol/base/local_socket.hpp"
#include "protocol/base/log.hpp"
#include "protocol/messages/conversation.hpp"
#include "protocol/messages/installer_messages.hpp"

namespace upswarm::agent {
namespace {

constexpr std::chrono::milliseconds kAnswerLimit{std::chrono::seconds(10)};
constexpr std::chrono::milliseconds kAgain{std::chrono::seconds(1)};

Result<void> confirm_once(const Path& socket, const OwnStart& start, const std::stop_token& stop) {
  UPSWARM_TRY(const auto link, connect_local(socket));
  UPSWARM_TRY(const auto answer, messages::ask(*link, {{"ask", "hello"}}, kAnswerLimit, stop));
  UPSWARM_CHECK(messages::parse_hello(answer));
  const Json question{{"ask", "confirm"}, {"product", start.product}, {"token", start.token}};
  UPSWARM_CHECK(messages::ask(*link, question, kAnswerLimit, stop));
  return {};
}

}  // namespace

std::optional<OwnStart> own_start(const std::function<const char*(const char*)>& variable) {
  const char* const token = variable("UPSWARM_TOKEN");
  if (token == nullptr || *token == '\0') return std::nullopt;
  const char* const product = variable("UPSWARM_PRODUCT");
  return OwnStart{.product = product == nullptr ? "upswarm-agent" : product, .token = token};
}

void confirm_own_start(const Path& socket, const OwnStart& start,
                       const std::function<void(std::chrono::milliseconds, const std::stop_token&)>& pause,
                       const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto confirmed = confirm_once(socket, start, stop);
    if (confirmed) {
      log::info("confirmed that this agent runs", {{"product", start.product}});
      return;
    }
    const auto kind = confirmed.error().kind;
    if (kind == ErrorKind::not_found || kind == ErrorKind::denied) {
      log::debug("nobody waits for the word of this agent", {{"why", confirmed.error().message()}});
      return;
    }
    pause(kAgain, stop);
  }
}

}  // namespace upswarm::agent
