#include "seeder/config.hpp"

#include <utility>

#include <boost/asio/ip/address.hpp>

#include "protocol/base/config_parts.hpp"
#include "seeder/names.hpp"

namespace upswarm::seeder {
namespace {

constexpr Bytes kHighestRate = 1024_GiB;

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
