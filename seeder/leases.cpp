#include "seeder/leases.hpp"

namespace upswarm::seeder {

const Leases::Lease* Leases::find_live(LeaseId lease) const {
  const auto found = leases_.find(lease);
  return found == leases_.end() || found->second.expires <= clock_.now() ? nullptr : &found->second;
}

LeaseId Leases::begin(const std::string& info_hash, const std::string& site, const std::string& holder, Time expires) {
  const std::lock_guard turn(turn_);
  auto& lease = leases_[++last_];
  lease.info_hash = info_hash;
  lease.site = site;
  lease.holder = holder;
  lease.expires = expires;
  return last_;
}

void Leases::renew(LeaseId lease, Time expires) {
  const std::lock_guard turn(turn_);
  if (const auto found = leases_.find(lease); found != leases_.end()) found->second.expires = expires;
}

void Leases::end(LeaseId lease) {
  const std::lock_guard turn(turn_);
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return;
  const auto admitted = admitted_.find(found->second.admitted);
  if (admitted != admitted_.end() && admitted->second == lease) admitted_.erase(admitted);
  leases_.erase(found);
}

void Leases::admit(LeaseId lease, const IpAddress& address) {
  const std::lock_guard turn(turn_);
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return;
  found->second.admitted = {found->second.info_hash, plain(address)};
  admitted_[found->second.admitted] = lease;
}

std::string Leases::token(LeaseId lease) const {
  const std::lock_guard turn(turn_);
  const auto* found = find_live(lease);
  if (found == nullptr) return "";
  return key_.write({lease, found->expires, found->info_hash, lease_digest(found->site), lease_digest(found->holder)});
}

Leases::Standing Leases::standing(LeaseId lease) const {
  const std::lock_guard turn(turn_);
  const auto* found = find_live(lease);
  if (found == nullptr) return {};
  const bool is_cut = !found->is_connected && found->sent == found->sent_when_cut;
  return {true, found->sent, is_cut ? found->cut_at : std::nullopt};
}

LeaseId Leases::check(std::string_view token, const std::string& info_hash) const {
  const auto read = key_.read(token);
  if (!read || read->info_hash != info_hash || read->expires <= clock_.now()) return 0;
  return is_live(read->lease) ? read->lease : 0;
}

LeaseId Leases::check(const IpAddress& address, const std::string& info_hash) const {
  const std::lock_guard turn(turn_);
  const auto found = admitted_.find({info_hash, plain(address)});
  return found != admitted_.end() && find_live(found->second) != nullptr ? found->second : 0;
}

bool Leases::is_live(LeaseId lease) const {
  const std::lock_guard turn(turn_);
  return find_live(lease) != nullptr;
}

void Leases::count(LeaseId lease, Bytes sent) {
  const std::lock_guard turn(turn_);
  if (const auto found = leases_.find(lease); found != leases_.end()) found->second.sent += sent;
}

void Leases::connected(LeaseId lease) {
  const std::lock_guard turn(turn_);
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return;
  found->second.is_connected = true;
}

void Leases::disconnected(LeaseId lease) {
  const std::lock_guard turn(turn_);
  const auto found = leases_.find(lease);
  if (found == leases_.end()) return;
  found->second.is_connected = false;
  found->second.cut_at = clock_.now();
  found->second.sent_when_cut = found->second.sent;
}

}  // namespace upswarm::seeder
