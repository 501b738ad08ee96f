// Which machine has which key: bound once, by a token, until an administrator says otherwise.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/messages/enrolment.hpp"
#include "seeder/enrolment_tokens.hpp"

namespace upswarm::seeder {

/// 20 times the largest fleet that Upswarm is made for: a stolen token must not fill the disk.
inline constexpr std::int64_t kMostMachines = 100'000;

struct Machine {
  std::string machine;
  std::string public_key;  ///< 64 hexadecimal digits
  std::string token;       ///< the name of the one that it enrolled with
  std::string enrolled;
  std::optional<std::string> revoked;
};

/// The machines of one database, which must outlive it. Safe from any thread.
class Machines {
 public:
  explicit Machines(Database& database, std::int64_t most = kMostMachines)
      : database_(database), tokens_(database), most_(most) {}

  /// Binds the id to the key and takes one use off the token, both or neither. True when it is new; false when the id
  /// is bound to this key already: then the token is not looked at. The caller has seen that the sender has the key.
  /// Errors: denied  machine_revoked; as EnrolmentTokens::check; machine_taken, which only a good token learns;
  ///                 too_many_machines; as the database.
  Result<bool> enrol(const messages::Enrolment& wish, Time now);

  Result<std::optional<Machine>> find(const std::string& machine);
  /// By id, from the one after `after`; at most `limit`.
  Result<std::vector<Machine>> list(const std::string& after = "", std::int64_t limit = kMostMachines);

  /// From now on nothing that its key signed counts, neither what comes nor what came.
  /// Errors: not_found  no such machine, or revoked already.
  Result<void> revoke(const std::string& machine, Time now);
  /// The same for all that a token enrolled (it was stolen, say). How many.
  Result<std::int64_t> revoke_enrolled_by(const std::string& token, Time now);
  /// Its id is free for another key; nothing that the old one signed counts any more.   Errors: not_found.
  Result<void> forget(const std::string& machine);

 private:
  Database& database_;
  EnrolmentTokens tokens_;
  std::int64_t most_;
};

}  // namespace upswarm::seeder
