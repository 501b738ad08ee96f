#include "seeder/sites.hpp"

#include <algorithm>

namespace upswarm::seeder {
namespace {

constexpr unsigned kUsualPrefix4 = 24;
constexpr unsigned kUsualPrefix6 = 64;
constexpr unsigned kShortestPrefix4 = 16;
constexpr unsigned kShortestPrefix6 = 48;

unsigned sane_prefix(const IpAddress& address, unsigned wanted) {
  const auto shortest = address.is_v4() ? kShortestPrefix4 : kShortestPrefix6;
  return wanted < shortest || wanted > bits_of(address) ? (address.is_v4() ? kUsualPrefix4 : kUsualPrefix6) : wanted;
}

}  // namespace

SiteMap::SiteMap(const std::vector<NamedSite>& named) {
  for (const auto& site : named) {
    named_.emplace(site.name, site);
    for (const auto& network : site.networks) {
      networks_.emplace(network, site.name);
      prefixes_.insert(network.prefix);
    }
  }
}

const NamedSite* SiteMap::named_at(const IpAddress& address) const {
  for (const auto prefix : prefixes_) {
    if (prefix > bits_of(address)) continue;
    const auto found = networks_.find(network_of(address, prefix));
    if (found != networks_.end()) return &named_.find(found->second)->second;
  }
  return nullptr;
}

Place SiteMap::place_of(const IpAddress& remote, const std::optional<InterfaceAddress>& announced) const {
  Place place;
  place.seen = plain(remote);
  place.address = place.seen;
  const bool is_direct = announced && announced->address == place.seen;
  if (announced && !is_direct && is_private(announced->address)) {
    place.address = announced->address;
    place.inner = network_of(announced->address, sane_prefix(announced->address, announced->prefix));
  }
  const auto outer = network_of(place.seen, sane_prefix(place.seen, is_direct ? announced->prefix : 0));
  if (const auto* named = named_at(place.seen)) place.site = named->name;
  else if (place.inner) place.site = place.seen.to_string() + " " + place.inner->text();
  else place.site = outer.text();
  return place;
}

std::vector<Network> SiteMap::ranges_of(const Place& place) const {
  std::vector<Network> ranges;
  if (const auto named = named_.find(place.site); named != named_.end()) ranges = named->second.networks;
  if (place.inner) ranges.push_back(*place.inner);
  if (!ranges.empty()) return ranges;
  const auto network = parse_network(place.site);
  if (network) ranges.push_back(*network);
  return ranges;
}

const std::vector<std::string>& SiteMap::helpers_of(const std::string& site) const {
  static const std::vector<std::string> kNobody;
  const auto named = named_.find(site);
  return named == named_.end() ? kNobody : named->second.helped_by;
}

std::vector<Network> SiteMap::other_ranges_of(const std::string& site) const {
  std::vector<Network> ranges;
  for (const auto& helper : helpers_of(site)) {
    const auto& networks = named_.find(helper)->second.networks;
    ranges.insert(ranges.end(), networks.begin(), networks.end());
  }
  return ranges;
}

bool may_meet(const Place& asker, const std::vector<Network>& ranges, const Place& other) {
  if (!other.is_behind()) return true;
  return asker.is_behind() && asker.seen == other.seen &&
         std::ranges::any_of(ranges, [&](const auto& network) { return network.contains(other.address); });
}

}  // namespace upswarm::seeder
