// What a machine is in just now: power, network, room.
#pragma once

#include <optional>
#include <string>

#include "agent/manners/link.hpp"
#include "protocol/base/files.hpp"

namespace upswarm::agent {

struct Surroundings {
  std::optional<int> battery = {};  ///< per cent that are left; nothing: on mains, or no battery
  LinkWord link = {};
  bool is_vpn = false;   ///< the way to the seeder goes through a tunnel
  Bytes memory = {};     ///< of the machine; 0: not known
  Bytes free_disk = {};  ///< where the cache is
};

/// Looks; what cannot be found out is as if nothing stood in the way. Free disk is left for whoever knows the cache,
/// the link for LinkWatch. `device`: the interface by which this machine reaches the seeder; empty: not known.
///   posix  Linux alone, as read_surroundings
///   win32  power by GetSystemPowerStatus, memory by GlobalMemoryStatusEx; tunnels are not known
Surroundings look_around(Files& files, const std::string& device);

/// What the system says of the line.
///   posix  as ask_network_manager, on the system bus
///   win32  nothing yet
Result<LinkWord> ask_about_link();

/// From folders that look like /sys and /proc. Power: class/power_supply. Tunnel: the device is one of tun, tap,
/// wireguard, ppp and their like by its kind in class/net. Memory: meminfo.
Surroundings read_surroundings(Files& files, const Path& sys, const Path& proc, const std::string& device);

}  // namespace upswarm::agent
