// The seeder's configuration: one TOML file, every key optional, unknown keys refused.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/config.hpp"
#include "protocol/base/files.hpp"
#include "protocol/base/log.hpp"
#include "seeder/folder.hpp"
#include "seeder/sites.hpp"

namespace upswarm::seeder {

struct SeederConfig {
  SeederFolder folder;             ///< folder
  Path keys_folder;                ///< keys_folder; default folder/keys
  std::string listen = "0.0.0.0";  ///< listen: an address of this machine
  std::uint16_t port = 8443;       ///< port; 0: any (see listening.json)
  bool tls = true;                 ///< tls = false: plain HTTP, for tests and behind a proxy
  Path tls_certificate;            ///< tls_certificate, tls_key (PEM); made at the first start when absent
  Path tls_key;
  std::vector<std::string> names;             ///< names that a certificate made here is good for
  bool bittorrent = true;                     ///< bittorrent = false: packages over HTTP alone
  std::string bittorrent_listen = "0.0.0.0";  ///< bittorrent_listen
  std::uint16_t bittorrent_port = 6969;       ///< bittorrent_port; 0: any
  std::string public_address;                 ///< public_address; empty: where an announce reached us
  Bytes upload_limit;                         ///< upload_limit, BitTorrent bytes a second; 0: none
  std::chrono::milliseconds announce_interval{std::chrono::seconds(30)};  ///< announce_interval
  std::size_t most_connections = 4000;                                    ///< max_connections, HTTP
  Bytes largest_upload = 8_GiB;                                           ///< largest_upload, one file of a bundle
  std::vector<NamedSite> sites;                                           ///< [[sites]] name, networks, helped_by
  bool enrolled_leaders = false;  ///< enrolled_leaders: only machines whose key vouches for their announces may lead
  bool open_origin = false;       ///< open_origin: by BitTorrent everybody is served, not leaders alone
  int http_ration = 2;  ///< http_ration: so many machines of a site get a package by HTTP without a lease; 0: all
  log::Settings log;    ///< [log] level, json, file
  bool makes_certificate = false;  ///< neither tls_certificate nor tls_key was given
};

/// /var/lib/upswarm-seeder for root, ./upswarm-seeder for others.
Path default_seeder_folder();

/// Reads a configuration; `folder`, when given, wins over the file's.   Errors: invalid  with file, line and key.
Result<SeederConfig> parse_seeder_config(const Config& config, const std::optional<Path>& folder);

}  // namespace upswarm::seeder
