// How much packages are used, as a seeder counts: nobody signs it, it is for people.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "protocol/base/http/http_client.hpp"
#include "protocol/base/json.hpp"

namespace upswarm::publish {

struct PackageUse {
  std::int64_t machines = 0;  ///< that told the tracker that they had it whole
  Bytes by_http;              ///< that the seeder was asked for
};
/// By target path.
using PackageUses = std::map<std::string, PackageUse>;

inline constexpr std::size_t kMostPackagesTold = 100'000;
inline constexpr Bytes kLongestSeederStatus = 64_MiB;

/// Reads "packages" of a seeder's answer to GET /v1/status.   Errors: corrupt.
Result<PackageUses> read_package_use(const std::string& answer);

/// Asks the seeder, with an API key of the scope read, for at most some seconds.
/// Errors: denied  the key; unreachable; corrupt; cancelled.
Result<PackageUses> ask_package_use(HttpClient& http, const std::string& seeder, const std::string& api_key,
                                    std::stop_token stop);

/// Adds {"machines", "http_bytes"} as "used" to each release and delta of status_of() that the seeder has.
void add_package_use(const PackageUses& uses, Json& status);

}  // namespace upswarm::publish
