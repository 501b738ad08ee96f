// How long each role's signature is still good, and when it is time to sign anew.
#pragma once

#include <map>
#include <vector>

#include "protocol/base/database.hpp"
#include "seeder/repository.hpp"

namespace upswarm::seeder {

/// The life of what is served of a role.
struct RoleLife {
  enum class State {
    ok,
    renew,  ///< half of the life is over
    expired,
  };
  std::string role;
  trust::RoleVersion version = 0;
  Time since;  ///< when this seeder took it in, or signed it: metadata does not tell when it was signed
  Time expires;

  State state_at(Time now) const;
  std::int64_t days_left_at(Time now) const;  ///< whole ones; below 0 when it has expired
};

const char* name_of(RoleLife::State state);

/// {"role", "version", "expires", "expired", "days_left", "state": "ok" | "renew" | "expired"}
Json describe(const RoleLife& life, Time now);

/// Root and timestamp first. Of a version that note_lives() never saw, the life begins now.   Errors: corrupt, disk.
Result<std::vector<RoleLife>> read_lives(Database& database, const RepositoryView& view, Time now);

/// Keeps in the database since when each version is here, and answers as read_lives.   Errors: disk, no_space, ...
Result<std::vector<RoleLife>> note_lives(Database& database, const RepositoryView& view, Time now);

/// Says in the log which roles are to be renewed: when that begins, and then once a day. Not for use by two threads at
/// once.
class LifeWarnings {
 public:
  /// How many warnings were written.
  int look(const std::vector<RoleLife>& lives, Time now);

 private:
  struct Told {
    RoleLife::State state;
    Time at;
  };
  std::map<std::string, Told> told_;
};

}  // namespace upswarm::seeder
