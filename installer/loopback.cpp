#include "installer/loopback.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace upswarm::installer {
namespace {

// The columns of the tables. Addresses are 32-bit words in hexadecimal, each as this little-endian machine holds it.
constexpr std::size_t kLocal = 1;
constexpr std::size_t kState = 3;
constexpr std::size_t kUser = 7;
constexpr std::size_t kInode = 9;
constexpr std::string_view kListening = "0A";
constexpr std::array<std::string_view, 2> kOnIpv4{"0100007F", "00000000"};
constexpr std::array<std::string_view, 2> kOnIpv6{"00000000000000000000000001000000",
                                                  "00000000000000000000000000000000"};
/// IPv6 sockets that take IPv4: of "::" the tables do not say whether it does, so it is thought to.
constexpr std::array<std::string_view, 3> kMapped{
    "00000000000000000000000000000000", "0000000000000000FFFF00000100007F", "0000000000000000FFFF000000000000"};

std::string_view next_part(std::string_view& text, std::string_view separators) {
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(separators)));
  const auto part = text.substr(0, text.find_first_of(separators));
  text.remove_prefix(part.size());
  return part;
}

template <typename Number>
bool read_number(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

Result<void> read_table(std::uint16_t port, std::string_view table, bool is_ipv6, std::vector<Listener>& found) {
  next_part(table, "\n");  // names of the columns
  for (;;) {
    auto line = next_part(table, "\n");
    if (line.empty()) return {};
    std::array<std::string_view, kInode + 1> columns;
    for (auto& column : columns) column = next_part(line, " ");
    const auto colon = columns[kLocal].find(':');
    std::uint16_t local_port = 0;
    Listener listener;
    if (colon == std::string_view::npos || !read_number(columns[kLocal].substr(colon + 1), local_port, 16) ||
        !read_number(columns[kUser], listener.user) || !read_number(columns[kInode], listener.inode)) {
      return Error{ErrorKind::corrupt, "read the kernel's table of sockets", "a line of another form"};
    }
    if (columns[kState] != kListening || local_port != port) continue;
    const auto address = columns[kLocal].substr(0, colon);
    listener.on_ipv4 = is_ipv6 ? is_one_of(kMapped, address) : is_one_of(kOnIpv4, address);
    listener.on_ipv6 = is_ipv6 && is_one_of(kOnIpv6, address);
    if (listener.on_ipv4 || listener.on_ipv6) found.push_back(listener);
  }
}

}  // namespace

Result<std::vector<Listener>> listeners_on(std::uint16_t port, std::string_view tcp, std::string_view tcp6) {
  std::vector<Listener> found;
  UPSWARM_CHECK(read_table(port, tcp, false, found));
  UPSWARM_CHECK(read_table(port, tcp6, true, found));
  return found;
}

Result<int> parse_status_line(std::string_view answer) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr std::size_t kStatusAt = kVersion.size() + 2;  // a digit and a space
  const auto line = answer.substr(0, answer.find('\n'));
  int status = 0;
  if (line.size() < answer.size() && line.starts_with(kVersion) && line.size() >= kStatusAt + 3 &&
      line[kStatusAt - 1] == ' ' && read_number(line.substr(kStatusAt, 3), status) && status >= 100 &&
      (line.size() == kStatusAt + 3 || line[kStatusAt + 3] == ' ' || line[kStatusAt + 3] == '\r')) {
    return status;
  }
  return Error{ErrorKind::corrupt, "read the answer", "it is none of HTTP/1"};
}

}  // namespace upswarm::installer
