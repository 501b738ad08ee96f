// How the repository stands, for people and programs.
#pragma once

#include "protocol/base/clock.hpp"
#include "protocol/base/database.hpp"
#include "protocol/base/json.hpp"
#include "seeder/folder.hpp"

namespace upswarm::seeder {

/// {"version", "roles": [see describe(RoleLife)], "targets", "torrents", "reports",
///  "rollouts": [{"product", "channel", "platform", "releases": [{"counter", "version", "withdrawn", "permille",
///  "paused", "rings", "reason"}]}]}
/// A release without a filter has "permille": null: it is held.
/// Errors: corrupt, disk  the folder or the database.
Result<Json> describe_repository(Files& files, const SeederFolder& folder, Database& database, Time now);

/// The same as text for people.
std::string to_text(const Json& status);

}  // namespace upswarm::seeder
