// Giving bundles to a seeder: into its incoming folder, or over HTTP.
//
//   folder  INCOMING/NAME.part is written, synced and renamed to INCOMING/NAME
//   HTTP    PUT  /v1/bundles/NAME/<path>   for each file, bundle.json last
//           POST /v1/bundles/NAME/commit   2xx: taken; 422 {"error": {...}}: refused
//           each with "Authorization: Bearer KEY"
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "protocol/base/http/http_client.hpp"
#include "protocol/package/decode/package_reader.hpp"
#include "seeder/publish/repository.hpp"

namespace upswarm::publish {

/// A place that takes bundles.
class Destination {
 public:
  virtual ~Destination() = default;
  /// Gives it the bundle in `folder` under the name `name`, whole or not at all. Doing it again after an error is fine.
  /// Errors: as the seeder says; unreachable, denied, disk, no_space, cancelled
  virtual Result<void> give(const Path& folder, const std::string& name, const package::ProgressSink& progress,
                            std::stop_token stop) = 0;
};

/// A seeder's incoming folder. `files` must outlive it.   Errors: not_found  there is no such folder.
Result<std::unique_ptr<Destination>> open_folder_destination(Files& files, Path incoming);

/// A seeder's HTTP interface. `files` must outlive it.
std::unique_ptr<Destination> open_http_destination(Files& files, std::unique_ptr<HttpClient> http, std::string url,
                                                   std::string api_key);

bool is_url(const std::string& to);

/// Sends all outgoing bundles in their order and keeps their records; stops at the first failure.
/// Returns the names of those sent.
Result<std::vector<std::string>> hand_over_all(Repository& repository, Destination& destination,
                                               const package::ProgressSink& progress, std::stop_token stop);

}  // namespace upswarm::publish
