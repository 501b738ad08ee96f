#include "seeder/tracker.hpp"

#include <algorithm>

#include "protocol/base/digest.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::seeder {
namespace {

using std::chrono::seconds;

constexpr seconds kLookEvery{30};
constexpr seconds kForgetSlack{30};
// Clients of libtorrent announce every 5 minutes, whatever they are told.
constexpr seconds kStrangersSlack{360};
constexpr const char* kOwnPeerId = "-UP0100-upswarmseed0";

/// What is counted as one host.
IpAddress home_of(const IpAddress& address) { return address.is_v4() ? address : network_of(address, 64).first; }

/// Whether the peer has just become whole, by its own word: once, however often it says so.
bool is_completion(const SiteSwarm::Peer* known, const Announce& announce) {
  if (announce.left != 0) return false;
  return known == nullptr ? announce.event == Announce::Event::completed : !known->is_seed();
}

}  // namespace

Tracker::Tracker(TrackerSettings settings, const SiteMap& sites, Leases& leases, const Clock& clock)
    : settings_(std::move(settings)), sites_(sites), leases_(leases), clock_(clock) {
  random_.seed(random_below(0xFFFFFFFF));
}

void Tracker::track_only(const std::map<std::string, Bytes>& torrents) {
  const std::lock_guard turn(turn_);
  const auto now = clock_.now();
  for (auto one = torrents_.begin(); one != torrents_.end();) {
    if (torrents.contains(one->first)) {
      ++one;
      continue;
    }
    for (auto& [name, site] : one->second.sites) {
      if (site.leader != nullptr) end_lease(site, Leadership::Loss::done, now);
      wanting_ -= site.wanting();
    }
    peers_ -= one->second.peers;
    one = torrents_.erase(one);
  }
  for (const auto& [info_hash, piece_length] : torrents) torrents_[info_hash].piece_length = piece_length;
}

seconds Tracker::quick_interval(const SiteSwarm& site) const {
  const auto busy = std::max(site.wanting() / kMostOfASite, wanting_ / kMostOfAll);
  return std::clamp(seconds(busy), std::min(kQuick, settings_.interval), settings_.interval);
}

seconds Tracker::interval_of(const SiteSwarm& site, const Announce& announce, bool leads) const {
  if (!announce.is_agent || !announce.wants()) return settings_.interval;
  return leads ? std::min(kQuick, settings_.interval) : quick_interval(site);
}

bool Tracker::has_room(const Visit& visit) const {
  if (visit.torrent.peers >= kMostPeers || peers_ >= kMostPeersInAll) return false;
  const auto crowd = visit.torrent.crowds.find(home_of(visit.key.seen));
  const bool may_be_many = visit.place.is_behind() || visit.key.seen.is_v6();
  return crowd == visit.torrent.crowds.end() || crowd->second < (may_be_many ? kMostBehindAnAddress : kMostOfAnAddress);
}

SiteSwarm::Peer* Tracker::remember(const Visit& visit) {
  auto& [announce, place, key, now, torrent, site] = visit;
  const auto* known = site.find(key);
  if (known == nullptr && !has_room(visit)) return nullptr;
  const bool was_seed = known != nullptr && known->is_seed();
  const auto wanted = site.wanting();
  const auto silence = 2 * interval_of(site, announce, false) + (announce.is_agent ? kForgetSlack : kStrangersSlack);
  auto& peer = site.put(key, place, announce, now + silence, known == nullptr ? ++last_id_ : 0);
  wanting_ += site.wanting() - wanted;
  torrent.seeds += peer.is_seed() ? 1 : 0;
  torrent.seeds -= was_seed ? 1 : 0;
  if (known != nullptr) return &peer;
  ++torrent.crowds[home_of(key.seen)];
  ++torrent.peers;
  ++peers_;
  return &peer;
}

void Tracker::remove(Torrent& torrent, SiteSwarm& site, const PeerKey& key, Leadership::Loss loss, Time now) {
  const auto* peer = site.find(key);
  if (peer == nullptr) return;
  if (peer == site.leader) end_lease(site, loss, now);
  torrent.seeds -= peer->is_seed() ? 1 : 0;
  wanting_ -= peer->wants ? 1 : 0;
  --torrent.peers;
  --peers_;
  const auto crowd = torrent.crowds.find(home_of(key.seen));
  if (--crowd->second == 0) torrent.crowds.erase(crowd);
  site.remove(key);
}

void Tracker::forget_silent(Torrent& torrent, SiteSwarm& site, Time now) {
  while (const auto* silent = site.find_silent(now)) {
    const auto key = silent->key;
    remove(torrent, site, key, Leadership::Loss::silent, now);
  }
}

void Tracker::forget_silent(Time now) {
  for (auto& [info_hash, torrent] : torrents_) {
    for (auto& [name, site] : torrent.sites) forget_silent(torrent, site, now);
    std::erase_if(torrent.sites, [](const auto& one) { return one.second.size() == 0; });
  }
  next_look_ = now + kLookEvery;
}

void Tracker::end_lease(SiteSwarm& site, Leadership::Loss loss, Time now) {
  const bool is_fault = loss != Leadership::Loss::done && loss != Leadership::Loss::seeded;
  if (is_fault) {
    log::info("a lease is passed on", {{"site", site.leader->place.site},
                                       {"from", site.leader->place.address.to_string()},
                                       {"why", std::string(to_string(loss))}});
  }
  leases_.end(site.lease);
  site.leadership.end(loss, now);
  site.leader = nullptr;
  site.lease = 0;
}

void Tracker::begin_lease(const Visit& visit, SiteSwarm::Peer& peer, const Leadership::Site& site) {
  const auto holder = visit.key.address.to_string() + " " + std::to_string(visit.key.port);
  const auto expires = visit.now + (peer.is_agent ? kLease : 2 * settings_.interval + kStrangersSlack);
  visit.site.lease = leases_.begin(visit.announce.info_hash, visit.place.site, holder, expires);
  if (!peer.is_agent) leases_.admit(visit.site.lease, visit.key.seen);
  visit.site.leader = &peer;
  visit.site.leadership.begin(peer.asker(), site, visit.now);
  visit.site.forget_who_knows();
  log::debug("a machine leads", {{"site", visit.place.site}, {"machine", holder}});
}

void Tracker::lead(const Visit& visit, SiteSwarm::Peer& peer) {
  auto& site = visit.site;
  const Leadership::Site state{.seeds = site.seeds(),
                               .able = site.able(),
                               .interval = quick_interval(site),
                               .is_helped = !sites_.helpers_of(visit.place.site).empty()};
  const auto asker = peer.asker();
  site.leadership.note(asker, peer.progress, visit.now);
  if (site.leader == &peer && peer.is_agent) leases_.renew(site.lease, visit.now + kLease);
  if (site.leader != nullptr) {
    const auto loss = site.leadership.judge(asker, state, leases_.standing(site.lease), visit.now);
    if (loss) end_lease(site, *loss, visit.now);
  }
  if (site.leader == nullptr && site.leadership.should_lead(asker, state, visit.now)) begin_lease(visit, peer, state);
}

AnnounceAnswer Tracker::describe(const Visit& visit, SiteSwarm::Peer* peer, const Endpoint& origin) {
  auto& [announce, place, key, now, torrent, site] = visit;
  const bool leads = peer != nullptr && peer == site.leader;
  const auto ranges = sites_.ranges_of(place);
  AnnounceAnswer answer{.complete = torrent.seeds,
                        .incomplete = torrent.peers - torrent.seeds,
                        .interval = interval_of(site, announce, leads),
                        .compact = announce.compact};
  if (announce.event != Announce::Event::stopped)
    answer.peers = site.choose(place, ranges, peer, announce.left == 0, announce.wanted, random_);
  if (leads) {
    for (const auto& helper : sites_.helpers_of(place.site)) {
      const auto other = torrent.sites.find(helper);
      const auto most = std::min(kMostOfHelpers, announce.wanted - answer.peers.size());
      if (other == torrent.sites.end()) continue;
      const auto more = other->second.choose(place, {}, nullptr, false, most, random_);
      answer.peers.insert(answer.peers.end(), more.begin(), more.end());
    }
  }
  if (!announce.is_agent) {
    const bool is_served = leads || (settings_.open_origin && announce.wants());
    if (origin.port != 0 && is_served) answer.peers.emplace_back(origin, kOwnPeerId);
    return answer;
  }
  answer.for_agents = {.site = place.site,
                       .ranges = ranges,
                       .seeds = site.seeds(),
                       .lease = leads ? leases_.token(site.lease) : "",
                       .lease_time = kLease,
                       .origin = origin.port != 0 ? std::optional(origin) : std::nullopt,
                       .other_ranges = leads ? sites_.other_ranges_of(place.site) : std::vector<Network>()};
  return answer;
}

std::string Tracker::answer(const Announce& announce, const IpAddress& remote, const IpAddress& local) {
  const std::lock_guard turn(turn_);
  const auto found = torrents_.find(announce.info_hash);
  if (found == torrents_.end()) return announce_failure("this torrent is not known here");
  auto& torrent = found->second;
  const auto now = clock_.now();
  if (now >= next_look_) forget_silent(now);
  const auto place = sites_.place_of(remote, announce.network);
  if (torrent.sites.size() >= kMostSwarms && !torrent.sites.contains(place.site))
    return announce_failure("too many sites: try later");
  auto& site = torrent.sites.try_emplace(place.site, torrent.piece_length, now).first->second;
  forget_silent(torrent, site, now);

  const Visit visit{announce, place, {place.seen, place.address, announce.port}, now, torrent, site};
  if (is_completion(site.find(visit.key), announce)) ++completed_[announce.info_hash];
  SiteSwarm::Peer* peer = nullptr;
  if (announce.event == Announce::Event::stopped) remove(torrent, site, visit.key, Leadership::Loss::done, now);
  else peer = remember(visit);
  if (peer != nullptr) lead(visit, *peer);
  return to_text(describe(visit, peer, {plain(settings_.seeder_address.value_or(local)), settings_.seeder_port}));
}

std::string Tracker::answer(const Scrape& scrape, const IpAddress& remote) {
  const std::lock_guard turn(turn_);
  const auto now = clock_.now();
  if (now >= next_look_) forget_silent(now);
  const auto place = sites_.place_of(remote, scrape.network);
  std::map<std::string, ScrapeCount> counts;
  for (const auto& info_hash : scrape.info_hashes) {
    const auto found = torrents_.find(info_hash);
    if (found == torrents_.end()) continue;
    auto& torrent = found->second;
    const auto site = torrent.sites.find(place.site);
    if (site != torrent.sites.end()) forget_silent(torrent, site->second, now);
    if (!scrape.is_agent) counts[info_hash] = {torrent.seeds, torrent.peers - torrent.seeds};
    else if (site == torrent.sites.end()) counts[info_hash] = {};
    else counts[info_hash] = {site->second.seeds(), site->second.size() - site->second.seeds()};
  }
  return to_text(counts);
}

std::map<std::string, std::int64_t> Tracker::take_completed() {
  const std::lock_guard turn(turn_);
  return std::exchange(completed_, {});
}

Tracker::Count Tracker::count() {
  const std::lock_guard turn(turn_);
  forget_silent(clock_.now());
  Count count{.torrents = torrents_.size()};
  for (const auto& [info_hash, torrent] : torrents_) {
    count.peers += torrent.peers;
    count.seeds += torrent.seeds;
    count.leaders += static_cast<std::size_t>(
        std::ranges::count_if(torrent.sites, [](const auto& one) { return one.second.leader != nullptr; }));
  }
  return count;
}

}  // namespace upswarm::seeder
