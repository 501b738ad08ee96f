#include "agent/origin_line_libtorrent.hpp"

#include <libtorrent/entry.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/peer_request.hpp>
#include <utility>

#include "protocol/base/tcp_path.hpp"
#include "protocol/messages/announce.hpp"
#include "protocol/torrent/peer_socket_libtorrent.hpp"

namespace upswarm::agent {
namespace {

/// One connection that we made to the origin.
class OriginPeer final : public lt::peer_plugin {
 public:
  OriginPeer(lt::peer_connection_handle peer, Endpoint origin, std::shared_ptr<OriginLine> line)
      : peer_(std::move(peer)), origin_(std::move(origin)), line_(std::move(line)), effort_(line_->effort()) {
    line_->add_connection(1);
  }
  ~OriginPeer() override {
    set_open(false);
    end();
  }
  OriginPeer(const OriginPeer&) = delete;
  OriginPeer& operator=(const OriginPeer&) = delete;

  lt::string_view type() const override { return "upswarm lease"; }

  void add_handshake(lt::entry& handshake) override {
    const auto lease = line_->lease();
    if (!lease) return;
    auto& ours = handshake[messages::kHandshakeKey];
    ours[messages::kHandshakeLease] = lease->token;
    if (effort_ == Effort::foreground) ours[messages::kHandshakeForeground] = 1;
  }

  bool on_choke() override {
    set_open(false);
    return false;
  }
  bool on_unchoke() override {
    set_open(true);
    return false;
  }
  // Blocks come while there is anything to limit.
  bool on_piece(const lt::peer_request& /*what*/, lt::span<const char> /*bytes*/) override {
    make_room();
    return false;
  }
  void on_disconnect(const lt::error_code& /*why*/) override {
    set_open(false);
    end();
  }

  void tick() override {
    const auto lease = line_->lease();
    if (lease && lease->origin == origin_ && line_->effort() == effort_) return;
    peer_.disconnect(boost::asio::error::operation_aborted, lt::operation_t::bittorrent);
  }

 private:
  void make_room() {
    if (effort_ == Effort::foreground) return;
    if (const auto socket = socket_of(peer_)) give_way(*socket, yielding_);
  }
  void set_open(bool open) {
    if (open != is_open_) line_->add_open(open ? 1 : -1);
    is_open_ = open;
  }
  void end() {
    if (!has_ended_) line_->add_connection(-1);
    has_ended_ = true;
  }

  lt::peer_connection_handle peer_;
  Endpoint origin_;
  std::shared_ptr<OriginLine> line_;
  Effort effort_;
  Yielding yielding_;
  bool is_open_ = false;
  bool has_ended_ = false;
};

class LeasePlugin final : public lt::torrent_plugin {
 public:
  explicit LeasePlugin(std::shared_ptr<OriginLine> line) : line_(std::move(line)) {}

  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    const auto lease = line_->lease();
    if (!lease || !peer.is_outgoing()) return {};
    const Endpoint remote{peer.remote().address().to_string(), peer.remote().port()};
    if (remote != lease->origin) return {};
    return std::make_shared<OriginPeer>(peer, remote, line_);
  }

 private:
  std::shared_ptr<OriginLine> line_;
};

}  // namespace

void OriginLine::set(std::optional<Lease> lease, Effort effort) {
  const std::lock_guard lock(mutex_);
  lease_ = std::move(lease);
  effort_ = effort;
}

Effort OriginLine::effort() const {
  const std::lock_guard lock(mutex_);
  return effort_;
}

std::optional<Lease> OriginLine::lease() const {
  const std::lock_guard lock(mutex_);
  return lease_;
}

bool OriginLine::is_busy() const {
  const std::lock_guard lock(mutex_);
  return connections_ > 0;
}

bool OriginLine::is_open() const {
  const std::lock_guard lock(mutex_);
  return open_ > 0;
}

bool OriginLine::take_success() {
  const std::lock_guard lock(mutex_);
  return std::exchange(had_success_, false);
}

void OriginLine::add_connection(int more) {
  const std::lock_guard lock(mutex_);
  connections_ += more;
}

void OriginLine::add_open(int more) {
  const std::lock_guard lock(mutex_);
  open_ += more;
  had_success_ |= more > 0;
}

std::shared_ptr<lt::torrent_plugin> make_lease_plugin(std::shared_ptr<OriginLine> line) {
  return std::make_shared<LeasePlugin>(std::move(line));
}

}  // namespace upswarm::agent
