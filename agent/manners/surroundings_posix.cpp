#include "agent/manners/networkmanager.hpp"
#include "agent/manners/surroundings.hpp"

namespace upswarm::agent {

Surroundings look_around(Files& files, const std::string& device) {
  return read_surroundings(files, "/sys", "/proc", device);
}

Result<LinkWord> ask_about_link() { return ask_network_manager(); }

}  // namespace upswarm::agent
