#include "agent/identity.hpp"

#include "agent/secret_file.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/program.hpp"
#include "protocol/messages/enrolment.hpp"
#include "protocol/messages/machine_request.hpp"

namespace upswarm::agent {
namespace {

constexpr const char* kEnrolled = "enrolled";  // the setting: id and key that the seeder has bound

bool is_private_way(std::string_view url) {
  if (url.starts_with("https://")) return true;
  if (url.find('@') != std::string_view::npos) return false;  // what looks like the host is a user's name
  for (const std::string_view here : {"http://127.0.0.1", "http://[::1]", "http://localhost"}) {
    if (!url.starts_with(here)) continue;
    const auto rest = url.substr(here.size());
    if (rest.empty() || rest.front() == ':' || rest.front() == '/') return true;
  }
  return false;
}

/// What the seeder said, as an error: `unreachable` when it may say otherwise later.
Error refusal(const HttpResponse& response) {
  const auto json = parse_json(response.body, "answer", {.longest = messages::kLongestEnrolmentAnswer, .deepest = 4});
  const auto status = "HTTP " + std::to_string(response.status);
  const bool is_final = response.status / 100 == 4 && response.status != 408 && response.status != 429;
  const auto kind = is_final ? ErrorKind::denied : ErrorKind::unreachable;
  if (!json || !json->is_object() || !json->contains("error")) return {kind, "enrol", "the seeder answers " + status};
  const auto said = read_error(json->at("error"));
  return {kind, "enrol",
          "the seeder refuses: " + said.cause + " (" + (said.reason.empty() ? status : said.reason) + ")", said.reason};
}

}  // namespace

MachineIdentity::MachineIdentity(IdentityTools tools, Result<trust::SigningKey> key)
    : tools_(std::move(tools)), key_(std::move(key)) {
  if (key_) tools_.board.set_machine_key(key_->public_key().public_text);
  else tools_.board.set_enrolment(key_.error().message());
  if (!key_) log::error("no key of this machine", {{"error", key_.error().message()}});
}

void MachineIdentity::keep_up(const std::string& machine_id, std::stop_token stop) {
  if (!key_) return;
  if (machine_id != machine_id_) {
    set_enrolled(false);
    {
      const std::lock_guard lock(mutex_);
      machine_id_ = machine_id;
    }
    failures_ = 0;
    next_try_.reset();
  }
  if (is_enrolled_) return;
  if (const auto id = messages::parse_machine_id(machine_id); !id)
    return tools_.board.set_enrolment("the machine's id cannot have a key: " + id.error().cause);
  const auto settled = tools_.store.setting(kEnrolled);
  set_enrolled(settled && *settled == mark());
  if (is_enrolled_) return tools_.board.set_enrolment("");
  if (next_try_ && tools_.clock.now() < *next_try_) return;
  try_to_enrol(std::move(stop));
}

void MachineIdentity::try_to_enrol(std::stop_token stop) {
  next_try_.reset();
  is_unanswered_ = false;
  const auto token = read_token();
  // Nobody was asked: the next cycle looks again.
  if (!token) return tools_.board.set_enrolment((lost_why_.empty() ? "" : lost_why_ + "; ") + token.error().message());
  auto done = ask_seeder(*token, std::move(stop));
  if (done) done = tools_.store.set(kEnrolled, mark());
  if (!done && done.error().kind == ErrorKind::cancelled) return;
  if (!done) {
    is_unanswered_ = done.error().kind != ErrorKind::denied;
    return put_off(done.error().kind == ErrorKind::denied ? done.error().cause : done.error().message());
  }
  set_enrolled(true);
  failures_ = 0;
  lost_why_.clear();
  tools_.board.set_enrolment("");
  log::info("enrolled", {{"machine", machine_id_}, {"public_key", key_->public_key().public_text}});
}

void MachineIdentity::put_off(const std::string& why) {
  ++failures_;
  const auto wait = std::chrono::ceil<std::chrono::seconds>(next_wait(tools_.rhythm, failures_, tools_.random));
  next_try_ = tools_.clock.now() + wait;
  tools_.board.set_enrolment(why);
  log::warning("not enrolled", {{"why", messages::shortened(why, 1000)},
                                {"failures", failures_},
                                {"again_in", upswarm::to_string(std::chrono::milliseconds(wait))}});
}

Result<std::string> MachineIdentity::read_token() const {
  const auto& file = tools_.token_file;
  if (file.empty())
    return Error{ErrorKind::not_found, "no token", "agent.toml has no enrolment_token_file", "no_token"};
  if (!is_private_way(tools_.seeder_url)) {
    return Error{ErrorKind::denied, "the token is not sent to " + tools_.seeder_url,
                 "a neighbour could read it on the way; let seeder_url begin with https://", "no_tls"};
  }
  UPSWARM_TRY(const auto text, read_secret(tools_.files, file));
  auto token = messages::parse_token(text);
  if (!token) return std::move(token).error().within(file.string());
  return token;
}

Result<void> MachineIdentity::ask_seeder(const std::string& token, std::stop_token stop) {
  HttpRequest request{.url = tools_.seeder_url + messages::kEnrolPath, .method = "POST"};
  request.longest = messages::kLongestEnrolmentAnswer;
  request.body = to_text(messages::to_json(messages::Enrolment{machine_id_, key_->public_key().public_text, token}));
  request.headers = messages::sign_request(
      *key_, {machine_id_, tools_.clock.now(), request.method, messages::kEnrolPath, request.body});
  request.headers.emplace_back("Content-Type", "application/json");
  UPSWARM_TRY(const auto response, tools_.http.send(request, std::move(stop)));
  if (response.status / 100 == 2) return {};
  return refusal(response);
}

MachineIdentity::Fields MachineIdentity::sign(const std::string& method, const std::string& target,
                                              std::string_view body) const {
  std::string machine_id;
  {
    const std::lock_guard lock(mutex_);
    if (!is_enrolled_) return {};
    machine_id = machine_id_;
  }
  return messages::sign_request(*key_, {machine_id, tools_.clock.now(), method, target, body});
}

void MachineIdentity::lose(const std::string& why) {
  if (!is_enrolled_) return;
  log::warning("no longer enrolled", {{"why", why}});
  set_enrolled(false);
  lost_why_ = why;
  tools_.board.set_enrolment(why);
  // If it stays, the seeder says the same again after the next start.
  ignore_failure(tools_.store.set(kEnrolled, ""), "the worst is one more question");
}

void MachineIdentity::set_enrolled(bool enrolled) {
  const std::lock_guard lock(mutex_);
  is_enrolled_ = enrolled;
}

std::string MachineIdentity::mark() const { return machine_id_ + " " + key_->public_key().public_text; }

}  // namespace upswarm::agent
