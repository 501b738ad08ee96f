// The machine's own key, made once. Its public half is what the machine is known by.
//
//   STATE_FOLDER/machine.key   {"format": 1, "type": "ed25519", "seed": hexadecimal}, mode 0600
#pragma once

#include "protocol/base/files.hpp"
#include "protocol/trust/keys.hpp"

namespace upswarm::agent {

/// Reads the key in `folder`, or makes it when there is none. One that is there is never replaced, whatever is wrong
/// with it: the seeder knows the machine by it. Only one agent may work in `folder`.
/// Errors: denied  (reason "machine_key") it is damaged, no regular file, or others may read it: says what to do;
///         no_space, disk, denied  it can be neither read nor made.
Result<trust::SigningKey> open_machine_key(Files& files, const Path& folder);

}  // namespace upswarm::agent
