#include <algorithm>
#include <libtorrent/add_torrent_params.hpp>
#include <libtorrent/alert_types.hpp>
#include <libtorrent/bdecode.hpp>
#include <libtorrent/extensions.hpp>
#include <libtorrent/peer_connection_handle.hpp>
#include <libtorrent/session.hpp>
#include <libtorrent/session_params.hpp>
#include <libtorrent/torrent_info.hpp>
#include <mutex>

#include "tests/agent/swarm/lease_origin.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::tests {
namespace {

struct Book {
  mutable std::mutex mutex;
  std::string token;
  int connected = 0;
  int refused = 0;
  int foreground = 0;
  std::vector<std::uint32_t> asked;
};

class Peer final : public lt::peer_plugin {
 public:
  Peer(lt::peer_connection_handle peer, std::shared_ptr<Book> book) : peer_(std::move(peer)), book_(std::move(book)) {}

  bool on_extension_handshake(const lt::bdecode_node& handshake) override {
    const auto ours = handshake.dict_find_dict("upswarm");
    {
      const std::lock_guard lock(book_->mutex);
      is_good_ = ours && std::string(ours.dict_find_string_value("lease")) == book_->token;
      ++(is_good_ ? book_->connected : book_->refused);
      if (is_good_ && ours.dict_find_int_value("foreground") == 1) ++book_->foreground;
    }
    if (!is_good_) peer_.disconnect(boost::asio::error::connection_refused, lt::operation_t::bittorrent);
    return true;
  }
  bool on_request(const lt::peer_request& request) override {
    const std::lock_guard lock(book_->mutex);
    const auto piece = static_cast<std::uint32_t>(static_cast<int>(request.piece));
    if (std::ranges::find(book_->asked, piece) == book_->asked.end()) book_->asked.push_back(piece);
    return false;
  }
  void on_disconnect(const lt::error_code& /*why*/) override {
    const std::lock_guard lock(book_->mutex);
    if (is_good_) --book_->connected;
    is_good_ = false;
  }

 private:
  lt::peer_connection_handle peer_;
  std::shared_ptr<Book> book_;
  bool is_good_ = false;
};

class Plugin final : public lt::torrent_plugin {
 public:
  explicit Plugin(std::shared_ptr<Book> book) : book_(std::move(book)) {}
  std::shared_ptr<lt::peer_plugin> new_connection(const lt::peer_connection_handle& peer) override {
    return std::make_shared<Peer>(peer, book_);
  }

 private:
  std::shared_ptr<Book> book_;
};

lt::session_params params_for(int rate) {
  lt::settings_pack pack;
  pack.set_str(lt::settings_pack::listen_interfaces, "127.0.0.1:0");
  for (const auto off : {lt::settings_pack::enable_dht, lt::settings_pack::enable_lsd, lt::settings_pack::enable_upnp,
                         lt::settings_pack::enable_natpmp, lt::settings_pack::enable_incoming_utp,
                         lt::settings_pack::enable_outgoing_utp}) {
    pack.set_bool(off, false);
  }
  pack.set_bool(lt::settings_pack::allow_multiple_connections_per_ip, true);
  pack.set_int(lt::settings_pack::upload_rate_limit, rate);
  return lt::session_params(std::move(pack), {});
}

}  // namespace

struct LeaseOrigin::Session {
  Session(std::string token, int rate) : session(params_for(rate)) {
    book->token = std::move(token);
    // On loopback no limit holds otherwise.
    lt::ip_filter classes;
    classes.add_rule(lt::make_address_v4("0.0.0.0"), lt::make_address_v4("255.255.255.255"), 1);
    session.set_peer_class_filter(classes);
  }

  TemporaryFolder folder;
  std::shared_ptr<Book> book = std::make_shared<Book>();
  lt::session session;
};

LeaseOrigin::LeaseOrigin(const TestPackage& package, std::string token, int rate)
    : session_(std::make_unique<Session>(std::move(token), rate)) {
  lt::add_torrent_params params;
  params.ti = std::make_shared<lt::torrent_info>(lt::span<const char>(package.request.torrent), lt::from_span);
  params.save_path = session_->folder.path().string();
  params.flags = lt::torrent_flags::seed_mode;
  session_->folder.write(params.ti->name(), package.bytes);
  params.extensions.emplace_back(
      [book = session_->book](const lt::torrent_handle&, lt::client_data_t) { return std::make_shared<Plugin>(book); });
  session_->session.add_torrent(std::move(params));
}

LeaseOrigin::~LeaseOrigin() = default;

std::uint16_t LeaseOrigin::port() const { return session_->session.listen_port(); }

int LeaseOrigin::connected() const {
  const std::lock_guard lock(session_->book->mutex);
  return session_->book->connected;
}

int LeaseOrigin::refused() const {
  const std::lock_guard lock(session_->book->mutex);
  return session_->book->refused;
}

int LeaseOrigin::foreground() const {
  const std::lock_guard lock(session_->book->mutex);
  return session_->book->foreground;
}

std::vector<std::uint32_t> LeaseOrigin::asked() const {
  const std::lock_guard lock(session_->book->mutex);
  return session_->book->asked;
}

}  // namespace upswarm::tests
