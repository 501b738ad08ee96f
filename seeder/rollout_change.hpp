// `upswarm-seeder rollout`: a wish of the administrator at this machine, as a bundle like any other.
#pragma once

#include <optional>
#include <string>

#include "seeder/bundle.hpp"
#include "seeder/folder.hpp"

namespace upswarm::seeder {

struct RolloutChange {
  std::string product;
  std::string channel;
  std::string platform;
  std::string version;
  std::optional<std::int64_t> permille;  ///< nothing: as it is, or 0
  std::optional<bool> paused;            ///< nothing: as it is
  std::string reason;
  std::optional<std::vector<std::string>> rings = {};  ///< nothing: as they are; none: all machines
};

/// The wish that makes the change, from what the repository signs now. Nothing when all is so already.
/// Errors: not_found  no such product, channel, platform or version
///         untrusted  (reason "withdrawn") nobody is to get it any more; corrupt, disk.
Result<std::optional<RolloutWish>> make_wish(Files& files, const SeederFolder& folder, const RolloutChange& change);

/// Puts a bundle with this wish alone into incoming/.   Returns its name.
Result<std::string> drop_wish(Files& files, const SeederFolder& folder, const RolloutWish& wish);

}  // namespace upswarm::seeder
