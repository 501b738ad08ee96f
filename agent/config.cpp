#include "agent/config.hpp"

#include "agent/manners/manners_config.hpp"
#include "protocol/base/config_parts.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Bytes kMostRate{std::uint64_t{1} << 40U};

Result<std::string> parse_seeder_url(std::string_view text) {
  std::string url(text);
  while (!url.empty() && url.back() == '/') url.pop_back();
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (url.starts_with(scheme) && url.size() > scheme.size() && url.find_first_of(" ?#\"'") == std::string::npos)
      return url;
  }
  return Error{ErrorKind::invalid, "seeder URL \"" + std::string(text) + "\"",
               "it must look like https://updates.example.org or http://10.0.0.1:8080"};
}

void read_cache(ObjectReader& in, CacheRules& cache) {
  cache.age = in.duration_or("cache_age", cache.age, milliseconds(0), hours(24 * 3650));
  cache.size = in.bytes_or("cache_size", cache.size, 0_B, 1024_GiB);
}

Result<Link> parse_link(std::string_view text) {
  for (const auto link : {Link::normal, Link::slow, Link::metered}) {
    if (text == name_of(link)) return link;
  }
  return Error{ErrorKind::invalid, "link \"" + std::string(text) + "\"",
               "\"normal\", \"slow\" or \"metered\" is wanted"};
}

void read_swarm(ObjectReader& in, SwarmSettings& swarm, Rates& rates) {
  swarm.listen_address = in.text_or("listen_address", swarm.listen_address, 64);
  swarm.listen_port = static_cast<std::uint16_t>(in.integer_or("listen_port", swarm.listen_port, 0, 65'535));
  swarm.local_discovery = in.boolean_or("local_discovery", swarm.local_discovery);
  rates.upload = in.bytes_or("upload_limit", 0_B, 0_B, kMostRate).count;
  rates.download = in.bytes_or("download_limit", 0_B, 0_B, kMostRate).count;
  swarm.http_after = in.duration_or("http_after", swarm.http_after, milliseconds(0), hours(24));
  swarm.http_after_foreground =
      in.duration_or("http_after_foreground", swarm.http_after_foreground, milliseconds(0), hours(24));
  swarm.may_lead = in.boolean_or("may_lead", swarm.may_lead);
  swarm.keep_free = in.bytes_or("keep_free", swarm.keep_free, 0_B, 1024_GiB);
}

constexpr Bytes kMostSlowLink = 1_GiB;
constexpr auto kTold = {"http_after", "http_after_foreground", "local_discovery", "cache_age", "cache_size", "proxy",
                        "slow_link"};

std::string without_user(std::string url) {
  const auto scheme = url.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  const auto at = url.rfind('@');  // the last: a password may hold anything
  if (at != std::string::npos && at >= begin) url.erase(begin, at + 1 - begin);
  return url;
}

}  // namespace

std::vector<Gate> describe_settings(const AgentConfig& config) {
  std::vector<Gate> settings;
  const auto tell = [&](std::string name, std::string value, std::string says = "") {
    const auto* const set_by = config.given.contains(name) ? "configuration" : "default";
    settings.push_back({std::move(name), std::move(value), set_by, true, std::move(says)});
  };
  tell("http_after", to_string(config.swarm.http_after));
  tell("http_after_foreground", to_string(config.swarm.http_after_foreground));
  tell("local_discovery", config.swarm.local_discovery ? "yes" : "no");
  tell("cache_age", to_string(config.cache.age));
  tell("cache_size", config.cache.size == 0_B ? "no limit" : to_string(config.cache.size));
  tell("proxy", config.proxy.empty() ? "none" : without_user(config.proxy),
       config.proxy.empty() ? "or what https_proxy, http_proxy and no_proxy of the agent's environment say" : "");
  tell("slow_link", config.slow_link == 0_B ? "no line is slow" : to_string(config.slow_link) + "/s",
       config.link ? "link says what the line is" : "a line that lately brought less from the seeder is slow");
  return settings;
}

Result<AgentConfig> read_agent_config(const Config& config) {
  AgentConfig out;
  auto in = config.reader();
  out.seeder_url = in.parsed("seeder_url", parse_seeder_url).value_or("");
  out.ca_file = path_or(in, "ca_file", out.ca_file);
  out.proxy = in.text_or("proxy", "");
  out.proxy_login_file = path_or(in, "proxy_login_file", out.proxy_login_file);
  out.state_folder = path_or(in, "state_folder", out.state_folder);
  out.socket = path_or(in, "socket", out.socket);
  out.installer_socket = path_or(in, "installer_socket", out.installer_socket);
  out.root_file = path_or(in, "root_file", out.root_file);
  out.enrolment_token_file = path_or(in, "enrolment_token_file", out.enrolment_token_file);
  out.poll_interval = in.duration_or("poll_interval", out.poll_interval, seconds(1), hours(24 * 7));
  out.poll_jitter_permille = in.integer_or("poll_jitter_permille", out.poll_jitter_permille, 0, 900);
  out.patience = in.duration_or("patience", out.patience, seconds(1), hours(24));
  if (in.has("link")) out.link = in.parsed("link", parse_link, 20).value_or(Link::normal);
  out.metered_fallback = in.bytes_or("metered_fallback", out.metered_fallback, 0_B, 1024_GiB);
  out.slow_link = in.bytes_or("slow_link", out.slow_link, 0_B, kMostSlowLink);
  out.confirm_major = in.boolean_or("confirm_major", out.confirm_major);
  const auto note_given = [&](ObjectReader& from, auto names, auto& given) {
    for (const auto* name : names) {
      if (from.has(name)) given.insert(name);
    }
  };
  note_given(in, kTold, out.given);
  if (in.has("swarm")) {
    auto swarm = in.inside(in.object("swarm"), "swarm");
    note_given(swarm, kTold, out.given);
    note_given(swarm, std::initializer_list<const char*>{"may_lead"}, out.manners.given);
    if (swarm.has("upload_limit") || swarm.has("download_limit")) out.manners.given.insert(rate_name(Traffic::all));
    read_swarm(swarm, out.swarm, of(out.manners.rates.usual, Traffic::all));
    read_cache(swarm, out.cache);
    UPSWARM_CHECK(swarm.finish());
    out.manners.may_lead = out.swarm.may_lead;
  }
  if (in.has("manners")) {
    auto manners = in.inside(in.object("manners"), "manners");
    UPSWARM_CHECK(read_manners(manners, out.manners));
    UPSWARM_CHECK(manners.finish());
  }
  UPSWARM_CHECK(read_log_settings(in, out.log));
  UPSWARM_CHECK(in.finish());
  if (!out.proxy_login_file.empty() && out.proxy.empty())
    return Error{ErrorKind::invalid, "proxy_login_file", "it is for the proxy that `proxy` names, and there is none"};
  out.swarm.cache = out.state_folder / "packages";
  out.swarm.seeder_url = out.seeder_url;
  return out;
}

}  // namespace upswarm::agent
