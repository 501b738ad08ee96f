// Small files that hold a secret for the agent: an enrolment token, the login of a proxy.
#pragma once

#include "protocol/base/files.hpp"

namespace upswarm::agent {

inline constexpr Bytes kLongestSecretFile = 1_KiB;

/// The text of `file`, without white space around it.
/// Errors: invalid  no regular file (reason "secret_file"); denied  every user of the machine may read or write it
///         (reason "secret_mode"); not_found, disk; corrupt  longer than kLongestSecretFile
Result<std::string> read_secret(Files& files, const Path& file);

struct ProxyLogin {
  std::string user;
  std::string password;
};

/// "user:password", on one line; the password may hold colons.
/// Errors: invalid  anything else. The text is no part of it.
Result<ProxyLogin> parse_proxy_login(std::string_view text);

}  // namespace upswarm::agent
