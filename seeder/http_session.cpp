#include "seeder/http_session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>

#include <array>
#include <functional>

#include "protocol/base/log.hpp"
#include "seeder/http_message.hpp"
#include "seeder/http_server.hpp"

namespace upswarm::seeder {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;
using Work = std::function<void()>;

constexpr std::chrono::seconds kHandshakeLimit{15};
constexpr std::chrono::seconds kIdleLimit{60};
constexpr std::chrono::seconds kTransferLimit{30};  // for one block
constexpr std::chrono::seconds kGoodbyeLimit{2};
constexpr std::size_t kBlock = 256 * 1024;
constexpr std::size_t kFirstRead = 2 * 1024;  // most requests are one read
constexpr std::size_t kMostDrained = 4 * 1024 * 1024;

// g++ 12 destroys temporaries in a co_await expression twice: coroutines here take references to named things alone.
asio::awaitable<void> work_through(const Work& work) {
  work();
  co_return;
}

class Session final : public HttpLane::Member {
 public:
  Session(HttpLane& lane, std::unique_ptr<HttpStream> stream, IpAddress remote, IpAddress local)
      : lane_(lane), stream_(std::move(stream)), remote_(std::move(remote)), local_(std::move(local)) {
    lane_.enter(this);
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() override { lane_.leave(this); }

  asio::awaitable<void> run() {
    ErrorCode failed;
    expire_after(kHandshakeLimit);
    co_await stream_->shake_hands(failed);
    if (failed) log::debug("TLS handshake failed", {{"from", remote_.to_string()}, {"why", failed.message()}});
    bool going = !failed;
    while (going && !lane_.is_stopping()) going = co_await serve_one();
    expire_after(kGoodbyeLimit);
    co_await stream_->say_goodbye();
  }

  HttpLane::Tick deadline() const override { return deadline_; }
  bool is_idle() const override { return idle_; }
  void close() override { stream_->close(); }

 private:
  void expire_after(std::chrono::seconds limit) { deadline_ = lane_.after(limit); }

  /// Runs `work` on a thread that may block.
  asio::awaitable<void> on_worker(const Work& work) {
    deadline_ = HttpLane::kNever;
    co_await asio::co_spawn(lane_.workers.get_executor(), work_through(work), asio::use_awaitable);
  }

  /// One request and its answer. False when the connection is at its end.
  asio::awaitable<bool> serve_one() {
    RequestParser parser;
    parser.header_limit(static_cast<std::uint32_t>(kLongestHeader.count));
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // Boost 1.74 takes "none" for 0; ours come later
    ErrorCode failed;
    co_await read_header(parser, failed);
    if (failed) {
      const HttpAnswer refusal{.status = failed == http::error::header_limit ? 431 : 400};
      if (is_malformed(failed)) co_await send(refusal, false, false);
      co_return false;
    }
    auto call = to_call(parser.get(), remote_, local_);
    HttpAnswer answer;
    if (call.method == "PUT") answer = co_await take_upload(parser, call);
    else answer = co_await take_call(parser, call);
    const bool drained = parser.is_done() || co_await drain(parser);
    const bool keep_alive = parser.get().keep_alive() && drained && !lane_.is_stopping();
    const bool sent = co_await send(answer, call.method == "HEAD", keep_alive);
    co_return sent&& keep_alive;
  }

  asio::awaitable<void> read_header(RequestParser& parser, ErrorCode& failed) {
    idle_ = buffer_.size() == 0;
    expire_after(kIdleLimit);
    while (!failed && !parser.is_header_done()) {
      if (buffer_.size() == 0 || needs_more_) co_await read_more(kFirstRead, failed);
      if (!failed) feed(parser, failed);
    }
    idle_ = false;
  }

  /// Up to block.size() bytes of the body; fewer at its end or when `failed`.
  asio::awaitable<std::size_t> read_block(RequestParser& parser, std::span<char> block, ErrorCode& failed) {
    auto& body = parser.get().body();
    body.data = block.data();
    body.size = block.size();
    expire_after(kTransferLimit);  // for the block, however many pieces it comes in
    while (!failed && !parser.is_done() && body.size > 0) {
      if (buffer_.size() == 0 || needs_more_) co_await read_more(kBlock, failed);
      if (!failed) feed(parser, failed);
    }
    co_return block.size() - body.size;
  }

  asio::awaitable<void> read_more(std::size_t longest, ErrorCode& failed) {
    const auto space = buffer_.prepare(std::min(longest, buffer_.max_size() - buffer_.size()));
    const auto count = co_await stream_->read_some(space, failed);
    if (!failed) buffer_.commit(count);
  }

  void feed(RequestParser& parser, ErrorCode& failed) {
    buffer_.consume(parser.put(buffer_.data(), failed));
    needs_more_ = failed == http::error::need_more;
    if (needs_more_ || failed == http::error::need_buffer) failed = {};
  }

  asio::awaitable<void> welcome_body(RequestParser& parser) {
    if (parser.is_done() || parser.get()[http::field::expect] != "100-continue") co_return;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    ErrorCode ignored;  // the next read tells
    expire_after(kTransferLimit);
    co_await stream_->write(asio::buffer(kContinue), ignored);
    welcomed_ = true;
  }

  asio::awaitable<HttpAnswer> take_call(RequestParser& parser, HttpCall& call) {
    const Error too_long{ErrorKind::corrupt, "read the request", "it is too long", "too_long"};
    if (parser.content_length() && *parser.content_length() > kLongestBody.count)
      co_return lane_.handler.failure(too_long);
    co_await welcome_body(parser);
    while (!parser.is_done()) {
      std::array<char, 8192> block{};
      ErrorCode failed;
      const auto count = co_await read_block(parser, block, failed);
      if (failed) co_return lane_.handler.failure({ErrorKind::corrupt, "read the request", failed.message()});
      call.body.append(block.data(), count);
      if (call.body.size() > kLongestBody.count) co_return lane_.handler.failure(too_long);
    }
    if (auto at_once = lane_.handler.answer_at_once(call)) co_return *std::move(at_once);
    HttpAnswer answer;
    const Work work = [&] { answer = lane_.handler.answer(call); };
    co_await on_worker(work);
    co_return answer;
  }

  asio::awaitable<HttpAnswer> take_upload(RequestParser& parser, const HttpCall& call) {
    std::optional<Bytes> length;
    if (parser.content_length()) length = Bytes{*parser.content_length()};
    std::variant<std::unique_ptr<UploadSink>, HttpAnswer> begun;
    const Work begin = [&] { begun = lane_.handler.begin_upload(call, length); };
    co_await on_worker(begin);
    if (auto* refused = std::get_if<HttpAnswer>(&begun)) co_return std::move(*refused);
    auto& sink = *std::get<std::unique_ptr<UploadSink>>(begun);
    co_await welcome_body(parser);
    std::vector<char> block(kBlock);
    while (!parser.is_done()) {
      ErrorCode failed;
      const auto count = co_await read_block(parser, block, failed);
      if (failed) co_return lane_.handler.failure({ErrorKind::unreachable, "receive the file", failed.message()});
      Result<void> written;
      const Work write = [&] { written = sink.write(as_bytes(std::string_view(block.data(), count))); };
      co_await on_worker(write);
      if (!written) co_return lane_.handler.failure(written.error());
    }
    HttpAnswer answer;
    const Work end = [&] { answer = lane_.handler.end_upload(sink); };
    co_await on_worker(end);
    co_return answer;
  }

  /// Reads what is left of a body, so that the answer is not lost in a reset. False when that is too much.
  asio::awaitable<bool> drain(RequestParser& parser) {
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
  asio::awaitable<bool> send(const HttpAnswer& answer, bool head_only, bool keep_alive) {
    welcomed_ = false;
    if (answer.is_background != is_marked_) stream_->mark(is_marked_ = answer.is_background);
    auto bytes = header_of(answer, keep_alive);
    const bool has_file = answer.file != nullptr && !head_only;
    if (!has_file && !head_only) bytes += answer.body;
    ErrorCode failed;
    expire_after(kTransferLimit);
    co_await stream_->write(asio::buffer(bytes), failed);
    if (failed || !has_file) co_return !failed;
    co_return co_await send_file(answer);
  }

  asio::awaitable<bool> send_file(const HttpAnswer& answer) {
    ByteBuffer block(std::min<std::uint64_t>(kBlock, std::max<std::uint64_t>(answer.length.count, 1)));
    for (std::uint64_t done = 0; done < answer.length.count;) {
      const auto wanted = std::min<std::uint64_t>(block.size(), answer.length.count - done);
      std::size_t count = 0;
      const Work read = [&] {
        count = answer.file->read_at(answer.first + Bytes{done}, std::span(block).first(wanted)).value_or(0);
      };
      co_await on_worker(read);
      if (count == 0) co_return false;  // the length was promised: only a broken connection tells the truth now
      ErrorCode failed;
      expire_after(kTransferLimit);
      co_await stream_->write(asio::buffer(block.data(), count), failed);
      if (failed) co_return false;
      done += count;
    }
    co_return true;
  }

  HttpLane& lane_;
  std::unique_ptr<HttpStream> stream_;
  IpAddress remote_;
  IpAddress local_;
  boost::beast::flat_buffer buffer_{kLongestHeader.count + kBlock};
  HttpLane::Tick deadline_ = HttpLane::kNever;
  bool needs_more_ = false;  ///< than the buffer holds
  bool idle_ = false;
  bool welcomed_ = false;
  bool is_marked_ = false;
};

}  // namespace

asio::awaitable<void> serve_http(HttpLane& lane, std::unique_ptr<HttpStream> stream, IpAddress remote,
                                 IpAddress local) {
  Session session(lane, std::move(stream), std::move(remote), std::move(local));
  try {
    co_await session.run();
  } catch (const std::exception& problem) {
    log::error("a connection failed", {{"why", problem.what()}});
  }
  session.close();
}

}  // namespace upswarm::seeder
