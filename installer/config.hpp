// installer.toml: what the installer decides by. Owned by root; nothing in it comes over the socket.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "installer/closing.hpp"
#include "protocol/base/config.hpp"
#include "protocol/base/files.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {

struct ProductConfig {
  std::string product;
  std::string channel;
  std::string platform;
  Path root;                   ///< ROOT: holds versions/ and current
  bool prerelease = false;     ///< releases with a SemVer pre-release are accepted
  bool repairs_itself = true;  ///< damage is repaired without being asked for
  bool hard_links = false;     ///< the administrator says that nothing but this installer writes to its files
  Closing closing = {};        ///< of its programs that run when it is updated
  bool self = false;           ///< it is this installer itself; of one product at most
};

struct InstallerConfig {
  Path file = {};  ///< that it was read from; for the installers of other releases
  Path state_folder = "/var/lib/upswarm-installer";
  Path socket = "/run/upswarm-installer/installer.sock";
  Path root_file;  ///< the first root of trust; used only while there is none in the store
  std::string agent_account = "upswarm-agent";
  std::string ring;  ///< rollouts may begin with some rings; empty: in none
  Path systemctl = "/usr/bin/systemctl";
  std::int64_t keep_releases = 2;                                      ///< previous releases that are always kept
  std::chrono::milliseconds keep_for{std::chrono::hours(24 * 7)};      ///< younger previous releases are kept too
  Bytes keep_free = 64_MiB;                                            ///< disk space that is left alone
  std::chrono::milliseconds recovery_retry{std::chrono::seconds(30)};  ///< between tries to finish what failed
  std::chrono::milliseconds self_watch{std::chrono::minutes(10)};      ///< a new installer must run so long unbroken
  std::chrono::milliseconds verify_every{std::chrono::hours(24 * 7)};  ///< each product, every byte; 0: never
  log::Settings log;
  std::vector<ProductConfig> products;

  std::vector<std::string> product_names() const;
};

/// Errors: invalid, with file, line and key; also for a ROOT that is `/` or overlaps another or the state folder.
Result<InstallerConfig> read_installer_config(const Config& config);

/// Whether it says root, by name or by number.
bool is_root_account(const std::string& name);

/// "linux-x64", "windows-x64": where this program runs.
std::string own_platform();

}  // namespace upswarm::installer
