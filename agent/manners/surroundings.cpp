#include "agent/manners/surroundings.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace upswarm::agent {
namespace {

constexpr std::size_t kLongest = 64 * 1024;
constexpr std::size_t kMostSupplies = 32;

/// Files of the kernel say 4096 or 0 for their size, whatever they hold.
std::string text_of(Files& files, const Path& path) {
  const auto file = files.open(path);
  if (!file) return {};
  std::string text(kLongest, '\0');
  text.resize((*file)->read_at({}, std::as_writable_bytes(std::span(text))).value_or(0));
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  return text;
}

std::optional<std::int64_t> number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (status != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

/// The fullest battery of the machine itself (a mouse has one, too), unless it is on mains.
std::optional<int> battery_of(Files& files, const Path& supplies) {
  const auto names = files.list(supplies);
  if (!names) return std::nullopt;
  std::optional<int> fullest;
  bool drains = false;
  for (std::size_t i = 0; i < std::min(names->size(), kMostSupplies); ++i) {
    const auto supply = supplies / (*names)[i];
    if (text_of(files, supply / "type") != "Battery" || text_of(files, supply / "scope") == "Device") continue;
    const auto left = number_of(text_of(files, supply / "capacity"));
    if (!left || *left < 0 || *left > 100) continue;
    fullest = std::max(fullest.value_or(0), static_cast<int>(*left));
    drains |= text_of(files, supply / "status") == "Discharging";
  }
  return drains ? fullest : std::nullopt;
}

/// By the kinds of include/uapi/linux/if_arp.h.
bool is_tunnel(Files& files, const Path& devices, const std::string& device) {
  constexpr std::array<std::int64_t, 6> kTunnels{512, 768, 769, 776, 778, 65534};  // ppp, ipip, ip6, sit, gre, none
  if (device.empty() || device.find('/') != std::string::npos) return false;
  if (!text_of(files, devices / device / "tun_flags").empty()) return true;
  const auto kind = number_of(text_of(files, devices / device / "type"));
  return kind && std::ranges::find(kTunnels, *kind) != kTunnels.end();
}

Bytes memory_of(const std::string& meminfo) {
  constexpr std::string_view kTotal = "MemTotal:";
  const auto at = meminfo.find(kTotal);
  if (at == std::string::npos) return {};
  const auto begin = meminfo.find_first_not_of(' ', at + kTotal.size());
  if (begin == std::string::npos) return {};
  return Bytes{static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_of(meminfo.substr(begin)).value_or(0)))
               << 10U};
}

}  // namespace

Surroundings read_surroundings(Files& files, const Path& sys, const Path& proc, const std::string& device) {
  Surroundings around;
  around.battery = battery_of(files, sys / "class/power_supply");
  around.is_vpn = is_tunnel(files, sys / "class/net", device);
  around.memory = memory_of(text_of(files, proc / "meminfo"));
  return around;
}

}  // namespace upswarm::agent
