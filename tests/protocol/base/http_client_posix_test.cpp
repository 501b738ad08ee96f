// The client of protocol/base/http against a server that says exactly what the test wants.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <latch>
#include <thread>

#include "protocol/base/http/http_client.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

using namespace std::chrono_literals;

/// Answers one connection: reads until the headers (and `body` bytes more) are there, says `answer`, closes. With
/// `more` answers so many more connections.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, std::size_t body = 0, std::vector<std::string> more = {}, bool drips = false)
      : answer_(std::move(answer)), body_(body), more_(std::move(more)), drips_(drips) {
    listening_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listening_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listening_, 4), 0);
    socklen_t length = sizeof address;
    EXPECT_EQ(::getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &length), 0);
    url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/file";
    thread_ = std::jthread([this] {
      serve();
      for (const auto& next : more_) {
        answer_ = next;
        request_.clear();
        serve();
      }
    });
  }
  /// A server that goes on after `answer` with one byte every 20 ms, until the client hangs up, 400 at most.
  static OneAnswer dripping(std::string answer) { return OneAnswer(std::move(answer), 0, {}, true); }
  OneAnswer(const OneAnswer&) = delete;
  OneAnswer& operator=(const OneAnswer&) = delete;
  ~OneAnswer() {
    ::shutdown(listening_, SHUT_RDWR);  // wakes accept, when nobody came
    if (thread_.joinable()) thread_.join();
    ::close(listening_);
  }

  /// What the client said last; waits for its end.
  std::string request() {
    thread_.join();
    return request_;
  }

  std::string url;

 private:
  void serve() {
    const int connection = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) return;
    std::array<char, 4096> buffer;
    for (;;) {
      const auto end = request_.find("\r\n\r\n");
      if (end != std::string::npos && request_.size() >= end + 4 + body_) break;
      const auto count = ::recv(connection, buffer.data(), buffer.size(), 0);
      if (count <= 0) break;
      request_.append(buffer.data(), static_cast<std::size_t>(count));
    }
    for (std::string_view left = answer_; !left.empty();) {
      const auto count = ::send(connection, left.data(), left.size(), MSG_NOSIGNAL);
      if (count <= 0) break;
      left.remove_prefix(static_cast<std::size_t>(count));
    }
    if (drips_) drip(connection);
    if (answer_.empty())
      static_cast<void>(::recv(connection, buffer.data(), buffer.size(), 0));  // until the client gives up
    ::close(connection);
  }

  static void drip(int connection) {
    pollfd hung_up{.fd = connection, .events = POLLIN, .revents = 0};
    for (int left = 400; left > 0 && ::poll(&hung_up, 1, 20) == 0; --left) {
      if (::send(connection, "x", 1, MSG_NOSIGNAL) != 1) return;
    }
  }

  std::string answer_;
  std::size_t body_;
  std::vector<std::string> more_;
  bool drips_;
  std::string request_;
  int listening_ = -1;
  std::jthread thread_;
};

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class HttpClientTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { ::setenv("no_proxy", "127.0.0.1", 1); }  // whatever proxy this machine has

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop = {}) {
    return client_->send(request, stop);
  }

 private:
  std::unique_ptr<HttpClient> client_ = make_http_client({.ca_file = {}, .proxy = {}, .user_agent = "a test"});
};

TEST_F(HttpClientTest, BringsStatusHeadersAndBody) {
  OneAnswer server("HTTP/1.1 404 Not Found\r\nETag:  \"x\"\r\nX-Odd: a: b\r\nContent-Length: 4\r\n\r\nnone");
  const auto response = send({.url = server.url});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 404);
  EXPECT_EQ(response->headers.at("etag"), "\"x\"");
  EXPECT_EQ(response->headers.at("x-odd"), "a: b");
  EXPECT_EQ(response->body, "none");
  const auto request = server.request();
  EXPECT_TRUE(request.starts_with("GET /file HTTP/1.1\r\n")) << request;
  EXPECT_NE(request.find("User-Agent: a test\r\n"), std::string::npos) << request;
}

TEST_F(HttpClientTest, AsksForARange) {
  OneAnswer server("HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc");
  const auto response = send({.url = server.url, .range = HttpRange{5_B, 3_B}});
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 206);
  EXPECT_NE(server.request().find("Range: bytes=5-7\r\n"), std::string::npos);
}

TEST_F(HttpClientTest, SaysThatNobodyWaits) {
  OneAnswer background(ok(""));
  ASSERT_TRUE(send({.url = background.url, .is_background = true}));
  EXPECT_NE(background.request().find("Priority: u=7\r\n"), std::string::npos);
  OneAnswer foreground(ok(""));
  ASSERT_TRUE(send({.url = foreground.url}));
  EXPECT_EQ(foreground.request().find("Priority:"), std::string::npos);
}

TEST_F(HttpClientTest, SendsABodyOrAFile) {
  {
    OneAnswer server(ok(""), 5);
    ASSERT_TRUE(
        send({.url = server.url, .method = "POST", .headers = {{"X-A", "b"}}, .body = std::string("he\0lo", 5)}));
    const auto request = server.request();
    EXPECT_TRUE(request.starts_with("POST ")) << request;
    EXPECT_NE(request.find("X-A: b\r\n"), std::string::npos);
    EXPECT_TRUE(request.ends_with(std::string("\r\n\r\nhe\0lo", 9)));
  }
  const tests::TemporaryFolder folder;
  folder.write("body", "from a file");
  OneAnswer server(ok(""), 11);
  ASSERT_TRUE(send({.url = server.url, .method = "PUT", .body_file = folder / "body"}));
  const auto request = server.request();
  EXPECT_TRUE(request.starts_with("PUT ")) << request;
  EXPECT_TRUE(request.ends_with("\r\n\r\nfrom a file")) << request;
  EXPECT_EQ(send({.url = server.url, .method = "PUT", .body_file = folder / "none"}).error().kind,
            ErrorKind::not_found);
}

TEST_F(HttpClientTest, AnAnswerTooLongIsCutOff) {
  for (const char* length : {"Content-Length: 2000\r\n", ""}) {  // announced or not
    OneAnswer server(std::string("HTTP/1.1 200 OK\r\n") + length + "\r\n" + std::string(2000, 'x'));
    const auto response = send({.url = server.url, .longest = 1_KiB});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(response.error().reason, "too_long");
  }
}

TEST_F(HttpClientTest, EndlessHeadersAreCutOff) {
  std::string answer = "HTTP/1.1 200 OK\r\n";
  while (answer.size() < 100'000) answer += "X-More: " + std::string(1000, 'x') + "\r\n";
  OneAnswer server(answer + "\r\n");
  const auto response = send({.url = server.url});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::corrupt);
}

TEST_F(HttpClientTest, ASinkTakesTheBodyOfASuccessOnly) {
  std::string taken;
  const auto sink = [&taken](ByteView bytes) -> Result<void> {
    taken += as_text(bytes);
    return {};
  };
  OneAnswer good(ok(std::string(50'000, 'y')));
  const auto response = send({.url = good.url, .sink = sink});
  ASSERT_TRUE(response);
  EXPECT_EQ(taken, std::string(50'000, 'y'));
  EXPECT_EQ(response->body, "");
  taken.clear();
  OneAnswer bad("HTTP/1.1 500 Broken\r\nContent-Length: 5\r\n\r\nsorry");
  EXPECT_EQ(send({.url = bad.url, .sink = sink})->body, "sorry");
  EXPECT_EQ(taken, "");
}

TEST_F(HttpClientTest, AnErrorOfTheSinkEndsTheRequest) {
  OneAnswer server(ok("abc"));
  const auto sink = [](ByteView) -> Result<void> { return Error{ErrorKind::no_space, "keep it", "full"}; };
  EXPECT_EQ(send({.url = server.url, .sink = sink}).error().kind, ErrorKind::no_space);
}

TEST_F(HttpClientTest, ABrokenOffAnswerIsUnreachable) {
  OneAnswer server("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  const auto response = send({.url = server.url});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::unreachable);
}

TEST_F(HttpClientTest, SilenceHasALimit) {
  OneAnswer server("");
  const auto response = send({.url = server.url, .time_limit = 200ms});
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::unreachable);
}

TEST_F(HttpClientTest, AnAnswerThatDripsHasALimit) {
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n";
  auto steady = OneAnswer::dripping(head);
  const auto at_most = send({.url = steady.url, .time_limit = 200ms});
  ASSERT_FALSE(at_most);
  EXPECT_EQ(at_most.error().kind, ErrorKind::unreachable);
  auto slow = OneAnswer::dripping(head);
  const auto stalled = send({.url = slow.url, .stall_limit = 900ms});
  ASSERT_FALSE(stalled) << "less than 100 bytes a second count as nothing";
  EXPECT_EQ(stalled.error().kind, ErrorKind::unreachable);
  auto endless = OneAnswer::dripping("HTTP/1.1 200 OK\r\nX-Head: ");
  EXPECT_FALSE(send({.url = endless.url, .time_limit = 200ms})) << "in the headers, too";
}

TEST_F(HttpClientTest, AStopCancels) {
  OneAnswer server("");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(send({.url = server.url}, stop.get_token()).error().kind, ErrorKind::cancelled);
}

TEST_F(HttpClientTest, AProxyThatAsksForALoginGetsIt) {
  const std::string asks =
      "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: "
      "2\r\nConnection: close\r\n\r\nno";
  OneAnswer proxy(asks, 0, {ok("through")});
  const auto client = make_http_client({.ca_file = {},
                                        .proxy = proxy.url.substr(0, proxy.url.rfind('/')),
                                        .proxy_user = "upswarm",
                                        .proxy_password = "a:%41 word",
                                        .user_agent = "a test"});
  std::string got;
  HttpRequest request{.url = "http://origin.invalid/package"};
  request.sink = [&](ByteView part) -> Result<void> {
    got += as_text(part);
    return {};
  };
  const auto response = client->send(request, {});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(got, "through") << "and nothing of the refusal";
  const auto said = proxy.request();
  EXPECT_TRUE(said.starts_with("GET http://origin.invalid/package HTTP/1.1\r\n")) << said;
  EXPECT_NE(said.find("Proxy-Authorization: Basic dXBzd2FybTphOiU0MSB3b3Jk\r\n"), std::string::npos) << said;
}

TEST_F(HttpClientTest, AProxyThatRefusesIsAnAnswerThatSaysSo) {
  const std::string refuses =
      "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: "
      "0\r\nConnection: close\r\n\r\n";
  OneAnswer proxy(refuses, 0, {refuses});
  const auto client = make_http_client({.ca_file = {},
                                        .proxy = proxy.url.substr(0, proxy.url.rfind('/')),
                                        .proxy_user = "upswarm",
                                        .proxy_password = "wrong",
                                        .user_agent = "a test"});
  const auto response = client->send({.url = "http://origin.invalid/package"}, {});
  ASSERT_TRUE(response) << response.error().message();
  EXPECT_EQ(response->status, 407);
}

TEST_F(HttpClientTest, ALoginIsInNoError) {
  for (const char* proxy : {"htps://127.0.0.1:1", "http://127.0.0.1:1", "127.0.0.1:1", "http://[::1", "http://a b"}) {
    const auto client = make_http_client(
        {.ca_file = {}, .proxy = proxy, .proxy_user = "upswarm", .proxy_password = "s3cret", .user_agent = "a test"});
    const auto response = client->send({.url = "http://origin.invalid/package"}, {});
    ASSERT_FALSE(response) << proxy;
    EXPECT_EQ(response.error().message().find("s3cret"), std::string::npos) << response.error().message();
  }
}

TEST_F(HttpClientTest, RedirectsAreNotFollowed) {
  OneAnswer server("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(send({.url = server.url})->status, 302);
}

TEST_F(HttpClientTest, NobodyThereIsUnreachableAndOddUrlsAreInvalid) {
  EXPECT_EQ(send({.url = "http://127.0.0.1:1/"}).error().kind, ErrorKind::unreachable);
  for (const char* url : {"", "file:///etc/passwd", "ftp://127.0.0.1/", "http://", "gopher://x"}) {
    const auto response = send({.url = url});
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().kind, ErrorKind::invalid) << url;
  }
}

}  // namespace
}  // namespace upswarm
