#include "protocol/messages/session_messages.hpp"

#include "protocol/messages/report.hpp"

namespace upswarm::messages {

Json sessions_to_json(const std::vector<SessionRecord>& sessions) {
  Json list = Json::array();
  for (const auto& session : sessions) {
    Json steps = Json::array();
    for (const auto& step : session.steps)
      steps.push_back({{"state", step.state}, {"at", to_string(step.at)}, {"detail", step.detail}});
    list.push_back({{"product", session.product}, {"version", session.version}, {"steps", std::move(steps)}});
  }
  return {{"sessions", std::move(list)}};
}

Result<std::vector<SessionRecord>> parse_sessions(const Json& value) {
  ObjectReader in(value, "sessions");
  std::vector<SessionRecord> sessions;
  for (const auto& one : in.array("sessions", static_cast<std::size_t>(kMostSessions))) {
    auto inside = in.inside(one, "sessions", sessions.size());
    SessionRecord session{inside.text("product", 64), inside.text("version", 128), {}};
    for (const auto& told : inside.array("steps", kMostSessionSteps)) {
      auto step = inside.inside(told, "steps", session.steps.size());
      session.steps.push_back({step.text("state", 40), step.parsed("at", parse_time).value_or(Time{}),
                               step.text("detail", kLongestStepDetail)});
      UPSWARM_CHECK(step.finish_open());
    }
    UPSWARM_CHECK(inside.finish_open());
    sessions.push_back(std::move(session));
  }
  UPSWARM_CHECK(in.finish_open());
  return sessions;
}

}  // namespace upswarm::messages
