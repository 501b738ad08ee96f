// Which tokens machines may enrol with. Only their digests are stored.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/database.hpp"

namespace upswarm::seeder {

inline constexpr std::int64_t kMostTokens = 1000;  ///< that were not revoked
inline constexpr std::int64_t kMostUses = 100'000;

struct EnrolmentToken {
  std::string name;
  std::int64_t uses = 0;  ///< how many machines it may enrol
  std::int64_t used = 0;
  std::string created;
  Time expires;
  std::optional<std::string> revoked;
};

/// The tokens of one database, which must outlive it. Safe from any thread.
class EnrolmentTokens {
 public:
  explicit EnrolmentTokens(Database& database) : database_(database) {}

  /// Makes a token and returns its secret, which is stored nowhere. `uses`: 1 to kMostUses.
  /// Errors: invalid  the name is none (see trust::parse_name) or taken, or `uses` is beyond its bounds;
  ///         busy     there are kMostTokens; as the database.
  Result<std::string> make(const std::string& name, std::int64_t uses, Time expires, Time now);
  Result<std::vector<EnrolmentToken>> list();
  /// The machines that it enrolled stay.   Errors: not_found  no such token, or revoked already.
  Result<void> revoke(const std::string& name, Time now);

  /// The name of the token that `secret` belongs to, if it may enrol one more machine. Takes as long for every secret
  /// that is none.
  /// Errors: denied  with the reason token_unknown, token_revoked, token_expired or token_used_up; as the database.
  Result<std::string> check(std::string_view secret, Time now);
  /// Takes one use off it.
  Result<void> use(const std::string& name);

 private:
  Database& database_;
};

}  // namespace upswarm::seeder
