#include "installer/http_health.hpp"

#include <algorithm>

#include "installer/loopback.hpp"
#include "installer/proc_file.hpp"
#include "protocol/base/process.hpp"

namespace upswarm::installer {
namespace {

Result<std::vector<Listener>> read_listeners(std::uint16_t port) {
  UPSWARM_TRY(const auto tcp, read_proc_file(system_files(), "/proc/net/tcp", kLongestSocketTable));
  const auto tcp6 = read_proc_file(system_files(), "/proc/net/tcp6", kLongestSocketTable);
  if (!tcp6 && tcp6.error().kind != ErrorKind::not_found) return tcp6.error();  // a kernel without IPv6 has none
  return listeners_on(port, tcp, tcp6 ? *tcp6 : "");
}

/// At least one, all of the account.
Result<std::vector<Listener>> find_listeners(std::uint16_t port, std::uint32_t user, const std::string& doing) {
  auto read = read_listeners(port);
  if (!read) return Error{ErrorKind::denied, doing, read.error().message()};
  const auto found = *std::move(read);
  if (found.empty()) return Error{ErrorKind::invalid, doing, "nobody listens there"};
  const auto other = std::ranges::find_if(found, [user](const auto& one) { return one.user != user; });
  if (other == found.end()) return found;
  return Error{ErrorKind::denied, doing,
               "user " + std::to_string(other->user) + " listens there, not user " + std::to_string(user),
               "other_listener"};
}

}  // namespace

Result<void> check_http(const trust::HealthCheck& health, std::chrono::milliseconds limit,
                        const std::stop_token& stop) {
  const auto port = static_cast<std::uint16_t>(health.port);
  const auto doing = "ask http://localhost:" + std::to_string(port) + health.path;
  const auto user = user_id_of(health.account);
  if (!user) return Error{ErrorKind::denied, doing, user.error().message(), "no_account"};
  UPSWARM_TRY(const auto before, find_listeners(port, *user, doing));
  const bool by_ipv6 = std::ranges::none_of(before, &Listener::on_ipv4);
  const auto request = "GET " + health.path + " HTTP/1.1\r\nHost: localhost:" + std::to_string(port) +
                       "\r\nUser-Agent: upswarm-installer\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  const auto answer = ask_loopback(by_ipv6, port, request, limit, stop);
  if (!answer && answer.error().kind == ErrorKind::cancelled) return answer.error();
  if (!answer) return Error{ErrorKind::invalid, doing, answer.error().cause};
  UPSWARM_TRY(const auto after, find_listeners(port, *user, doing));
  if (after != before) return Error{ErrorKind::invalid, doing, "its listeners changed meanwhile"};
  const auto status = parse_status_line(*answer);
  if (!status) return Error{ErrorKind::invalid, doing, status.error().cause};
  if (*status == health.status) return {};
  return Error{ErrorKind::invalid, doing,
               "status " + std::to_string(*status) + ", wanted is " + std::to_string(health.status)};
}

}  // namespace upswarm::installer
