#include "seeder/config.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

Result<SeederConfig> read(const std::string& text, const std::optional<Path>& folder = std::nullopt) {
  UPSWARM_TRY(const auto config, parse_config(text, "seeder.toml"));
  return parse_seeder_config(config, folder);
}

void expect_mistake(const std::string& text, const std::string& where) {
  const auto config = read(text);
  ASSERT_FALSE(config) << text;
  EXPECT_EQ(config.error().kind, ErrorKind::invalid);
  EXPECT_NE(config.error().message().find(where), std::string::npos) << config.error().message();
}

TEST(SeederConfig, HasSaneDefaults) {
  const auto config = read("", Path("/srv/up"));
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->folder.root, "/srv/up");
  EXPECT_EQ(config->keys_folder, "/srv/up/keys");
  EXPECT_TRUE(config->tls);
  EXPECT_TRUE(config->makes_certificate);
  EXPECT_EQ(config->tls_certificate, "/srv/up/tls/certificate.pem");
  EXPECT_EQ(config->port, 8443);
}

TEST(SeederConfig, ReadsAllKeys) {
  const auto config = read(R"(folder = "/f"
listen = "127.0.0.1"
port = 0
tls_certificate = "/c.pem"
tls_key = "/k.pem"
names = ["seeder.example", "10.0.0.1"]
bittorrent = false
bittorrent_listen = "::1"
bittorrent_port = 7000
public_address = "192.0.2.1"
keys_folder = "/keys"
upload_limit = "10 MiB"
announce_interval = "5s"
max_connections = 10
largest_upload = "1 GiB"
enrolled_leaders = true
open_origin = true
http_ration = 5
[[sites]]
name = "branch"
networks = ["10.1.0.0/16", "2001:db8::/48"]
helped_by = ["centre"]
[[sites]]
name = "centre"
networks = ["10.2.0.0/16"]
[log]
level = "debug"
json = true
)");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->port, 0);
  EXPECT_FALSE(config->makes_certificate);
  EXPECT_FALSE(config->bittorrent);
  EXPECT_EQ(config->upload_limit, 10_MiB);
  EXPECT_EQ(config->announce_interval, std::chrono::seconds(5));
  EXPECT_TRUE(config->enrolled_leaders);
  EXPECT_TRUE(config->open_origin);
  EXPECT_EQ(config->http_ration, 5);
  ASSERT_EQ(config->sites.size(), 2U);
  EXPECT_EQ(config->sites[0].networks[1].text(), "2001:db8::/48");
  EXPECT_EQ(config->sites[0].helped_by, std::vector<std::string>{"centre"});
  EXPECT_EQ(config->log.level, log::Level::debug);
  EXPECT_EQ(read("upload_limit = 1500000")->upload_limit, 1500000_B);
}

TEST(SeederConfig, NamesFileLineAndKeyOfAMistake) {
  expect_mistake("port = 80\nprot = 81\n", "seeder.toml:2: prot");
  expect_mistake("\n\nport = 70000\n", "seeder.toml:3: port");
  expect_mistake("listen = \"everywhere\"\n", "seeder.toml:1: listen");
  expect_mistake("[log]\nlevel = \"loud\"\n", "seeder.toml:2: log.level");
  expect_mistake("[log]\ncolour = true\n", "seeder.toml:2: log.colour");
  expect_mistake("announce_interval = \"0s\"\n", "seeder.toml:1: announce_interval");
  expect_mistake("names = [\"a,IP:1.2.3.4\"]\n", "seeder.toml:1: names");
  expect_mistake("port = \n", "seeder.toml:1");
}

TEST(SeederConfig, NamesTheMistakeInASite) {
  const std::string good = "[[sites]]\nname = \"a\"\nnetworks = [\"10.1.0.0/16\"]\n";
  ASSERT_TRUE(read(good));
  expect_mistake("[[sites]]\nnetworks = [\"10.1.0.0/16\"]\n", "sites[0].name");
  expect_mistake("[[sites]]\nname = \"a/b\"\nnetworks = [\"10.1.0.0/16\"]\n", "sites[0].name");
  expect_mistake("[[sites]]\nname = \"\"\nnetworks = [\"10.1.0.0/16\"]\n", "sites[0].name");
  expect_mistake("[[sites]]\nname = \"a\"\n", "sites[0].networks");
  expect_mistake("[[sites]]\nname = \"a\"\nnetworks = [\"10.1.0.1/16\"]\n", "10.1.0.0/16");
  expect_mistake(good + "[[sites]]\nname = \"a\"\nnetworks = [\"10.2.0.0/16\"]\n", "sites[1].name");
  expect_mistake(good + "[[sites]]\nname = \"b\"\nnetworks = [\"10.1.0.0/16\"]\n", "sites[1].networks");
  expect_mistake(good + "helped_by = [\"b\"]\n", "sites[0].helped_by");
  expect_mistake(good + "helped_by = [\"a\"]\n", "sites[0].helped_by");
  expect_mistake(good + "colour = 1\n", "sites[0].colour");
}

TEST(SeederConfig, WantsCertificateAndKeyTogether) {
  expect_mistake("tls_certificate = \"/c.pem\"\n", "tls_certificate");
}

TEST(SeederConfig, LetsTheCommandLineWin) { EXPECT_EQ(read("folder = \"/a\"", Path("/b"))->folder.root, "/b"); }

}  // namespace
}  // namespace upswarm::seeder
