#include "seeder/site_swarm.hpp"

#include <algorithm>

namespace upswarm::seeder {

SiteSwarm::Peer* SiteSwarm::find(const PeerKey& key) {
  const auto found = peers_.find(key);
  return found == peers_.end() ? nullptr : &found->second;
}

SiteSwarm::List SiteSwarm::list_of(const Peer& peer) const {
  if (peer.key.port == 0) return hidden;
  return peer.is_seed() ? whole : leechers;
}

void SiteSwarm::enter(Peer& peer) {
  auto& list = lists_[list_of(peer)];
  peer.slot = list.size();
  list.push_back(&peer);
  seeds_ += peer.is_seed() ? 1 : 0;
  wanting_ += peer.wants ? 1 : 0;
  able_ += peer.is_able() ? 1 : 0;
}

void SiteSwarm::leave(Peer& peer) {
  auto& list = lists_[list_of(peer)];
  list[peer.slot] = list.back();
  list[peer.slot]->slot = peer.slot;
  list.pop_back();
  seeds_ -= peer.is_seed() ? 1 : 0;
  wanting_ -= peer.wants ? 1 : 0;
  able_ -= peer.is_able() ? 1 : 0;
}

SiteSwarm::Peer& SiteSwarm::put(const PeerKey& key, const Place& place, const Announce& announce, Time until,
                                Leadership::MemberId new_id) {
  const auto [found, is_new] = peers_.try_emplace(key);
  auto& peer = found->second;
  if (is_new) {
    peer.key = key;
    peer.id = new_id;
    peer.silent = silent_at_.emplace(until, &peer);
  } else {
    leave(peer);
  }
  peer.place = place;
  peer.peer_id = announce.peer_id;
  peer.left = announce.left;
  peer.wants = announce.wants();
  peer.may_lead = announce.may_lead && announce.port != 0;
  peer.is_agent = announce.is_agent;
  peer.until = until;
  enter(peer);
  if (peer.silent->first > until) list_silent(peer);
  return peer;
}

void SiteSwarm::remove(const PeerKey& key) {
  const auto found = peers_.find(key);
  if (found == peers_.end()) return;
  if (lease != 0 && found->second.knows_leader_of == lease && who_know_ > 0) --who_know_;
  leave(found->second);
  silent_at_.erase(found->second.silent);
  peers_.erase(found);
}

void SiteSwarm::list_silent(Peer& peer) {
  silent_at_.erase(peer.silent);
  peer.silent = silent_at_.emplace(peer.until, &peer);
}

const SiteSwarm::Peer* SiteSwarm::find_silent(Time now) {
  while (!silent_at_.empty() && silent_at_.begin()->first < now) {
    auto& peer = *silent_at_.begin()->second;
    if (peer.until < now) return &peer;
    list_silent(peer);  // it was heard meanwhile
  }
  return nullptr;
}

bool SiteSwarm::tell_leader(Peer* asker, std::size_t most) {
  if (asker == nullptr || asker->is_seed() || lists_[leechers].size() + lists_[whole].size() <= most) return true;
  if (asker->knows_leader_of == lease) return true;
  if (who_know_ >= kMostWhoKnowTheLeader) return false;
  ++who_know_;
  asker->knows_leader_of = lease;
  return true;
}

std::vector<ListedPeer> SiteSwarm::choose(const Place& self, const std::vector<Network>& ranges, Peer* asker,
                                          bool for_seed, std::size_t most, std::mt19937& random) {
  std::vector<const Peer*> chosen;
  const bool tells = leader != nullptr && leader != asker && most > 0 && tell_leader(asker, most);
  const auto is_good = [&](const Peer* peer) {
    return peer != asker && (peer != leader || tells) && may_meet(self, ranges, peer->place) &&
           std::ranges::find(chosen, peer) == chosen.end();
  };
  if (tells && leader->key.port != 0 && is_good(leader)) chosen.push_back(leader);
  const auto& first = lists_[leechers];
  const auto count = first.size() + (for_seed ? 0 : lists_[whole].size());
  const auto at = [&](std::size_t i) { return i < first.size() ? first[i] : lists_[whole][i - first.size()]; };
  if (count <= 2 * most) {
    std::vector<const Peer*> good;
    for (std::size_t i = 0; i < count; ++i) {
      if (is_good(at(i))) good.push_back(at(i));
    }
    std::sample(good.begin(), good.end(), std::back_inserter(chosen), most - chosen.size(), random);
  }
  for (std::size_t tries = 0; count > 2 * most && tries < 4 * most && chosen.size() < most; ++tries) {
    const auto* peer = at(std::uniform_int_distribution<std::size_t>(0, count - 1)(random));
    if (is_good(peer)) chosen.push_back(peer);
  }
  std::vector<ListedPeer> peers;
  for (const auto* peer : chosen) peers.push_back({{peer->place.address, peer->key.port}, peer->peer_id});
  return peers;
}

}  // namespace upswarm::seeder
