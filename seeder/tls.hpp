// A certificate of our own, for the first start.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/files.hpp"

namespace upswarm::seeder {

/// Makes a key (EC P-256, mode 0600) and a certificate signed by it, good for `names` (host names and addresses), this
/// machine's name, localhost and 127.0.0.1, for ten years. The key is written first. An existing pair is left alone.
/// Errors: denied  the certificate is there, but not its key; disk, no_space; internal  OpenSSL failed.
Result<void> make_certificate(Files& files, const Path& certificate, const Path& key,
                              const std::vector<std::string>& names);

}  // namespace upswarm::seeder
