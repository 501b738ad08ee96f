// What a machine may do in the swarm just now, and why: the policy of its administrator against what it is in.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "agent/manners/rate_schedule.hpp"
#include "agent/manners/surroundings.hpp"

namespace upswarm::agent {

struct MannersPolicy {
  bool upload = true;  ///< false: download-only
  bool upload_when_metered = false;
  bool upload_by_vpn = false;
  int upload_above_battery = 40;  ///< per cent; 0: always, 100: on mains alone
  Bytes least_memory = 1_GiB;     ///< of a machine that gives to others, or keeps for them what it needs no more
  Bytes least_disk = 1_GiB;       ///< free, of such a machine
  Bytes monthly_upload;           ///< 0: no cap
  bool may_lead = true;           ///< false: it never fetches for its site
  RateSchedule rates;
  std::set<std::string, std::less<>> given;  ///< names of those above that the configuration sets
};

/// One thing that could stand in the way, or a setting that is told beside them.
struct Gate {
  std::string name;    ///< the setting: "upload_above_battery"
  std::string value;   ///< "40 %"
  std::string set_by;  ///< "configuration", "default"
  bool is_open = true;
  std::string says;  ///< "31 % are left: uploads begin again above 40 %, or on mains"
};

/// The name under which a rate is told: "rate of origin".
std::string rate_name(Traffic traffic);

struct Manners {
  bool may_upload = true;
  bool may_lead = true;      ///< fetch for its site: who does not upload, or is on a line that costs, does not
  bool has_room = true;      ///< memory and disk to keep packages for others alone
  Link link = Link::normal;  ///< metered: what is fetched should be little, too
  RatesByTraffic rates{};
  std::vector<Gate> gates;  ///< all, open ones too
};

/// Pure. `uploaded` is what was given in the month of `now` (UTC).
Manners decide_manners(const MannersPolicy& policy, const Surroundings& surroundings, Bytes uploaded, Time now);

}  // namespace upswarm::agent
