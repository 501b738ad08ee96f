#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <system_error>
#include <thread>

#include "installer/http_health.hpp"

namespace upswarm::installer {
namespace {

using namespace std::chrono_literals;
constexpr uid_t kNobody = 65534;

/// A process that listens on a port of loopback as `user` and answers every connection with `answer`, until it is
/// ended.
class Listening {
 public:
  Listening(uid_t user, const std::string& answer, bool ipv6 = false, std::uint16_t wanted = 0) {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    process_ = ::fork();
    if (process_ == 0) serve(user, answer, ipv6, wanted, ends[1]);
    ::close(ends[1]);
    EXPECT_EQ(::read(ends[0], &port_, sizeof port_), static_cast<ssize_t>(sizeof port_));
    ::close(ends[0]);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  std::uint16_t port() const { return port_; }

 private:
  [[noreturn]] static void serve(uid_t user, const std::string& answer, bool ipv6, std::uint16_t wanted, int report) {
    ::alarm(60);
    if (user != ::geteuid() && (::setgid(user) != 0 || ::setuid(user) != 0)) ::_exit(1);
    const int listener = ::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM, 0);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_port = htons(wanted);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(wanted);
    six.sin6_addr = in6addr_loopback;
    auto* const address = ipv6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    socklen_t length = ipv6 ? sizeof six : sizeof four;
    if (::bind(listener, address, length) != 0 || ::listen(listener, 8) != 0) ::_exit(1);
    ::getsockname(listener, address, &length);
    const std::uint16_t port = ntohs(ipv6 ? six.sin6_port : four.sin_port);
    if (::write(report, &port, sizeof port) != sizeof port) ::_exit(1);
    ::close(report);
    for (;;) {
      const int line = ::accept(listener, nullptr, nullptr);
      std::array<char, 4096> question{};
      if (::recv(line, question.data(), question.size() - 1, 0) <= 0) continue;
      const bool is_get = std::string_view(question.data()).starts_with("GET /ready?x=1 HTTP/1.1\r\n");
      const std::string text = is_get ? answer : "HTTP/1.1 400 Bad Request\r\n";
      ::send(line, text.data(), text.size(), MSG_NOSIGNAL);
      if (!answer.empty()) ::close(line);
    }
  }

  pid_t process_ = -1;
  std::uint16_t port_ = 0;
};

trust::HealthCheck health_of(std::uint16_t port, const std::string& account = std::to_string(::geteuid())) {
  trust::HealthCheck health;
  health.kind = trust::HealthCheck::Kind::http;
  health.port = port;
  health.path = "/ready?x=1";
  health.account = account;
  return health;
}

TEST(HttpHealth, TheWantedStatusIsHealthy) {
  const Listening server(::geteuid(), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const auto checked = check_http(health_of(server.port()), 20s, {});
  EXPECT_TRUE(checked) << checked.error().message();
  auto other = health_of(server.port());
  other.status = 204;
  const auto refused = check_http(other, 20s, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_NE(refused.error().cause.find("status 200, wanted is 204"), std::string::npos) << refused.error().message();
}

TEST(HttpHealth, AlsoWhereOnlyIpv6Listens) {
  const int six = ::socket(AF_INET6, SOCK_STREAM, 0);
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool has_ipv6 = six >= 0 && ::bind(six, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(six);
  if (!has_ipv6) GTEST_SKIP() << "no IPv6 here";
  const Listening server(::geteuid(), "HTTP/1.1 200 OK\r\n", true);
  const auto checked = check_http(health_of(server.port()), 20s, {});
  EXPECT_TRUE(checked) << checked.error().message();
  if (::geteuid() != 0) return;
  const Listening squatter(kNobody, "HTTP/1.1 200 OK\r\n", false, server.port());
  EXPECT_EQ(check_http(health_of(server.port()), 20s, {}).error().reason, "other_listener") << "on the other loopback";
}

TEST(HttpHealth, ASquatterOnThePortIsNotBelieved) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root may change accounts";
  const Listening squatter(kNobody, "HTTP/1.1 200 OK\r\n");
  const auto checked = check_http(health_of(squatter.port(), "root"), 20s, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::denied) << "and the release is not blamed for him";
  EXPECT_EQ(checked.error().reason, "other_listener");
  EXPECT_NE(checked.error().cause.find("user 65534 listens there, not user 0"), std::string::npos);
  EXPECT_TRUE(check_http(health_of(squatter.port(), "nobody"), 20s, {})) << "it is he who was wanted";
}

TEST(HttpHealth, TablesThatCannotBeReadBlameNobody) {
  ASSERT_FALSE(check_http(health_of(1, "0"), 20s, {}));           // sanitizers look at
  ASSERT_FALSE(std::generic_category().message(EMFILE).empty());  // new classes through a pipe
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto checked = check_http(health_of(1, "0"), 20s, {});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::denied);
  EXPECT_NE(checked.error().cause.find("/proc/net/tcp"), std::string::npos) << checked.error().message();
}

TEST(HttpHealth, NobodyAndNonsenseAreNotHealthy) {
  std::uint16_t port = 0;
  {
    const Listening server(::geteuid(), "SSH-2.0-OpenSSH_9.2\r\n");
    port = server.port();
    EXPECT_EQ(check_http(health_of(port), 20s, {}).error().kind, ErrorKind::invalid);
  }
  const auto nobody = check_http(health_of(port), 20s, {});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().kind, ErrorKind::invalid);
  EXPECT_NE(nobody.error().cause.find("nobody listens there"), std::string::npos);
}

TEST(HttpHealth, AnEndlessFirstLineIsCutOff) {
  const Listening server(::geteuid(), "HTTP/1.1 200 " + std::string(100'000, 'x'));
  EXPECT_EQ(check_http(health_of(server.port()), 20s, {}).error().kind, ErrorKind::invalid);
}

TEST(HttpHealth, SilenceHasALimitAndAStopEndsIt) {
  const Listening server(::geteuid(), "");
  const auto checked = check_http(health_of(server.port()), 100ms, {});
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().kind, ErrorKind::invalid);
  std::jthread stopped([](const std::stop_token&) {});  // (a stop_source of its own: g++ 12 warns falsely)
  stopped.request_stop();
  EXPECT_EQ(check_http(health_of(server.port()), 60s, stopped.get_stop_token()).error().kind, ErrorKind::cancelled);
}

TEST(HttpHealth, AnUnknownAccountIsTheMachinesFault) {
  EXPECT_EQ(check_http(health_of(1, "no-such-account"), 1s, {}).error().kind, ErrorKind::denied);
}

}  // namespace
}  // namespace upswarm::installer
