// Who this machine is to the seeder: its id bound to its key, so that its reports count.
#pragma once

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "agent/schedule.hpp"
#include "agent/state_store.hpp"
#include "agent/status_board.hpp"
#include "protocol/base/http/http_client.hpp"
#include "protocol/trust/keys.hpp"

namespace upswarm::agent {

/// What an identity needs. All must outlive it.
struct IdentityTools {
  Files& files;
  StateStore& store;
  StatusBoard& board;
  HttpClient& http;
  const Clock& clock;
  RandomBelow random;
  PollRhythm rhythm;
  std::string seeder_url;
  Path token_file;  ///< read anew at each try; empty: none
};

/// Enrols by the token (protocol/messages/enrolment.hpp), once, and signs from then on. That it is enrolled is kept in
/// the store, for this id and this key; a seeder that does not know it (any more) is enrolled with again. Whatever
/// fails here is shown on the board and hinders nothing else. The token is never logged, and sent over HTTPS alone (or
/// to this machine itself): on the way a neighbour could read it. One thread, but for sign().
class MachineIdentity {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  /// `key`: open_machine_key; without one nothing is ever signed.
  MachineIdentity(IdentityTools tools, Result<trust::SigningKey> key);

  /// Enrols if that is still to do and it is time to try: after a failure at the seeder, by the back-off of `rhythm`.
  void keep_up(const std::string& machine_id, std::stop_token stop);

  /// When to call keep_up again; nothing: at any occasion.
  std::optional<Time> next_try() const { return next_try_; }

  /// Whether it may still enrol soon: the seeder did not answer, or had no time. Reports do better to wait, but not for
  /// ever: after kMostWaits tries no more.
  bool may_enrol_soon() const { return is_unanswered_ && failures_ <= kMostWaits; }
  static constexpr int kMostWaits = 8;

  /// The header fields of a request to the seeder; none unless enrolled. Any thread.
  Fields sign(const std::string& method, const std::string& target, std::string_view body) const;

  /// The seeder showed that it is not enrolled: it enrols again at the next keep_up.
  void lose(const std::string& why);

 private:
  Result<std::string> read_token() const;
  Result<void> ask_seeder(const std::string& token, std::stop_token stop);
  void try_to_enrol(std::stop_token stop);
  void put_off(const std::string& why);
  std::string mark() const;
  void set_enrolled(bool enrolled);

  IdentityTools tools_;
  Result<trust::SigningKey> key_;
  mutable std::mutex mutex_;  ///< held to change the next two, and by sign() to read them
  std::string machine_id_;
  bool is_enrolled_ = false;
  std::string lost_why_;
  bool is_unanswered_ = false;
  int failures_ = 0;
  std::optional<Time> next_try_;
};

}  // namespace upswarm::agent
