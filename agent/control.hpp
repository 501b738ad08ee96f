// Answers to the command line (protocol/messages/agent_messages.hpp).
#pragma once

#include <functional>
#include <string>

#include "agent/state_store.hpp"
#include "agent/status_board.hpp"
#include "agent/swarm.hpp"
#include "agent/update_cycle.hpp"

namespace upswarm::agent {

/// Any user of the machine may ask: nothing here goes beyond what signed entries allow. Any thread.
class Control {
 public:
  using Wake = std::function<std::int64_t(const CycleRequest&)>;

  /// What the machine may do in the swarm just now.
  using AskManners = std::function<Manners()>;

  /// All must outlive the object. `wake` starts a cycle and returns its number.
  Control(StatusBoard& board, StateStore& store, Swarm& swarm, const Clock& clock, Wake wake, AskManners manners);

  /// Errors: invalid  an unknown word or value; not_found  an unknown product; denied  the signed entry forbids it.
  Result<Json> answer(const std::string& word, const Json& question);

 private:
  Result<Json> status();
  Result<Json> defer(const Json& question);
  Result<Json> skip(const Json& question);
  Result<Json> update(const Json& question);
  Result<Json> why(const Json& question);
  Result<Json> forget_bad();
  Result<Json> history(const Json& question);
  Result<Json> sessions(const Json& question);
  Result<void> check_product(const std::string& product) const;

  StatusBoard& board_;
  StateStore& store_;
  Swarm& swarm_;
  const Clock& clock_;
  Wake wake_;
  AskManners manners_;
};

}  // namespace upswarm::agent
