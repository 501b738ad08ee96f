// What the publisher hands to the seeder: a folder of offline-signed metadata, new targets, and wishes for rollouts.
//
//   NAME/bundle.json                       {"format": 1, "rollouts": [RolloutWish ...]}
//   NAME/metadata/N.root.json, N.targets.json, N.rel-PRODUCT.json     whatever is new
//   NAME/targets/<consistent name of each new target>                 packages, torrents, indexes
//
// It is written as NAME.part and renamed to NAME when whole (or uploaded file by file and committed): the seeder takes
// whole folders only. The seeder checks all by the code that clients use, and refuses the bundle as one.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/files.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::seeder {

inline constexpr Bytes kLongestBundleFile = 64_KiB;

/// The filter that one release should get from the online role.
struct RolloutWish {
  std::string product;
  std::string channel;
  std::string platform;
  trust::RolloutItem item;
};

struct Bundle {
  std::vector<RolloutWish> rollouts;
};

std::string write_bundle(const Bundle& bundle);
/// Errors: corrupt.
Result<Bundle> parse_bundle(std::string_view text, const std::string& what);

}  // namespace upswarm::seeder
