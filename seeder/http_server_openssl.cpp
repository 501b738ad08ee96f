#include "seeder/http_server.hpp"

#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "protocol/base/log.hpp"
#include "protocol/base/traffic_mark.hpp"
#include "seeder/descriptor.hpp"
#include "seeder/http_session.hpp"

namespace upswarm::seeder {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr auto kStopLimit = std::chrono::seconds(5);
constexpr std::size_t kLanes = 2;
constexpr std::size_t kWorkers = 4;

/// How many connections there are.
class Connections {
 public:
  class Place {
   public:
    explicit Place(Connections& all) : all_(&all) {}
    Place(Place&& other) noexcept : all_(std::exchange(other.all_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (all_ != nullptr) all_->leave();
    }

   private:
    Connections* all_;
  };

  /// Nothing when there are `most` already.
  std::optional<Place> enter(std::size_t most) {
    const std::lock_guard lock(mutex_);
    if (count_ >= most) return std::nullopt;
    ++count_;
    return Place(*this);
  }

  void wait_until_none(std::chrono::seconds longest) {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, longest, [this] { return count_ == 0; });
  }

 private:
  void leave() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable none_;
  std::size_t count_ = 0;
};

template <typename Stream>
class StreamOf final : public HttpStream {
 public:
  StreamOf(Stream stream, Connections::Place place) : place_(std::move(place)), stream_(std::move(stream)) {}

  asio::awaitable<void> shake_hands(ErrorCode& failed) override {
    if constexpr (kIsTls) {
      co_await stream_.async_handshake(ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, failed));
    }
    co_return;
  }
  asio::awaitable<void> say_goodbye() override {
    if constexpr (kIsTls) {
      ErrorCode ignored;
      co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
    }
    co_return;
  }
  asio::awaitable<std::size_t> read_some(asio::mutable_buffer space, ErrorCode& failed) override {
    co_return co_await stream_.async_read_some(space, asio::redirect_error(asio::use_awaitable, failed));
  }
  asio::awaitable<void> write(asio::const_buffer bytes, ErrorCode& failed) override {
    co_await asio::async_write(stream_, bytes, asio::redirect_error(asio::use_awaitable, failed));
  }
  void mark(bool is_background) override {
    mark_traffic(static_cast<std::intptr_t>(stream_.lowest_layer().native_handle()), is_background);
  }
  void close() override {
    ErrorCode ignored;
    stream_.lowest_layer().close(ignored);
  }

 private:
  static constexpr bool kIsTls = !std::is_same_v<Stream, tcp::socket>;
  Connections::Place place_;
  Stream stream_;
};

/// A lane with the thread that runs it, and its own way to new connections: handing them over would cost as much as
/// answering one.
class LaneThread {
 public:
  LaneThread(HttpHandler& handler, asio::thread_pool& workers)
      : lane(handler, workers), acceptor(lane.io), second_(lane.io) {}

  void start() {
    wait_a_second();
    thread_ = std::thread([this] { lane.io.run(); });
  }
  void stop() {
    lane.io.stop();
    if (thread_.joinable()) thread_.join();
  }

  HttpLane lane;
  tcp::acceptor acceptor;

 private:
  void wait_a_second() {
    second_.expires_after(std::chrono::seconds(1));
    second_.async_wait([this](const ErrorCode& stopped) {
      if (stopped) return;
      lane.tick();
      wait_a_second();
    });
  }

  asio::steady_timer second_;
  std::thread thread_;
};

class BeastServer final : public HttpServer {
 public:
  BeastServer(HttpServerSettings settings, HttpHandler& handler) : settings_(std::move(settings)) {
    for (std::size_t i = 0; i < kLanes; ++i) {
      lanes_.push_back(std::make_unique<LaneThread>(handler, workers_));
    }
  }

  ~BeastServer() override {
    if (is_started_) finish();
    for (const auto& one : lanes_) one->stop();
    workers_.join();  // what still works is done before what it works for goes
    lanes_.clear();
  }

  Result<void> start() {
    if (settings_.tls) UPSWARM_CHECK(set_up_tls());
    UPSWARM_CHECK(listen());
    for (const auto& one : lanes_) {
      asio::co_spawn(one->lane.io, accept(*one), asio::detached);
      one->start();
    }
    is_started_ = true;
    return {};
  }

  std::uint16_t port() const override { return listening_.port(); }

 private:
  Result<void> set_up_tls() {
    ErrorCode failed;
    const auto refused = [&](const Path& file) {
      return Error{ErrorKind::invalid, "set up TLS with " + file.string(), failed.message()};
    };
    tls_.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                     ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
    tls_.use_certificate_chain_file(settings_.certificate.string(), failed);
    if (failed) return refused(settings_.certificate);
    tls_.use_private_key_file(settings_.key.string(), ssl::context::pem, failed);
    if (failed) return refused(settings_.key);
    return {};
  }

  Result<void> listen() {
    ErrorCode failed;
    const auto where = "listen for HTTP on " + settings_.listen + " port " + std::to_string(settings_.port);
    const tcp::endpoint endpoint(asio::ip::make_address(settings_.listen, failed), settings_.port);
    if (failed) return Error{ErrorKind::invalid, where, failed.message()};
    auto& first = lanes_.front()->acceptor;
    first.open(endpoint.protocol(), failed);
    if (!failed) first.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) first.set_option(tcp::no_delay(true), failed);  // what is accepted inherits it (tcp(7))
    if (!failed) first.bind(endpoint, failed);
    if (!failed) first.listen(asio::socket_base::max_listen_connections, failed);
    for (std::size_t i = 1; !failed && i < lanes_.size(); ++i) {
      UPSWARM_TRY(const int shared, duplicate_descriptor(first.native_handle()));
      lanes_[i]->acceptor.assign(endpoint.protocol(), shared, failed);
    }
    if (failed == asio::error::address_in_use) return Error{ErrorKind::busy, where, failed.message(), "port_in_use"};
    if (failed == asio::error::access_denied) return Error{ErrorKind::denied, where, failed.message()};
    if (failed) return Error{ErrorKind::unreachable, where, failed.message()};
    listening_ = first.local_endpoint();
    return {};
  }

  asio::awaitable<void> accept(LaneThread& at) {
    tcp::endpoint remote;
    while (at.acceptor.is_open()) {
      tcp::socket socket(at.lane.io);
      ErrorCode failed;
      co_await at.acceptor.async_accept(socket, remote, asio::redirect_error(asio::use_awaitable, failed));
      if (!failed) {
        welcome(at.lane, std::move(socket), remote.address());
        continue;
      }
      if (failed == asio::error::operation_aborted || failed == asio::error::bad_descriptor) co_return;
      log::warning("a connection cannot be accepted", {{"why", failed.message()}});
      asio::steady_timer pause(at.lane.io, std::chrono::milliseconds(100));  // out of descriptors: let some end
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failed));
    }
  }

  void welcome(HttpLane& lane, tcp::socket socket, const IpAddress& remote) {
    ErrorCode failed;
    const auto local = listening_.address().is_unspecified() ? socket.local_endpoint(failed) : listening_;
    auto place = connections_.enter(settings_.most_connections);
    if (failed || !place) return;
    std::unique_ptr<HttpStream> stream;
    if (settings_.tls) {
      using Tls = ssl::stream<tcp::socket>;
      stream = std::make_unique<StreamOf<Tls>>(Tls(std::move(socket), tls_), *std::move(place));
    } else {
      stream = std::make_unique<StreamOf<tcp::socket>>(std::move(socket), *std::move(place));
    }
    asio::co_spawn(lane.io, serve_http(lane, std::move(stream), remote, local.address()), asio::detached);
  }

  /// Accepts nobody any more, and waits for what is being answered.
  void finish() {
    for (const auto& one : lanes_) {
      asio::post(one->lane.io, [&at = *one] {
        ErrorCode ignored;
        at.acceptor.close(ignored);
        at.lane.stop();
      });
    }
    connections_.wait_until_none(kStopLimit);
  }

  HttpServerSettings settings_;
  ssl::context tls_{ssl::context::tls_server};  // must outlive all connections
  Connections connections_;
  asio::thread_pool workers_{kWorkers};
  std::vector<std::unique_ptr<LaneThread>> lanes_;
  tcp::endpoint listening_;
  bool is_started_ = false;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> start_http_server(const HttpServerSettings& settings, HttpHandler& handler) {
  auto server = std::make_unique<BeastServer>(settings, handler);
  UPSWARM_CHECK(server->start());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace upswarm::seeder
