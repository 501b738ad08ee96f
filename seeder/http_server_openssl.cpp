#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <array>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "protocol/base/log.hpp"
#include "seeder/http_server.hpp"

namespace upswarm::seeder {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Parser = http::request_parser<http::buffer_body>;
using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr auto kIdleLimit = std::chrono::seconds(60);
constexpr auto kHandshakeLimit = std::chrono::seconds(15);
constexpr auto kTransferLimit = std::chrono::seconds(30);  // for one block
constexpr auto kStopLimit = std::chrono::seconds(5);
constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kMostDrained = 4 * 1024 * 1024;
constexpr std::size_t kNetworkThreads = 2;
constexpr std::size_t kWorkers = 4;

/// What all connections share.
class Hub {
 public:
  explicit Hub(HttpHandler& asked) : handler(asked) {}

  bool is_stopping() const { return stopping_; }

  /// False when there are `most` already. `close_if_idle` is called from any thread.
  bool enter(const void* id, std::size_t most, std::function<void()> close_if_idle) {
    const std::lock_guard turn(turn_);
    if (stopping_ || inside_.size() >= most) return false;
    inside_.emplace(id, std::move(close_if_idle));
    return true;
  }

  void leave(const void* id) {
    const std::lock_guard turn(turn_);
    inside_.erase(id);
    if (inside_.empty()) empty_.notify_all();
  }

  void stop_and_wait() {
    std::unique_lock turn(turn_);
    stopping_ = true;
    for (const auto& [id, close_if_idle] : inside_) close_if_idle();
    empty_.wait_for(turn, kStopLimit, [this] { return inside_.empty(); });
  }

 private:
  std::mutex turn_;
  std::condition_variable empty_;
  std::map<const void*, std::function<void()>> inside_;
  std::atomic<bool> stopping_ = false;

 public:  // last: what is left of the connections ends with `io`, and leaves
  HttpHandler& handler;
  asio::io_context io{static_cast<int>(kNetworkThreads)};
  asio::thread_pool workers{kWorkers};
};

using Work = std::function<void()>;

// g++ 12 destroys temporaries in a co_await expression twice: coroutines here take references to named things alone.
asio::awaitable<void> work_through(const Work& work) {
  work();
  co_return;
}

HttpCall to_call(const http::request<http::buffer_body>& request, const IpAddress& remote, const IpAddress& local) {
  HttpCall call;
  call.method = std::string(request.method_string());
  const std::string target(request.target());
  const auto question = target.find('?');
  call.path = target.substr(0, question);
  if (question != std::string::npos) call.query = target.substr(question + 1);
  for (const auto& [field, name] :
       {std::pair{http::field::authorization, "authorization"}, std::pair{http::field::if_none_match, "if-none-match"},
        std::pair{http::field::if_range, "if-range"}, std::pair{http::field::range, "range"},
        std::pair{http::field::accept_encoding, "accept-encoding"}}) {
    if (request.count(field) == 1) call.headers[name] = std::string(request[field]);
  }
  for (const auto* name :
       {"available-dictionary", "upswarm-lease", "upswarm-machine", "upswarm-time", "upswarm-signature"}) {
    if (request.count(name) == 1) call.headers[name] = std::string(request[name]);
  }
  call.remote = remote;
  call.local = local;
  return call;
}

/// Not HTTP, as opposed to a connection that ended.
bool is_malformed(const ErrorCode& failed) {
  return failed.category() == make_error_code(http::error::bad_target).category() &&
         failed != http::error::end_of_stream && failed != http::error::partial_message;
}

template <typename Body>
void fill_header(http::response<Body>& response, const HttpAnswer& answer, bool keep_alive) {
  response.result(static_cast<unsigned>(answer.status));
  response.set(http::field::server, "upswarm-seeder");
  for (const auto& [name, value] : answer.headers) response.set(name, value);
  response.keep_alive(keep_alive);
}

/// One connection. All of it runs on its own strand.
template <typename Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Hub& hub, Stream stream, IpAddress remote, IpAddress local)
      : hub_(hub), stream_(std::move(stream)), remote_(std::move(remote)), local_(std::move(local)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { hub_.leave(this); }

  bool enter(std::size_t most) {
    const std::weak_ptr<Session> weak = this->weak_from_this();
    return hub_.enter(this, most, [weak, executor = stream_.get_executor()] {
      asio::post(executor, [weak] {
        const auto self = weak.lock();
        if (self && self->idle_) self->transport().close();
      });
    });
  }

  static asio::awaitable<void> run(std::shared_ptr<Session> self) {
    try {
      bool going = co_await self->shake_hands();
      while (going && !self->hub_.is_stopping()) going = co_await self->serve_one();
      co_await self->say_goodbye();
    } catch (const std::exception& problem) {
      log::error("a connection failed", {{"why", problem.what()}});
    }
  }

 private:
  static constexpr bool kIsTls = std::is_same_v<Stream, TlsStream>;

  beast::tcp_stream& transport() { return beast::get_lowest_layer(stream_); }

  asio::awaitable<bool> shake_hands() {
    if constexpr (kIsTls) {
      ErrorCode failed;
      transport().expires_after(kHandshakeLimit);
      co_await stream_.async_handshake(ssl::stream_base::server, asio::redirect_error(asio::use_awaitable, failed));
      if (failed) log::debug("TLS handshake failed", {{"from", remote_.to_string()}, {"why", failed.message()}});
      co_return !failed;
    }
    co_return true;
  }

  asio::awaitable<void> say_goodbye() {
    ErrorCode ignored;
    if constexpr (kIsTls) {
      transport().expires_after(std::chrono::seconds(2));
      co_await stream_.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
    }
    transport().socket().shutdown(tcp::socket::shutdown_both, ignored);
    transport().close();
    co_return;
  }

  /// Runs `work` on a thread that may block.
  asio::awaitable<void> on_worker(const Work& work) {
    transport().expires_never();
    co_await asio::co_spawn(hub_.workers.get_executor(), work_through(work), asio::use_awaitable);
  }

  /// One request and its answer. False when the connection is at its end.
  asio::awaitable<bool> serve_one() {
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(kLongestHeader.count));
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // Boost 1.74 takes "none" for 0; ours come later
    ErrorCode failed;
    transport().expires_after(kIdleLimit);
    idle_ = true;
    co_await http::async_read_header(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, failed));
    idle_ = false;
    if (failed) {
      HttpAnswer refusal{.status = failed == http::error::header_limit ? 431 : 400};
      if (is_malformed(failed)) co_await send(refusal, false, false);
      co_return false;
    }
    auto call = to_call(parser.get(), remote_, local_);
    HttpAnswer answer;
    if (call.method == "PUT") answer = co_await take_upload(parser, call);
    else answer = co_await take_call(parser, call);
    const bool drained = co_await drain(parser);
    const bool keep_alive = parser.get().keep_alive() && drained && !hub_.is_stopping();
    const bool sent = co_await send(answer, call.method == "HEAD", keep_alive);
    co_return sent&& keep_alive;
  }

  /// Up to block.size() bytes of the body; fewer at its end or when `failed`.
  asio::awaitable<std::size_t> read_block(Parser& parser, std::span<char> block, ErrorCode& failed) {
    auto& body = parser.get().body();
    body.data = block.data();
    body.size = block.size();
    transport().expires_after(kTransferLimit);
    co_await http::async_read(stream_, buffer_, parser, asio::redirect_error(asio::use_awaitable, failed));
    if (failed == http::error::need_buffer) failed = {};
    co_return block.size() - body.size;
  }

  asio::awaitable<void> welcome_body(Parser& parser) {
    if (parser.is_done() || parser.get()[http::field::expect] != "100-continue") co_return;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    ErrorCode ignored;  // the next read tells
    transport().expires_after(kTransferLimit);
    co_await asio::async_write(stream_, asio::buffer(kContinue), asio::redirect_error(asio::use_awaitable, ignored));
    welcomed_ = true;
  }

  asio::awaitable<HttpAnswer> take_call(Parser& parser, HttpCall& call) {
    const Error too_long{ErrorKind::corrupt, "read the request", "longer than " + to_string(kLongestBody), "too_long"};
    if (parser.content_length() && *parser.content_length() > kLongestBody.count)
      co_return hub_.handler.failure(too_long);
    co_await welcome_body(parser);
    while (!parser.is_done()) {
      std::array<char, 8192> block{};
      ErrorCode failed;
      const auto count = co_await read_block(parser, block, failed);
      if (failed) co_return hub_.handler.failure({ErrorKind::corrupt, "read the request", failed.message()});
      call.body.append(block.data(), count);
      if (call.body.size() > kLongestBody.count) co_return hub_.handler.failure(too_long);
    }
    HttpAnswer answer;
    const Work work = [&] { answer = hub_.handler.answer(call); };
    co_await on_worker(work);
    co_return answer;
  }

  asio::awaitable<HttpAnswer> take_upload(Parser& parser, const HttpCall& call) {
    std::optional<Bytes> length;
    if (parser.content_length()) length = Bytes{*parser.content_length()};
    std::variant<std::unique_ptr<UploadSink>, HttpAnswer> begun;
    const Work begin = [&] { begun = hub_.handler.begin_upload(call, length); };
    co_await on_worker(begin);
    if (auto* refused = std::get_if<HttpAnswer>(&begun)) co_return std::move(*refused);
    auto& sink = *std::get<std::unique_ptr<UploadSink>>(begun);
    co_await welcome_body(parser);
    std::vector<char> block(kBlock);
    while (!parser.is_done()) {
      ErrorCode failed;
      const auto count = co_await read_block(parser, block, failed);
      if (failed) co_return hub_.handler.failure({ErrorKind::unreachable, "receive the file", failed.message()});
      Result<void> written;
      const Work write = [&] { written = sink.write(as_bytes(std::string_view(block.data(), count))); };
      co_await on_worker(write);
      if (!written) co_return hub_.handler.failure(written.error());
    }
    HttpAnswer answer;
    const Work end = [&] { answer = hub_.handler.end_upload(sink); };
    co_await on_worker(end);
    co_return answer;
  }

  /// Reads what is left of a body, so that the answer is not lost in a reset. False when that is too much.
  asio::awaitable<bool> drain(Parser& parser) {
    if (parser.is_done()) co_return true;
    if (parser.get()[http::field::expect] == "100-continue" && !welcomed_) co_return false;  // it will not come
    std::vector<char> block(kBlock);
    for (std::size_t drained = 0; !parser.is_done() && drained < kMostDrained;) {
      ErrorCode failed;
      drained += co_await read_block(parser, block, failed);
      if (failed) co_return false;
    }
    co_return parser.is_done();
  }

  /// False when the connection broke.
  asio::awaitable<bool> send(HttpAnswer& answer, bool head_only, bool keep_alive) {
    welcomed_ = false;
    if (answer.file != nullptr || head_only) co_return co_await send_file(answer, head_only, keep_alive);
    http::response<http::string_body> response;
    fill_header(response, answer, keep_alive);
    response.body() = std::move(answer.body);
    if (answer.status != 304) response.prepare_payload();
    ErrorCode failed;
    transport().expires_after(kTransferLimit);
    co_await http::async_write(stream_, response, asio::redirect_error(asio::use_awaitable, failed));
    co_return !failed;
  }

  asio::awaitable<bool> send_file(const HttpAnswer& answer, bool head_only, bool keep_alive) {
    http::response<http::empty_body> response;
    fill_header(response, answer, keep_alive);
    const auto length = answer.file != nullptr ? answer.length.count : answer.body.size();
    if (answer.status != 304) response.content_length(length);
    http::response_serializer<http::empty_body> serializer(response);
    ErrorCode failed;
    transport().expires_after(kTransferLimit);
    co_await http::async_write_header(stream_, serializer, asio::redirect_error(asio::use_awaitable, failed));
    if (failed || head_only) co_return !failed;
    ByteBuffer block(std::min<std::uint64_t>(kBlock, std::max<std::uint64_t>(length, 1)));
    for (std::uint64_t done = 0; done < length;) {
      const auto wanted = std::min<std::uint64_t>(block.size(), length - done);
      std::size_t count = 0;
      const Work read = [&] {
        count = answer.file->read_at(answer.first + Bytes{done}, std::span(block).first(wanted)).value_or(0);
      };
      co_await on_worker(read);
      if (count == 0) co_return false;  // the length was promised: only a broken connection tells the truth now
      transport().expires_after(kTransferLimit);
      co_await asio::async_write(stream_, asio::buffer(block.data(), count),
                                 asio::redirect_error(asio::use_awaitable, failed));
      if (failed) co_return false;
      done += count;
    }
    co_return true;
  }

  Hub& hub_;
  Stream stream_;
  IpAddress remote_;
  IpAddress local_;
  beast::flat_buffer buffer_{kLongestHeader.count + kBlock};
  bool idle_ = false;
  bool welcomed_ = false;
};

class BeastServer final : public HttpServer {
 public:
  BeastServer(HttpServerSettings settings, HttpHandler& handler)
      : settings_(std::move(settings)), hub_(handler), acceptor_(hub_.io) {}

  ~BeastServer() override {
    asio::post(acceptor_.get_executor(), [this] {
      ErrorCode ignored;
      acceptor_.close(ignored);
    });
    if (!threads_.empty()) hub_.stop_and_wait();
    hub_.io.stop();
    threads_.clear();
    hub_.workers.join();
  }

  Result<void> start() {
    if (settings_.tls) UPSWARM_CHECK(set_up_tls());
    UPSWARM_CHECK(open());
    asio::co_spawn(hub_.io, accept(), asio::detached);
    for (std::size_t i = 0; i < kNetworkThreads; ++i) threads_.emplace_back([this] { hub_.io.run(); });
    return {};
  }

  std::uint16_t port() const override { return port_; }

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

  Result<void> open() {
    ErrorCode failed;
    const auto where = "listen for HTTP on " + settings_.listen + " port " + std::to_string(settings_.port);
    const tcp::endpoint endpoint(asio::ip::make_address(settings_.listen, failed), settings_.port);
    if (failed) return Error{ErrorKind::invalid, where, failed.message()};
    acceptor_.open(endpoint.protocol(), failed);
    if (!failed) acceptor_.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) acceptor_.bind(endpoint, failed);
    if (!failed) acceptor_.listen(asio::socket_base::max_listen_connections, failed);
    if (failed == asio::error::address_in_use) return Error{ErrorKind::busy, where, failed.message(), "port_in_use"};
    if (failed == asio::error::access_denied) return Error{ErrorKind::denied, where, failed.message()};
    if (failed) return Error{ErrorKind::unreachable, where, failed.message()};
    port_ = acceptor_.local_endpoint().port();
    return {};
  }

  asio::awaitable<void> accept() {
    while (!hub_.is_stopping() && acceptor_.is_open()) {
      tcp::socket socket(asio::make_strand(hub_.io));
      ErrorCode failed;
      co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, failed));
      if (!failed) {
        welcome(std::move(socket));
        continue;
      }
      if (failed == asio::error::operation_aborted || failed == asio::error::bad_descriptor) co_return;
      log::warning("a connection cannot be accepted", {{"why", failed.message()}});
      asio::steady_timer pause(hub_.io, std::chrono::milliseconds(100));  // out of descriptors: let some end
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, failed));
    }
  }

  void welcome(tcp::socket socket) {
    ErrorCode failed;
    const auto remote = socket.remote_endpoint(failed);
    if (failed) return;
    const auto local = socket.local_endpoint(failed);
    if (failed) return;
    socket.set_option(tcp::no_delay(true), failed);
    const auto executor = socket.get_executor();
    if (settings_.tls)
      begin(std::make_shared<Session<TlsStream>>(hub_, TlsStream(std::move(socket), tls_), remote.address(),
                                                 local.address()),
            executor);
    else
      begin(std::make_shared<Session<PlainStream>>(hub_, PlainStream(std::move(socket)), remote.address(),
                                                   local.address()),
            executor);
  }

  template <typename Stream>
  void begin(std::shared_ptr<Session<Stream>> session, const tcp::socket::executor_type& executor) {
    if (!session->enter(settings_.most_connections)) return;
    asio::co_spawn(executor, Session<Stream>::run(std::move(session)), asio::detached);
  }

  HttpServerSettings settings_;
  ssl::context tls_{ssl::context::tls_server};  // must outlive all connections
  Hub hub_;
  tcp::acceptor acceptor_;
  std::uint16_t port_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> start_http_server(const HttpServerSettings& settings, HttpHandler& handler) {
  auto server = std::make_unique<BeastServer>(settings, handler);
  UPSWARM_CHECK(server->start());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace upswarm::seeder
