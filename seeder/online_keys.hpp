// The keys that the seeder itself signs with. They can delay, hurry or freeze a rollout, never add or alter a release.
//
//   keys/{timestamp,snapshot,rollout}.key    {"format": 1, "type": "ed25519", "seed": hexadecimal}, mode 0600
#pragma once

#include "protocol/base/files.hpp"
#include "protocol/trust/keys.hpp"

namespace upswarm::seeder {

struct OnlineKeys {
  trust::SigningKey timestamp;
  trust::SigningKey snapshot;
  trust::SigningKey rollout;
};

/// Errors: denied  (reason "online_key") a key is missing, may be read by others, or is none: told by its file;
///         disk.
Result<OnlineKeys> read_online_keys(Files& files, const Path& folder);

}  // namespace upswarm::seeder
