// Who may do what over HTTP: named keys with scopes. Only their digests are stored.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/database.hpp"

namespace upswarm::seeder {

inline constexpr std::int64_t kMostApiKeys = 1000;  ///< that were not revoked

enum class Scope {
  read,     ///< status
  upload,   ///< bundles; may ask a rollout for releases that have none yet
  rollout,  ///< change rollouts
};

/// Errors: invalid.
Result<Scope> parse_scope(std::string_view text);
std::string_view name_of(Scope scope);

struct ApiKey {
  std::string name;
  std::vector<Scope> scopes;
  std::string created;
  std::optional<std::string> revoked;
  bool may(Scope scope) const;
};

/// The keys of one database, which must outlive it. Safe from any thread.
class ApiKeys {
 public:
  explicit ApiKeys(Database& database) : database_(database) {}

  /// Makes a key and returns its secret, which is stored nowhere.
  /// Errors: invalid  the name is none (see trust::parse_name), taken, or no scope is given;
  ///         busy     there are kMostApiKeys; as the database.
  Result<std::string> make(const std::string& name, const std::vector<Scope>& scopes, Time now);
  Result<std::vector<ApiKey>> list();
  /// Errors: not_found  no such key, or revoked already.
  Result<void> revoke(const std::string& name, Time now);

  /// The key that `secret` belongs to. Takes as long for every secret that is no key.
  /// Errors: denied  (reason "api_key") nobody's, or revoked; as the database.
  Result<ApiKey> check(std::string_view secret);

 private:
  Database& database_;
};

}  // namespace upswarm::seeder
