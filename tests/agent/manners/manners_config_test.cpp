#include "agent/manners/manners_config.hpp"

#include <gtest/gtest.h>

#include "protocol/base/config.hpp"

namespace upswarm::agent {
namespace {

Result<MannersPolicy> read(const std::string& text) {
  const auto file = parse_config(text, "agent.toml");
  if (!file) return file.error();
  auto in = file->reader();
  MannersPolicy policy;
  UPSWARM_CHECK(read_manners(in, policy));
  UPSWARM_CHECK(in.finish());
  return policy;
}

std::string mistake_in(const std::string& text) {
  const auto policy = read(text);
  return policy ? "none" : policy.error().message();
}

TEST(MannersConfigTest, ReadsEveryKey) {
  const auto policy = read(R"(
upload = false
upload_when_metered = true
upload_by_vpn = true
upload_above_battery = 20
least_memory = "2 GiB"
least_disk = "3 GiB"
monthly_upload = "50 GiB"
time_zone = "+02:00"
[[rate]]
traffic = "origin"
days = "mon-fri"
hours = "08:00-18:00"
download = "2 MiB"
upload = "0"
)");
  ASSERT_TRUE(policy) << policy.error().message();
  EXPECT_FALSE(policy->upload);
  EXPECT_TRUE(policy->upload_when_metered);
  EXPECT_TRUE(policy->upload_by_vpn);
  EXPECT_EQ(policy->upload_above_battery, 20);
  EXPECT_EQ(policy->least_memory, 2_GiB);
  EXPECT_EQ(policy->least_disk, 3_GiB);
  EXPECT_EQ(policy->monthly_upload, 50_GiB);
  EXPECT_EQ(policy->rates.zone.text(), "+02:00");
  ASSERT_EQ(policy->rates.rules.size(), 1U);
  const auto& rule = policy->rates.rules.front();
  EXPECT_EQ(rule.traffic, Traffic::origin);
  EXPECT_EQ(rule.when.from, 480U);
  EXPECT_FALSE(rule.when.days.at(5));
  EXPECT_EQ(rule.download, (2_MiB).count);
  EXPECT_EQ(rule.upload, 0U);
  EXPECT_EQ(policy->given.size(), 9U);
}

TEST(MannersConfigTest, KeepsWhatIsNotGiven) {
  const auto policy = read("");
  ASSERT_TRUE(policy);
  EXPECT_TRUE(policy->upload);
  EXPECT_EQ(policy->upload_above_battery, 40);
  EXPECT_TRUE(policy->given.empty());
}

TEST(MannersConfigTest, NamesWhatIsWrong) {
  EXPECT_NE(mistake_in("upload_above_battery = 101\n").find("upload_above_battery"), std::string::npos);
  EXPECT_NE(mistake_in("time_zone = \"Mars\"\n").find("time_zone"), std::string::npos);
  EXPECT_NE(mistake_in("[[rate]]\nhours = \"8-18\"\nupload = 1\n").find("agent.toml:2"), std::string::npos);
  EXPECT_NE(mistake_in("[[rate]]\ntraffic = \"site\"\n").find("rate is wanted"), std::string::npos);
  EXPECT_NE(mistake_in("[[rate]]\nupload = \"1 MiB\"\nspeed = 1\n").find("speed"), std::string::npos);
}

}  // namespace
}  // namespace upswarm::agent
