#include "seeder/api_keys.hpp"

#include <algorithm>
#include <array>

#include "protocol/trust/release_index.hpp"
#include "seeder/secret.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::array kScopes{Scope::read, Scope::upload, Scope::rollout};
constexpr std::string_view kPrefix = "upswarm_";  // lets secret scanners find a key that leaked

std::string joined(const std::vector<Scope>& scopes) {
  std::string text;
  for (const auto scope : kScopes) {
    if (std::ranges::find(scopes, scope) == scopes.end()) continue;
    if (!text.empty()) text += ' ';
    text += name_of(scope);
  }
  return text;
}

std::vector<Scope> split(std::string_view text) {
  std::vector<Scope> scopes;
  while (!text.empty()) {
    const auto space = text.find(' ');
    if (const auto scope = parse_scope(text.substr(0, space))) scopes.push_back(*scope);
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
  }
  return scopes;
}

ApiKey to_key(const SqlRow& row) {
  ApiKey key{row.text(0), split(row.text(1)), row.text(2), {}};
  if (!row.is_null(3)) key.revoked = row.text(3);
  return key;
}

}  // namespace

Result<Scope> parse_scope(std::string_view text) {
  for (const auto scope : kScopes) {
    if (text == name_of(scope)) return scope;
  }
  return Error{ErrorKind::invalid, "read the scope \"" + std::string(text) + "\"", "read, upload or rollout is wanted"};
}

std::string_view name_of(Scope scope) {
  switch (scope) {
    case Scope::read: return "read";
    case Scope::upload: return "upload";
    case Scope::rollout: return "rollout";
  }
  return "";
}

bool ApiKey::may(Scope scope) const { return std::ranges::find(scopes, scope) != scopes.end(); }

Result<std::string> ApiKeys::make(const std::string& name, const std::vector<Scope>& scopes, Time now) {
  UPSWARM_CHECK(trust::parse_name(name));
  if (scopes.empty()) return Error{ErrorKind::invalid, "make the API key " + name, "it needs a scope"};
  UPSWARM_TRY(const auto live, database_.run("SELECT count(*) FROM api_keys WHERE revoked IS NULL"));
  if (live.at(0).integer(0) >= kMostApiKeys) {
    return Error{ErrorKind::busy, "make the API key " + name,
                 "there are " + std::to_string(kMostApiKeys) + ": revoke some first"};
  }
  const auto secret = make_secret(kPrefix);
  UPSWARM_TRY(const auto made, database_.run("INSERT INTO api_keys (name, scopes, sha256, created) VALUES (?, ?, ?, ?) "
                                             "ON CONFLICT (name) DO NOTHING RETURNING name",
                                             {name, joined(scopes), sha256(secret).hex(), to_string(now)}));
  if (made.empty()) return Error{ErrorKind::invalid, "make the API key " + name, "there is one of this name already"};
  return secret;
}

Result<std::vector<ApiKey>> ApiKeys::list() {
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT name, scopes, created, revoked FROM api_keys ORDER BY name LIMIT 10000"));
  std::vector<ApiKey> keys;
  for (const auto& row : rows) keys.push_back(to_key(row));
  return keys;
}

Result<void> ApiKeys::revoke(const std::string& name, Time now) {
  UPSWARM_TRY(const auto rows,
              database_.run("UPDATE api_keys SET revoked = ? WHERE name = ? AND revoked IS NULL RETURNING name",
                            {to_string(now), name}));
  if (rows.empty()) return Error{ErrorKind::not_found, "revoke the API key " + name, "there is no such key"};
  return {};
}

Result<ApiKey> ApiKeys::check(std::string_view secret) {
  const auto wanted = sha256(secret);
  UPSWARM_TRY(const auto rows, database_.run("SELECT name, scopes, created, revoked, sha256 FROM api_keys "
                                             "WHERE revoked IS NULL ORDER BY name LIMIT 10000"));
  std::optional<ApiKey> found;
  for (const auto& row : rows) {
    const auto stored = parse_sha256(row.text(4));
    if (stored && is_same(*stored, wanted)) found = to_key(row);
  }
  if (!found) return Error{ErrorKind::denied, "check the API key", "it is not known, or was revoked", "api_key"};
  return *found;
}

}  // namespace upswarm::seeder
