// Sessions on disk: where each update of the last time was, when, and why it ended.
#pragma once

#include <optional>
#include <string>

#include "agent/session.hpp"
#include "agent/state_store.hpp"
#include "protocol/base/clock.hpp"

namespace upswarm::agent {

/// Each step is stored as it is made. What cannot be stored (a full disk) is a warning in the log: an update does not
/// wait for its book. One thread.
class SessionBook {
 public:
  /// Both must outlive the book and its sessions.
  SessionBook(StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  /// A new one. One of the product that is open ends as `cancelled`.
  Session begin(const std::string& product, const std::string& version);

  /// The installer was found at work, in the state `found`: the open session of that product and version goes on, or a
  /// new one begins there.
  Session take_up(const std::string& product, const std::string& version, SessionState found);

  /// Nothing is at work: sessions that an agent before this one left open end as the history says, or as `cancelled`.
  void settle();

 private:
  Session open(std::int64_t number, const std::string& product, const std::string& version, SessionState state);
  std::int64_t add(const std::string& product, const std::string& version, SessionState state);

  StateStore& store_;
  const Clock& clock_;
};

/// How a session ended of which this came.
SessionState end_of(const messages::Outcome& outcome);

}  // namespace upswarm::agent
