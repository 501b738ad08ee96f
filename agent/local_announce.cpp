#include "agent/local_announce.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "protocol/base/hex.hpp"

namespace upswarm::agent {
namespace {

constexpr std::string_view kStart = "BT-SEARCH * HTTP/1.1\r\n";
constexpr std::string_view kEndOfLine = "\r\n";
constexpr std::size_t kHashDigits = 40;

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& one : out) {
    if (one >= 'A' && one <= 'Z') one = static_cast<char>(one - 'A' + 'a');
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

Error wrong(std::string cause) { return {ErrorKind::corrupt, "read a local announce", std::move(cause)}; }

Result<std::uint16_t> read_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [end, status] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (status != std::errc() || end != digits.data() + digits.size() || port == 0) return wrong("no port");
  return port;
}

Result<void> read_field(std::string_view line, LocalAnnounce& into) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return wrong("a line that is no field");
  const auto name = lower(line.substr(0, colon));
  const auto value = trimmed(line.substr(colon + 1));
  if (name == "port") {
    if (into.port != 0) return wrong("two ports");
    UPSWARM_TRY(into.port, read_port(value));
  } else if (name == "cookie") {
    into.cookie = value;
  } else if (name == "infohash" && value.size() == kHashDigits) {
    auto id = lower(value);
    if (!from_hex(id)) return wrong("an info-hash that is none");
    into.ids.push_back(std::move(id));
  }
  return {};
}

}  // namespace

std::string write_local_announce(const LocalAnnounce& announce, std::string_view group) {
  auto text = std::string(kStart) + "Host: " + std::string(group) + ":" + std::to_string(kLocalPort) +
              "\r\nPort: " + std::to_string(announce.port) + "\r\n";
  for (const auto& id : announce.ids) text += "Infohash: " + id + "\r\n";
  return text + "cookie: " + announce.cookie + "\r\n\r\n\r\n";
}

Result<LocalAnnounce> read_local_announce(std::string_view datagram) {
  if (datagram.size() > kLongestLocalAnnounce) return wrong("too long");
  if (!datagram.starts_with(kStart)) return wrong("another method");
  datagram.remove_prefix(kStart.size());
  LocalAnnounce announce;
  for (;;) {
    const auto end = datagram.find(kEndOfLine);
    if (end == std::string_view::npos) return wrong("cut off");
    if (end == 0) break;
    UPSWARM_CHECK(read_field(datagram.substr(0, end), announce));
    datagram.remove_prefix(end + kEndOfLine.size());
  }
  if (announce.port == 0) return wrong("no port");
  if (announce.ids.empty()) return wrong("no info-hash");
  return announce;
}

}  // namespace upswarm::agent
