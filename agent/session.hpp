// Where the update of one product is.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace upswarm::agent {

/// checking -> downloading -> verifying -> staged -> installing -> probation -> completed
///
/// The last three but completed are seen through the installer's progress, which is asked from time to time: any of
/// them may be missed. A way that failed leads back to downloading; where nothing is to be
/// fetched, verifying follows on checking.
enum class SessionState {
  checking,
  downloading,
  verifying,   ///< handed over; the installer reads it
  staged,      ///< being unpacked beside what runs
  installing,  ///< switching
  probation,   ///< the new release runs, its health is being checked
  completed,
  failed,
  rolled_back,
  cancelled,
};

std::string_view to_string(SessionState state);
/// Nothing: no state is called so.
std::optional<SessionState> state_of_name(std::string_view name);

/// Whether `to` may come after `from`. A state may not follow itself; nothing follows the last four.
bool may_follow(SessionState from, SessionState to);

bool is_final(SessionState state);
/// The agent has handed over, and only looks on.
bool is_with_installer(SessionState state);

/// What the installer's word for what it does (ProductProgress::phase) means here; `installing` for unknown words.
SessionState state_of_phase(std::string_view phase);

/// Told each step that is made, with words for people.
using StepNote = std::function<void(SessionState to, const std::string& detail)>;

/// The update of one product. One thread at a time.
class Session {
 public:
  /// `start`: other than `checking` where the installer is found at work.
  Session(std::string product, std::string version, SessionState start = SessionState::checking, StepNote note = {});

  SessionState state() const { return state_; }
  const std::string& version() const { return version_; }

  /// Moves on. The state it is in already changes nothing. A step that may_follow forbids is a defect: assert, and an
  /// error in the log; the state stays then.
  void go_to(SessionState to, const std::string& detail = {});

  /// Moves on where that is allowed and does nothing where not: for the installer's words, which come late or twice.
  void observe(SessionState to);

 private:
  std::string product_;
  std::string version_;
  SessionState state_;
  StepNote note_;
};

}  // namespace upswarm::agent
