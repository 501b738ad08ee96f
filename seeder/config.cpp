#include "seeder/config.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "protocol/base/config_parts.hpp"
#include "seeder/names.hpp"

namespace upswarm::seeder {
namespace {

constexpr Bytes kHighestRate = 1024_GiB;
constexpr std::size_t kLongestNetwork = 60;
constexpr std::size_t kMostHelpers = 20;

Result<std::string> parse_address(std::string_view text) {
  boost::system::error_code failed;
  boost::asio::ip::make_address(std::string(text), failed);
  if (failed)
    return Error{ErrorKind::invalid, "read \"" + std::string(text) + "\"", "an IPv4 or IPv6 address is wanted"};
  return std::string(text);
}

void read_address(ObjectReader& in, const char* key, std::string& address) {
  if (in.has(key)) address = in.parsed(key, parse_address, 100).value_or("");
}

/// "10 MiB" or a bare number of bytes a second.
Bytes read_rate(ObjectReader& in, const Json& values, const char* key) {
  const auto found = values.find(key);
  if (found == values.end() || !found->is_number_integer()) return in.bytes_or(key, {}, {}, kHighestRate);
  return Bytes{static_cast<std::uint64_t>(in.integer(key, 0, static_cast<std::int64_t>(kHighestRate.count)))};
}

void read_network(ObjectReader& in, const Json& values, SeederConfig& config) {
  constexpr auto kSecond = std::chrono::milliseconds(std::chrono::seconds(1));
  constexpr auto kHour = std::chrono::milliseconds(std::chrono::hours(1));
  read_address(in, "listen", config.listen);
  config.port = static_cast<std::uint16_t>(in.integer_or("port", config.port, 0, 65535));
  config.bittorrent = in.boolean_or("bittorrent", config.bittorrent);
  read_address(in, "bittorrent_listen", config.bittorrent_listen);
  config.bittorrent_port =
      static_cast<std::uint16_t>(in.integer_or("bittorrent_port", config.bittorrent_port, 0, 65535));
  read_address(in, "public_address", config.public_address);
  config.upload_limit = read_rate(in, values, "upload_limit");
  config.announce_interval = in.duration_or("announce_interval", config.announce_interval, kSecond, kHour);
  config.most_connections = static_cast<std::size_t>(
      in.integer_or("max_connections", static_cast<std::int64_t>(config.most_connections), 1, 100'000));
  config.largest_upload = in.bytes_or("largest_upload", config.largest_upload, 1_B, 1024_GiB);
}

void read_tls(ObjectReader& in, SeederConfig& config) {
  config.tls = in.boolean_or("tls", config.tls);
  config.tls_certificate = in.text_or("tls_certificate", "");
  config.tls_key = in.text_or("tls_key", "");
  config.names = in.texts_or_none("names", 50, 253);
  for (const auto& name : config.names) {
    if (!is_path_part(name) && !parse_address(name))
      in.fail("names", "\"" + name + "\" is neither a host name nor an address");
  }
  if (config.tls_certificate.empty() != config.tls_key.empty()) {
    in.fail(config.tls_key.empty() ? "tls_certificate" : "tls_key", "tls_certificate and tls_key go together");
  }
}

/// For people, and apart from the names that networks give: no slash.
bool is_site_name(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) { return c >= ' ' && c != 0x7f && c != '/'; });
}

NamedSite read_site(ObjectReader& in, std::map<Network, std::string>& taken) {
  NamedSite site{.name = in.text("name", messages::kLongestSiteName), .networks = {}, .helped_by = {}};
  if (!is_site_name(site.name)) in.fail("name", "printable ASCII without a slash is wanted");
  const auto networks = in.texts_or_none("networks", kMostNetworks, kLongestNetwork);
  if (networks.empty()) in.fail("networks", "at least one is wanted");
  for (const auto& text : networks) {
    const auto network = parse_network(text);
    if (!network) in.fail("networks", network.error().message());
    if (!network) break;
    const auto [place, is_new] = taken.emplace(*network, site.name);
    if (!is_new) in.fail("networks", text + " is a network of \"" + place->second + "\"");
    site.networks.push_back(*network);
  }
  site.helped_by = in.texts_or_none("helped_by", kMostHelpers, messages::kLongestSiteName);
  return site;
}

/// The helpers of a site are other sites, each once, and their networks fit in an answer.
void check_helpers(ObjectReader& in, const NamedSite& site, const std::map<std::string, std::size_t>& networks) {
  std::set<std::string> seen{site.name};
  std::size_t count = 0;
  for (const auto& helper : site.helped_by) {
    const auto found = networks.find(helper);
    if (found == networks.end()) in.fail("helped_by", "there is no site \"" + helper + "\"");
    else count += found->second;
    if (!seen.insert(helper).second) in.fail("helped_by", "\"" + helper + "\" is named twice, or is the site itself");
  }
  if (count > kMostNetworks)
    in.fail("helped_by", "they have more than " + std::to_string(kMostNetworks) + " networks together");
}

Result<void> read_sites(ObjectReader& in, std::vector<NamedSite>& sites) {
  const auto& list = in.array_or_none("sites", kMostSites);
  std::map<Network, std::string> taken;
  std::map<std::string, std::size_t> networks;
  std::vector<ObjectReader> readers;
  for (std::size_t i = 0; i < list.size(); ++i) {
    readers.push_back(in.inside(list[i], "sites", i));
    sites.push_back(read_site(readers.back(), taken));
    if (!networks.emplace(sites.back().name, sites.back().networks.size()).second)
      readers.back().fail("name", "a site \"" + sites.back().name + "\" was named before");
  }
  for (std::size_t i = 0; i < sites.size(); ++i) {
    check_helpers(readers[i], sites[i], networks);
    UPSWARM_CHECK(readers[i].finish());
  }
  return {};
}

}  // namespace

Path default_seeder_folder() {
  // Only root can make /var/lib/upswarm-seeder; the package makes it for the service's own account.
  const Path system_folder = "/var/lib/upswarm-seeder";
  std::error_code failed;
  const bool there = std::filesystem::is_directory(system_folder, failed);
  const auto info = system_files().info(there ? system_folder : "/var/lib");
  const auto self = system_files().info("/proc/self");
  return info && self && info->owner == self->owner ? system_folder : Path("upswarm-seeder");
}

Result<SeederConfig> parse_seeder_config(const Config& file, const std::optional<Path>& folder) {
  auto in = file.reader();
  SeederConfig config;
  const auto written = in.text_or("folder", "");
  config.folder.root = folder ? *folder : written.empty() ? default_seeder_folder() : Path(written);
  config.keys_folder = in.text_or("keys_folder", config.folder.keys().string());
  read_network(in, file.values, config);
  read_tls(in, config);
  config.enrolled_leaders = in.boolean_or("enrolled_leaders", config.enrolled_leaders);
  config.open_origin = in.boolean_or("open_origin", config.open_origin);
  config.http_ration = static_cast<int>(in.integer_or("http_ration", config.http_ration, 0, 10'000));
  UPSWARM_CHECK(read_sites(in, config.sites));
  UPSWARM_CHECK(read_log_settings(in, config.log));
  UPSWARM_CHECK(in.finish());
  config.makes_certificate = config.tls && config.tls_certificate.empty();
  if (config.makes_certificate) {
    config.tls_certificate = config.folder.tls() / "certificate.pem";
    config.tls_key = config.folder.tls() / "key.pem";
  }
  return config;
}

}  // namespace upswarm::seeder
