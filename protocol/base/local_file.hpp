// Whether a descriptor that a stranger handed over may be read.
#pragma once

#include <cstdint>

#include "protocol/base/result.hpp"

namespace upswarm {

/// A regular file whose reads end: one on a file system of this machine that is known for it (ext2 to ext4, xfs, btrfs,
/// zfs, f2fs, bcachefs, jfs, tmpfs; overlayfs where it is mounted for this program, too: whoever mounts one in a
/// namespace of his own chooses what is below it). Any other may belong to a server or to a program of whoever mounted
/// it (NFS, CIFS, 9p, FUSE), which need never answer. To be asked is to wait for such a one, too, at worst: hold no
/// lock. Errors: denied  (reason "not_local"  it lies elsewhere; "no_regular_file"  a folder, pipe, device ...); disk.
Result<void> check_local_file(std::intptr_t descriptor);

}  // namespace upswarm
