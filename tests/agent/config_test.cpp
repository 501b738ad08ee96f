#include "agent/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

using testing::HasSubstr;

Result<AgentConfig> read(const std::string& text) {
  const auto config = parse_config(text, "agent.toml");
  if (!config) return config.error();
  return read_agent_config(*config);
}

std::string mistake_in(const std::string& text) {
  const auto config = read(text);
  EXPECT_FALSE(config);
  EXPECT_EQ(config.error().kind, ErrorKind::invalid);
  return config.error().message();
}

TEST(AgentConfigTest, NeedsOnlyASeeder) {
  const auto config = read("seeder_url = \"https://updates.example.org/\"\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->seeder_url, "https://updates.example.org");
  EXPECT_EQ(config->poll_interval, std::chrono::minutes(15));
  EXPECT_EQ(config->poll_jitter_permille, 100);
  EXPECT_EQ(config->swarm.cache, "/var/lib/upswarm-agent/packages");
  EXPECT_EQ(config->swarm.seeder_url, config->seeder_url);
}

TEST(AgentConfigTest, ALoginNeedsItsProxy) {
  const auto config = read("seeder_url = \"https://x.org\"\nproxy_login_file = \"/etc/login\"\n");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().message().find("proxy_login_file"), std::string::npos) << config.error().message();
}

TEST(AgentConfigTest, ReadsEveryKey) {
  const auto config = read(R"(
seeder_url = "http://10.0.0.1:8080"
ca_file = "/etc/upswarm/ca.pem"
proxy = "http://proxy:3128"
proxy_login_file = "/etc/upswarm/proxy-login"
state_folder = "/srv/agent"
socket = "/tmp/a.sock"
installer_socket = "/tmp/i.sock"
root_file = "/etc/upswarm/root.json"
enrolment_token_file = "/etc/upswarm/enrolment-token"
poll_interval = "2s"
poll_jitter_permille = 0
patience = "30s"
link = "metered"
metered_fallback = "3 MiB"
confirm_major = true
[swarm]
listen_address = "127.0.0.2"
listen_port = 0
local_discovery = false
upload_limit = "1 MiB"
download_limit = "2 MiB"
http_after = "3s"
http_after_foreground = "1s"
may_lead = false
keep_free = "5 MiB"
cache_age = "3d"
cache_size = "7 GiB"
[manners]
upload_above_battery = 20
[log]
level = "debug"
json = true
file = "/tmp/agent.log"
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->ca_file, "/etc/upswarm/ca.pem");
  EXPECT_EQ(config->root_file, "/etc/upswarm/root.json");
  EXPECT_EQ(config->enrolment_token_file, "/etc/upswarm/enrolment-token");
  EXPECT_EQ(config->poll_interval, std::chrono::seconds(2));
  EXPECT_EQ(config->patience, std::chrono::seconds(30));
  EXPECT_EQ(config->link, Link::metered);
  EXPECT_TRUE(config->confirm_major);
  EXPECT_EQ(config->swarm.cache, "/srv/agent/packages");
  EXPECT_EQ(config->swarm.listen_address, "127.0.0.2");
  EXPECT_EQ(config->swarm.listen_port, 0);
  EXPECT_FALSE(config->swarm.local_discovery);
  EXPECT_EQ(of(config->manners.rates.usual, Traffic::all), (Rates{1U << 20U, 2U << 20U}));
  EXPECT_EQ(config->manners.upload_above_battery, 20);
  EXPECT_EQ(config->swarm.http_after, std::chrono::seconds(3));
  EXPECT_EQ(config->swarm.http_after_foreground, std::chrono::seconds(1));
  EXPECT_FALSE(config->swarm.may_lead);
  EXPECT_EQ(config->swarm.keep_free, 5_MiB);
  EXPECT_EQ(config->metered_fallback, 3_MiB);
  EXPECT_EQ(config->cache.age, std::chrono::hours(72));
  EXPECT_EQ(config->cache.size, 7_GiB);
  EXPECT_EQ(config->log.level, log::Level::debug);
  EXPECT_TRUE(config->log.json);
}

Gate told(const AgentConfig& config, const std::string& name) {
  for (auto& one : describe_settings(config)) {
    if (one.name == name) return one;
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(AgentConfigTest, TellsSettingsAndWhoSetThem) {
  const auto config =
      read("seeder_url = \"http://a\"\n[swarm]\nlocal_discovery = false\nmay_lead = false\nupload_limit = \"1 MiB\"\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(told(*config, "local_discovery").value, "no");
  EXPECT_EQ(told(*config, "local_discovery").set_by, "configuration");
  EXPECT_EQ(told(*config, "http_after").set_by, "default");
  EXPECT_EQ(told(*config, "proxy").value, "none");
  EXPECT_FALSE(config->manners.may_lead);
  EXPECT_TRUE(config->manners.given.contains("may_lead"));
  EXPECT_TRUE(config->manners.given.contains("rate of all"));
}

TEST(AgentConfigTest, TellsNobodyTheUserOfAProxy) {
  for (const auto* url : {"http://anna:secret@proxy:3128", "http://an@na:se/c@ret@proxy:3128", "http://proxy:3128"}) {
    const auto config = read("seeder_url = \"http://a\"\nproxy = \"" + std::string(url) + "\"\n");
    ASSERT_TRUE(config);
    EXPECT_EQ(told(*config, "proxy").value, "http://proxy:3128");
    EXPECT_EQ(told(*config, "proxy").set_by, "configuration");
  }
  AgentConfig config;
  config.proxy = "anna:secret@proxy:3128";
  EXPECT_EQ(told(config, "proxy").value, "proxy:3128");
}

TEST(AgentConfigTest, NamesFileLineAndKeyOfAnUnknownKey) {
  EXPECT_THAT(mistake_in("seeder_url = \"http://a\"\n\nseeder = \"b\"\n"), HasSubstr("agent.toml:3: seeder"));
}

TEST(AgentConfigTest, NamesTheLineOfAnUnknownKeyInATable) {
  EXPECT_THAT(mistake_in("seeder_url = \"http://a\"\n[swarm]\nlisten_prot = 1\n"),
              HasSubstr("agent.toml:3: swarm.listen_prot"));
}

TEST(AgentConfigTest, NamesTheLineOfAValueOutOfBounds) {
  EXPECT_THAT(mistake_in("seeder_url = \"http://a\"\npoll_interval = \"500ms\"\n"),
              HasSubstr("agent.toml:2: poll_interval"));
  EXPECT_THAT(mistake_in("seeder_url = \"http://a\"\n[swarm]\nlisten_port = 70000\n"),
              HasSubstr("agent.toml:3: swarm.listen_port"));
}

TEST(AgentConfigTest, RefusesASeederThatIsNoHttpUrl) {
  EXPECT_THAT(mistake_in("seeder_url = \"ftp://a\"\n"), HasSubstr("agent.toml:1: seeder_url"));
  EXPECT_THAT(mistake_in("seeder_url = \"https://\"\n"), HasSubstr("seeder_url"));
  EXPECT_THAT(mistake_in("poll_interval = \"1m\"\n"), HasSubstr("seeder_url"));
}

TEST(AgentConfigTest, RefusesARelativePath) {
  EXPECT_THAT(mistake_in("seeder_url = \"http://a\"\nstate_folder = \"state\"\n"),
              HasSubstr("agent.toml:2: state_folder"));
}

TEST(AgentConfigTest, ALinkIsNormalSlowOrMeteredOrForTheSystemToSay) {
  const std::string head = "seeder_url = \"https://updates.example.org/\"\n";
  EXPECT_EQ(read(head)->link, std::nullopt);
  EXPECT_EQ(read(head + "link = \"normal\"\n")->link, Link::normal);
  EXPECT_FALSE(read(head)->confirm_major);
  EXPECT_EQ(read(head + "link = \"metered\"\n")->link, Link::metered);
  EXPECT_EQ(read(head + "link = \"slow\"\n")->link, Link::slow);
  EXPECT_THAT(mistake_in(head + "link = \"fast\"\n"), HasSubstr("metered"));
}

TEST(AgentConfigTest, WhatASlowLinkBringsCanBeSetAndIsTold) {
  const std::string head = "seeder_url = \"https://updates.example.org/\"\n";
  EXPECT_EQ(read(head)->slow_link, 128_KiB);
  const auto config = read(head + "slow_link = \"1 MiB\"\n");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->slow_link, 1_MiB);
  EXPECT_EQ(told(*config, "slow_link").value, "1.00 MiB/s");
  EXPECT_EQ(told(*config, "slow_link").set_by, "configuration");
  EXPECT_EQ(told(*read(head + "slow_link = \"0\"\n"), "slow_link").value, "no line is slow");
  EXPECT_THAT(told(*read(head + "link = \"normal\"\n"), "slow_link").says, HasSubstr("link says"));
  EXPECT_THAT(mistake_in(head + "slow_link = \"2 GiB\"\n"), HasSubstr("slow_link"));
}

}  // namespace
}  // namespace upswarm::agent
