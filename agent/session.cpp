#include "agent/session.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

using enum SessionState;

constexpr std::array<std::string_view, 10> kNames{"checking",  "downloading", "verifying", "staged",      "installing",
                                                  "probation", "completed",   "failed",    "rolled_back", "cancelled"};

struct Step {
  SessionState from;
  SessionState to;
};

constexpr std::array kSteps{
    Step{checking, downloading},  Step{checking, verifying},  // nothing to fetch
    Step{checking, failed},       Step{checking, cancelled},    Step{downloading, verifying},
    Step{downloading, failed},    Step{downloading, cancelled}, Step{verifying, staged},
    Step{verifying, installing},  Step{verifying, probation},   Step{verifying, completed},
    Step{verifying, rolled_back}, Step{verifying, failed},      Step{verifying, cancelled},
    Step{verifying, downloading},  // refused: the full package instead
    Step{staged, installing},     Step{staged, probation},      Step{staged, completed},
    Step{staged, rolled_back},    Step{staged, failed},         Step{staged, cancelled},
    Step{staged, downloading},  // the delta did not apply
    Step{installing, probation},  Step{installing, completed},  Step{installing, rolled_back},
    Step{installing, failed},     Step{installing, cancelled},  Step{installing, downloading},
    Step{probation, completed},   Step{probation, rolled_back}, Step{probation, failed},
    Step{probation, cancelled},   Step{probation, installing},  // rolling back
};

}  // namespace

std::string_view to_string(SessionState state) { return kNames.at(static_cast<std::size_t>(state)); }

std::optional<SessionState> state_of_name(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<SessionState>(found - kNames.begin());
}

bool may_follow(SessionState from, SessionState to) {
  return std::ranges::any_of(kSteps, [&](const Step& step) { return step.from == from && step.to == to; });
}

bool is_final(SessionState state) {
  return state == completed || state == failed || state == rolled_back || state == cancelled;
}

bool is_with_installer(SessionState state) {
  return state == verifying || state == staged || state == installing || state == probation;
}

SessionState state_of_phase(std::string_view phase) {
  if (phase == "verifying" || phase.empty()) return verifying;
  for (const char* word : {"staging", "looking for chunks", "unpacking", "applying", "hook before"}) {
    if (phase == word) return staged;
  }
  if (phase == "checking health") return probation;
  return installing;
}

Session::Session(std::string product, std::string version, SessionState start, StepNote note)
    : product_(std::move(product)), version_(std::move(version)), state_(start), note_(std::move(note)) {}

void Session::go_to(SessionState to, const std::string& detail) {
  if (to == state_) return;
  if (!may_follow(state_, to)) {
    log::error("a step that must not be", {{"product", product_}, {"from", to_string(state_)}, {"to", to_string(to)}});
    assert(false && "may_follow(state_, to)");
    return;
  }
  log::debug("session",
             {{"product", product_}, {"version", version_}, {"from", to_string(state_)}, {"to", to_string(to)}});
  state_ = to;
  if (note_) note_(to, detail);
}

void Session::observe(SessionState to) {
  if (may_follow(state_, to)) go_to(to);
}

}  // namespace upswarm::agent
