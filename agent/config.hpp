// agent.toml: what the agent is told. None of it can make the installer install anything that is not signed.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/cache_rules.hpp"
#include "agent/manners/link.hpp"
#include "agent/swarm.hpp"
#include "protocol/base/config.hpp"
#include "protocol/base/files.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {

struct AgentConfig {
  std::string seeder_url;  ///< "https://updates.example.org", without a slash at its end
  Path ca_file;            ///< PEM; empty: what the system trusts
  std::string proxy;       ///< empty: what the environment says
  Path proxy_login_file;   ///< "user:password" for the proxy (secret_file.hpp); empty: none, or what the URL says
  Path state_folder = "/var/lib/upswarm-agent";
  Path socket = "/run/upswarm-agent/agent.sock";
  Path installer_socket = "/run/upswarm-installer/installer.sock";
  Path root_file;             ///< the first root of trust; used only while the agent's store has none
  Path enrolment_token_file;  ///< a token of `upswarm-seeder enrolment-tokens make`; empty: reports are not signed
  std::chrono::milliseconds poll_interval{std::chrono::minutes(15)};
  std::int64_t poll_jitter_permille = 100;                       ///< how far a poll may be off its interval, both ways
  std::chrono::milliseconds patience{std::chrono::minutes(10)};  ///< for a download that nobody feeds
  std::optional<Link> link;                                      ///< nothing: what the system says of it
  Bytes metered_fallback = 100_MiB;          ///< a month, on a metered link, for what comes where a delta failed
  Bytes slow_link = 128_KiB;                 ///< a second: a line that lately brought less is slow; 0: none is
  bool confirm_major = false;                ///< a higher major version waits for `upswarm update PRODUCT`
  SwarmSettings swarm;                       ///< cache and seeder_url are filled in
  CacheRules cache;                          ///< of [swarm], too
  MannersPolicy manners;                     ///< upload_limit and download_limit of [swarm] are its usual rates
  std::set<std::string, std::less<>> given;  ///< which of describe_settings() the file sets
  log::Settings log;

  Path database() const { return state_folder / "state.db"; }
};

/// What is not the administrator's word on manners, for `upswarm why`: name, value, who set it. Of a proxy neither user
/// nor password.
std::vector<Gate> describe_settings(const AgentConfig& config);

/// Errors: invalid, with file, line and key.
Result<AgentConfig> read_agent_config(const Config& config);

}  // namespace upswarm::agent
