#include "seeder/package_gate.hpp"

#include "protocol/base/hex.hpp"

namespace upswarm::seeder {
namespace {

/// Ends with its lease, and counts for it.
class Leased final : public InputFile {
 public:
  Leased(std::shared_ptr<InputFile> file, Leases& leases, LeaseId lease)
      : file_(std::move(file)), leases_(leases), lease_(lease) {}

  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    if (!leases_.is_live(lease_)) return Error{ErrorKind::denied, "send a package", "the lease was passed on", "lease"};
    auto count = file_->read_at(offset, buffer);
    if (count) leases_.count(lease_, Bytes{*count});
    return count;
  }
  Result<FileInfo> info() override { return file_->info(); }

 private:
  std::shared_ptr<InputFile> file_;
  Leases& leases_;
  const LeaseId lease_;
};

}  // namespace

/// Keeps its place as long as it is being sent.
class PackageGate::Rationed final : public InputFile {
 public:
  Rationed(std::shared_ptr<InputFile> file, PackageGate& gate, Place place, IpAddress machine)
      : file_(std::move(file)), gate_(gate), place_(std::move(place)), machine_(std::move(machine)) {}
  ~Rationed() override { gate_.leave(place_, machine_); }
  Rationed(const Rationed&) = delete;
  Rationed& operator=(const Rationed&) = delete;

  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    return file_->read_at(offset, buffer);
  }
  Result<FileInfo> info() override { return file_->info(); }

 private:
  std::shared_ptr<InputFile> file_;
  PackageGate& gate_;
  const Place place_;
  const IpAddress machine_;
};

void PackageGate::offer_only(std::map<Sha256, std::string> info_hashes) {
  const std::lock_guard turn(turn_);
  info_hashes_ = std::move(info_hashes);
}

LeaseId PackageGate::find_lease(const Request& request, const std::string& info_hash) const {
  if (request.lease.empty() || request.lease.size() > 2 * messages::kLongestLease) return 0;
  const auto token = from_hex(request.lease);
  return token ? leases_.check(as_text(*token), info_hash) : 0;
}

PackageGate::Verdict PackageGate::admit(const Request& request, std::shared_ptr<InputFile> file) {
  std::string info_hash;
  {
    const std::lock_guard turn(turn_);
    const auto found = info_hashes_.find(request.target);
    if (found == info_hashes_.end()) return file;
    info_hash = found->second;
  }
  if (const auto lease = find_lease(request, info_hash); lease != 0)
    return std::make_shared<Leased>(std::move(file), leases_, lease);
  if (ration_ == 0 || request.length <= kFree) return file;
  const auto machine = plain(request.remote);
  Place place{sites_.place_of(machine, std::nullopt).site, request.target};
  if (enter(place, machine)) return std::make_shared<Rationed>(std::move(file), *this, std::move(place), machine);
  return std::chrono::seconds(kShortestWait + random_below(kLongestWait - kShortestWait + 1));
}

void PackageGate::forget_served(Machines& machines, Time now) const {
  std::erase_if(machines, [&](const auto& one) { return one.second.running == 0 && now - one.second.last > kHold; });
}

bool PackageGate::enter(const Place& place, const IpAddress& machine) {
  const std::lock_guard turn(turn_);
  const auto now = clock_.now();
  if (served_.size() >= kMostPlaces && !served_.contains(place)) {
    for (auto one = served_.begin(); one != served_.end();) {
      forget_served(one->second, now);
      one = one->second.empty() ? served_.erase(one) : std::next(one);
    }
    if (served_.size() >= kMostPlaces) return false;
  }
  auto& machines = served_[place];
  forget_served(machines, now);
  if (!machines.contains(machine) && machines.size() >= static_cast<std::size_t>(ration_)) return false;
  auto& served = machines[machine];
  if (served.running >= kMostAtOnce) return false;
  ++served.running;
  served.last = now;
  return true;
}

void PackageGate::leave(const Place& place, const IpAddress& machine) {
  const std::lock_guard turn(turn_);
  const auto found = served_.find(place);
  if (found == served_.end()) return;
  auto& served = found->second[machine];
  --served.running;
  served.last = clock_.now();
}

}  // namespace upswarm::seeder
