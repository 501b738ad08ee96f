#include "seeder/lease_plugin_libtorrent.hpp"

#include <libtorrent/bdecode.hpp>
#include <libtorrent/error_code.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>

#include <chrono>
#include <map>
#include <utility>

#include "protocol/base/log.hpp"
#include "protocol/base/traffic_mark.hpp"
#include "protocol/messages/announce.hpp"
#include "protocol/torrent/peer_socket_libtorrent.hpp"

namespace upswarm::seeder {
namespace {

constexpr auto kLeaseWait = std::chrono::seconds(5);

class LeasedPeer;

/// Which connection has which lease.
class LeaseDesk {
 public:
  LeaseDesk(std::string info_hash, Leases& leases) : info_hash_(std::move(info_hash)), leases_(leases) {}

  LeaseId check(std::string_view token) const { return leases_.check(token, info_hash_); }
  LeaseId check(const lt::address& address) const { return leases_.check(address, info_hash_); }
  bool is_live(LeaseId lease) const { return leases_.is_live(lease); }
  void count(LeaseId lease, int bytes) { leases_.count(lease, Bytes{static_cast<std::uint64_t>(bytes)}); }

  bool is_taken(LeaseId lease) const { return holders_.contains(lease); }
  void take(LeaseId lease, LeasedPeer& peer);
  void leave(LeaseId lease, const LeasedPeer& peer);

 private:
  const std::string info_hash_;
  Leases& leases_;
  std::map<LeaseId, LeasedPeer*> holders_;
};

class LeasedPeer final : public lt::peer_plugin {
 public:
  LeasedPeer(std::shared_ptr<LeaseDesk> desk, lt::peer_connection_handle connection)
      : desk_(std::move(desk)), connection_(std::move(connection)), since_(std::chrono::steady_clock::now()) {}
  LeasedPeer(const LeasedPeer&) = delete;
  LeasedPeer& operator=(const LeasedPeer&) = delete;
  ~LeasedPeer() override { desk_->leave(lease_, *this); }

  lt::string_view type() const override { return "upswarm_lease"; }

  bool on_handshake(lt::span<char const>) override {
    const auto admitted = desk_->check(connection_.remote().address());
    if (admitted != 0 && !desk_->is_taken(admitted)) hold(admitted);
    return true;
  }

  bool on_extension_handshake(const lt::bdecode_node& handshake) override {
    if (handshake.type() != lt::bdecode_node::dict_t) return true;
    const auto ours = handshake.dict_find_dict(messages::kHandshakeKey);
    const auto token = ours ? ours.dict_find_string_value(messages::kHandshakeLease) : lt::string_view();
    if (!token.empty() && token.size() <= messages::kLongestLease) {
      const auto lease = desk_->check(std::string_view(token.data(), token.size()));
      if (lease != 0 && lease != lease_) hold(lease);
    }
    if (lease_ == 0) hang_up("it has no lease");
    else if (ours && ours.dict_find_int_value(messages::kHandshakeForeground) == 1) unmark();
    return true;
  }

  // True keeps it from libtorrent, which unchokes whoever comes. A token comes before: the extension handshake is the
  // first message of all.
  bool on_request(const lt::peer_request&) override { return !desk_->is_live(lease_); }

  void sent_payload(int bytes) override { desk_->count(lease_, bytes); }

  void tick() override {
    if (lease_ == 0 && std::chrono::steady_clock::now() - since_ > kLeaseWait) hang_up("it showed no lease");
    else if (lease_ != 0 && !desk_->is_live(lease_)) hang_up("its lease ended");
  }

  void on_disconnect(const lt::error_code&) override {
    desk_->leave(lease_, *this);
    lease_ = 0;
  }

  void hang_up(const char* why) {
    desk_->leave(lease_, *this);
    lease_ = 0;
    if (connection_.native_handle() == nullptr || connection_.is_disconnecting()) return;
    log::debug("the origin hangs up", {{"on", connection_.remote().address().to_string()}, {"why", why}});
    connection_.disconnect(lt::errors::timed_out_inactivity, lt::operation_t::bittorrent);
  }

 private:
  /// A user waits for it. libtorrent has marked the connection when it was made.
  void unmark() {
    if (const auto socket = socket_of(connection_)) mark_traffic(*socket, false);
  }
  void hold(LeaseId lease) {
    desk_->leave(lease_, *this);
    lease_ = lease;
    desk_->take(lease, *this);
  }

  std::shared_ptr<LeaseDesk> desk_;
  lt::peer_connection_handle connection_;
  std::chrono::steady_clock::time_point since_;
  LeaseId lease_ = 0;
};

void LeaseDesk::take(LeaseId lease, LeasedPeer& peer) {
  const auto earlier = std::exchange(holders_[lease], &peer);
  if (earlier != nullptr && earlier != &peer) earlier->hang_up("another connection has its lease");
  leases_.connected(lease);
}

void LeaseDesk::leave(LeaseId lease, const LeasedPeer& peer) {
  const auto found = holders_.find(lease);
  if (found == holders_.end() || found->second != &peer) return;
  holders_.erase(found);
  leases_.disconnected(lease);
}

class LeasePlugin final : public lt::torrent_plugin {
 public:
  LeasePlugin(std::string info_hash, Leases& leases)
      : desk_(std::make_shared<LeaseDesk>(std::move(info_hash), leases)) {}

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& connection) override {
    return std::make_shared<LeasedPeer>(desk_, connection);
  }

 private:
  std::shared_ptr<LeaseDesk> desk_;
};

}  // namespace

std::shared_ptr<lt::torrent_plugin> make_lease_plugin(std::string info_hash, Leases& leases) {
  return std::make_shared<LeasePlugin>(std::move(info_hash), leases);
}

}  // namespace upswarm::seeder
