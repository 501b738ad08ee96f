#include "seeder/enrolment_tokens.hpp"

#include "protocol/messages/enrolment.hpp"
#include "protocol/trust/release_index.hpp"
#include "seeder/secret.hpp"

namespace upswarm::seeder {
namespace {

Result<EnrolmentToken> to_token(const SqlRow& row) {
  EnrolmentToken token{.name = row.text(0),
                       .uses = row.integer(1),
                       .used = row.integer(2),
                       .created = row.text(3),
                       .expires = {},
                       .revoked = {}};
  UPSWARM_TRY(token.expires, parse_time(row.text(4)));
  if (!row.is_null(5)) token.revoked = row.text(5);
  return token;
}

Error refusal(std::string why, std::string reason) {
  return {ErrorKind::denied, "check the enrolment token", std::move(why), std::move(reason)};
}

}  // namespace

Result<std::string> EnrolmentTokens::make(const std::string& name, std::int64_t uses, Time expires, Time now) {
  const auto context = "make the enrolment token " + name;
  UPSWARM_CHECK(trust::parse_name(name));
  if (uses < 1 || uses > kMostUses)
    return Error{ErrorKind::invalid, context, "it may have 1 to " + std::to_string(kMostUses) + " uses"};
  UPSWARM_TRY(const auto live, database_.run("SELECT count(*) FROM enrolment_tokens WHERE revoked IS NULL"));
  if (live.at(0).integer(0) >= kMostTokens)
    return Error{ErrorKind::busy, context, "there are " + std::to_string(kMostTokens) + ": revoke some first"};
  const auto secret = make_secret(messages::kTokenPrefix);
  UPSWARM_TRY(
      const auto made,
      database_.run("INSERT INTO enrolment_tokens (name, sha256, uses, used, created, expires) VALUES (?, ?, ?, 0, ?, "
                    "?) ON CONFLICT (name) DO NOTHING RETURNING name",
                    {name, sha256(secret).hex(), uses, to_string(now), to_string(expires)}));
  if (made.empty()) return Error{ErrorKind::invalid, context, "there is one of this name already"};
  return secret;
}

Result<std::vector<EnrolmentToken>> EnrolmentTokens::list() {
  UPSWARM_TRY(const auto rows, database_.run("SELECT name, uses, used, created, expires, revoked FROM enrolment_tokens "
                                             "ORDER BY name LIMIT 10000"));
  std::vector<EnrolmentToken> tokens;
  for (const auto& row : rows) {
    UPSWARM_TRY(auto token, to_token(row));
    tokens.push_back(std::move(token));
  }
  return tokens;
}

Result<void> EnrolmentTokens::revoke(const std::string& name, Time now) {
  UPSWARM_TRY(const auto rows,
              database_.run("UPDATE enrolment_tokens SET revoked = ? WHERE name = ? AND revoked IS NULL RETURNING name",
                            {to_string(now), name}));
  if (rows.empty()) return Error{ErrorKind::not_found, "revoke the enrolment token " + name, "there is no such token"};
  return {};
}

Result<std::string> EnrolmentTokens::check(std::string_view secret, Time now) {
  const auto wanted = sha256(secret);
  UPSWARM_TRY(const auto rows,
              database_.run("SELECT name, uses, used, created, expires, revoked, sha256 FROM enrolment_tokens "
                            "ORDER BY revoked IS NOT NULL, name LIMIT 10000"));
  const SqlRow* found = nullptr;
  for (const auto& row : rows) {
    const auto stored = parse_sha256(row.text(6));
    if (stored && is_same(*stored, wanted)) found = &row;
  }
  if (found == nullptr) return refusal("this seeder did not make it", "token_unknown");
  UPSWARM_TRY(const auto token, to_token(*found));
  if (token.revoked) return refusal(token.name + " was revoked", "token_revoked");
  if (token.expires <= now) return refusal(token.name + " expired " + to_string(token.expires), "token_expired");
  if (token.used >= token.uses)
    return refusal(token.name + " has enrolled " + std::to_string(token.used) + " machines, as many as it may",
                   "token_used_up");
  return token.name;
}

Result<void> EnrolmentTokens::use(const std::string& name) {
  UPSWARM_CHECK(database_.run("UPDATE enrolment_tokens SET used = used + 1 WHERE name = ?", {name}));
  return {};
}

}  // namespace upswarm::seeder
