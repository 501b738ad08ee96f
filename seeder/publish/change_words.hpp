// What a change does, in words for the person who is to sign it.
#pragma once

#include <string>

#include "seeder/publish/change_check.hpp"

namespace upswarm::publish {

/// One line a fact, computed from what would be signed against `base`, never from what the change says about itself.
/// All keys of a role are told, not only those that change: a base that somebody made up shows.
/// `change` must have passed check_change.   Errors: as check_change.
Result<std::string> words_of(const Base& base, const ChangeFile& change);

/// "asks for the rollout of release 1.2 of app (stable, linux-x64) to 10 of 1000 machines": one line.
std::string wish_words(const seeder::RolloutWish& wish);

/// "requires health-http: ...", what that means for machines; for an entry that requires something.
std::string requires_words(const trust::Entry& entry);

/// "rel-app: 1 of 2 signatures; may sign: 1a2b..., 3c4d..." a line; empty when nothing is missing.
std::string missing_words(const std::vector<Missing>& missing);

/// The first 16 digits of a key id: enough to tell keys apart, short enough to compare by voice.
std::string short_id(const trust::KeyId& id);

}  // namespace upswarm::publish
