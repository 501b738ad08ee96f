// Who may sign what, and until when: the expiry report.
#pragma once

#include "seeder/publish/key_ring.hpp"
#include "seeder/publish/repository.hpp"

namespace upswarm::publish {

/// {"role", "version", "expires", "days_left", "expired", "renew_soon"}; soon: less than half of `days` is left.
Json expiry_of(const std::string& role, trust::RoleVersion version, Time expires, std::int64_t days,
               const Clock& clock);
/// "until 2026-... (90 days)", with a warning at half of its life and after its end.
std::string expiry_text(const Json& role);

/// The offline roles: root, targets, rel-P, and pre-P where something was signed.
Json offline_roles(const Repository& repository, const Clock& clock);

/// {"roles": [{"role", "threshold", "keys": [{"key_id", "file"}], and for offline roles what expiry_of tells}],
///  "changes": [NAME]}: `file` is the secret's name in the key folder, "" where it is not here.
Result<Json> list_keys(const Repository& repository, KeyRing& keys, const Clock& clock);
std::string key_list_text(const Json& list);

}  // namespace upswarm::publish
