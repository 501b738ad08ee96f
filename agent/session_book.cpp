#include "agent/session_book.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr const char* kStopped = "the agent was stopped";

void warn(const Error& why) { log::warning("a step of an update is not in its book", {{"why", why.message()}}); }

/// The newest outcome that the session can have led to.
const messages::Outcome* find_end(const std::vector<messages::HistoryItem>& history,
                                  const messages::SessionRecord& session) {
  const auto found = std::ranges::find_if(history, [&](const auto& item) {
    const auto& outcome = item.outcome;
    return outcome.product == session.product && outcome.to == session.version &&
           outcome.at >= session.steps.front().at;
  });
  return found == history.end() ? nullptr : &found->outcome;
}

}  // namespace

SessionState end_of(const messages::Outcome& outcome) {
  if (outcome.result == "completed") return SessionState::completed;
  return outcome.result == "rolled_back" ? SessionState::rolled_back : SessionState::failed;
}

Session SessionBook::begin(const std::string& product, const std::string& version) {
  const auto state = SessionState::checking;
  return open(add(product, version, state), product, version, state);
}

Session SessionBook::take_up(const std::string& product, const std::string& version, SessionState found) {
  const auto there = store_.open_sessions();
  if (!there) warn(there.error());
  else {
    for (const auto& [number, record] : *there) {
      if (record.product != product || record.version != version) continue;
      const auto state = state_of_name(record.steps.back().state).value_or(found);
      auto session = open(number, product, version, state);
      session.observe(found);
      return session;
    }
  }
  return open(add(product, version, found), product, version, found);
}

void SessionBook::settle() {
  const auto left = store_.open_sessions();
  if (!left) return warn(left.error());
  if (left->empty()) return;
  const auto history = store_.history(messages::kMostHistory);
  if (!history) return warn(history.error());
  for (const auto& [number, record] : *left) {
    const auto* const outcome = find_end(*history, record);
    const auto state = state_of_name(record.steps.back().state).value_or(SessionState::checking);
    const auto end = outcome == nullptr ? SessionState::cancelled : end_of(*outcome);
    auto session = open(number, record.product, record.version, state);
    if (outcome != nullptr && may_follow(state, end)) session.go_to(end, outcome->reason);
    else session.go_to(SessionState::cancelled, kStopped);
  }
}

Session SessionBook::open(std::int64_t number, const std::string& product, const std::string& version,
                          SessionState state) {
  return {product, version, state, [this, number](SessionState to, const std::string& detail) {
            const messages::SessionStep step{std::string(to_string(to)), clock_.now(),
                                             messages::shortened(detail, messages::kLongestStepDetail)};
            if (const auto added = store_.add_step(number, step, is_final(to)); !added) warn(added.error());
          }};
}

std::int64_t SessionBook::add(const std::string& product, const std::string& version, SessionState state) {
  const messages::SessionRecord record{product, version, {{std::string(to_string(state)), clock_.now(), ""}}};
  const messages::SessionStep cut{std::string(to_string(SessionState::cancelled)), clock_.now(), kStopped};
  const auto number = store_.begin_session(record, cut);
  if (!number) warn(number.error());
  return number ? *number : 0;
}

}  // namespace upswarm::agent
