#include <windows.h>

#include "agent/manners/surroundings.hpp"

namespace upswarm::agent {

Surroundings look_around(Files& /*files*/, const std::string& /*device*/) {
  constexpr BYTE kOffline = 0;
  constexpr BYTE kUnknown = 255;
  Surroundings around;
  SYSTEM_POWER_STATUS power{};
  if (::GetSystemPowerStatus(&power) && power.ACLineStatus == kOffline && power.BatteryLifePercent != kUnknown)
    around.battery = power.BatteryLifePercent;
  MEMORYSTATUSEX memory{};
  memory.dwLength = sizeof memory;
  if (::GlobalMemoryStatusEx(&memory)) around.memory = Bytes{memory.ullTotalPhys};
  return around;
}

Result<LinkWord> ask_about_link() { return LinkWord{}; }

}  // namespace upswarm::agent
