#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "installer/loopback.hpp"

namespace upswarm::installer {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr int kSliceMs = 50;  ///< how soon a stop is seen

class Line {
 public:
  Line(SteadyClock::time_point deadline, const std::stop_token& stop) : deadline_(deadline), stop_(stop) {}
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;
  ~Line() {
    if (socket_ >= 0) ::close(socket_);
  }

  Result<void> connect(bool by_ipv6, std::uint16_t port) {
    socket_ = ::socket(by_ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket_ < 0) return failure(errno);
    sockaddr_in6 six{};
    six.sin6_family = AF_INET6;
    six.sin6_addr = in6addr_loopback;
    six.sin6_port = htons(port);
    sockaddr_in four{};
    four.sin_family = AF_INET;
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    four.sin_port = htons(port);
    const auto* const address = by_ipv6 ? reinterpret_cast<sockaddr*>(&six) : reinterpret_cast<sockaddr*>(&four);
    if (::connect(socket_, address, by_ipv6 ? sizeof six : sizeof four) == 0) return {};
    if (errno != EINPROGRESS) return failure(errno);
    UPSWARM_CHECK(await(POLLOUT));
    int code = 0;
    socklen_t length = sizeof code;
    if (::getsockopt(socket_, SOL_SOCKET, SO_ERROR, &code, &length) != 0) code = errno;
    if (code != 0) return failure(code);
    return {};
  }

  Result<void> send(std::string_view text) {
    while (!text.empty()) {
      const auto count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
      else if (errno == EAGAIN || errno == EINTR) UPSWARM_CHECK(await(POLLOUT));
      else return failure(errno);
    }
    return {};
  }

  Result<std::string> receive_line() {
    std::string text;
    std::array<char, 1024> buffer;
    while (text.size() < kLongestHttpAnswer.count && text.find('\n') == std::string::npos) {
      const auto count = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (count == 0) break;
      if (count > 0) text.append(buffer.data(), static_cast<std::size_t>(count));
      else if (errno == EAGAIN || errno == EINTR) UPSWARM_CHECK(await(POLLIN));
      else return failure(errno);
    }
    return text;
  }

 private:
  static Error failure(int code) {
    return {ErrorKind::unreachable, "ask on loopback", std::generic_category().message(code)};
  }

  Result<void> await(short event) {
    for (;;) {
      if (stop_.stop_requested()) return Error{ErrorKind::cancelled, "ask on loopback", "stopped"};
      if (SteadyClock::now() >= deadline_) return failure(ETIMEDOUT);
      pollfd wait{socket_, event, 0};
      if (::poll(&wait, 1, kSliceMs) > 0) return {};
    }
  }

  SteadyClock::time_point deadline_;
  const std::stop_token& stop_;
  int socket_ = -1;
};

}  // namespace

Result<std::string> ask_loopback(bool by_ipv6, std::uint16_t port, std::string_view request,
                                 std::chrono::milliseconds limit, const std::stop_token& stop) {
  Line line(SteadyClock::now() + limit, stop);
  UPSWARM_CHECK(line.connect(by_ipv6, port));
  UPSWARM_CHECK(line.send(request));
  return line.receive_line();
}

}  // namespace upswarm::installer
