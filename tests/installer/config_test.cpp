#include "installer/config.hpp"

#include <gtest/gtest.h>

namespace upswarm::installer {
namespace {

Result<InstallerConfig> read(const std::string& text) {
  auto config = parse_config(text, "installer.toml");
  if (!config) return config.error();
  return read_installer_config(*config);
}

std::string error_of(const std::string& text) {
  const auto config = read(text);
  return config ? "no error" : config.error().message();
}

/// An absolute path on every system.
std::string root() { return std::filesystem::temp_directory_path().root_path().generic_string() + "opt/app"; }
std::string product() { return "[[product]]\nproduct = \"app\"\nroot = \"" + root() + "\"\n"; }

TEST(InstallerConfig, AMachineIsInOneRingOrInNone) {
  EXPECT_EQ(read(product())->ring, "");
  EXPECT_EQ(read("ring = \"canary\"\n" + product())->ring, "canary");
  EXPECT_NE(error_of("ring = \"Not A Name\"\n" + product()).find("ring"), std::string::npos);
}

TEST(InstallerConfig, DamageIsRepairedUnlessAPersonIsToBeAsked) {
  EXPECT_TRUE(read(product())->products.at(0).repairs_itself);
  EXPECT_TRUE(read(product() + "repair = \"auto\"\n")->products.at(0).repairs_itself);
  EXPECT_FALSE(read(product() + "repair = \"ask\"\n")->products.at(0).repairs_itself);
  EXPECT_NE(error_of(product() + "repair = \"never\"\n").find("repair"), std::string::npos);
}

TEST(InstallerConfig, ProgramsThatRunAreLeftUnlessAnAdministratorSaysOtherwise) {
  const auto closing = [](const std::string& more) { return read(product() + more)->products.at(0).closing; };
  EXPECT_EQ(closing("").running, Running::leave);
  EXPECT_EQ(closing("running = \"ask\"\nclose_wait = \"2m\"\n").running, Running::ask);
  EXPECT_EQ(closing("running = \"ask\"\nclose_wait = \"2m\"\n").wait, std::chrono::minutes(2));
  EXPECT_EQ(closing("running = \"end\"\n").running, Running::end);
  EXPECT_NE(error_of(product() + "running = \"kill\"\n").find("running"), std::string::npos);
  EXPECT_NE(error_of(product() + "close_wait = \"11m\"\n").find("close_wait"), std::string::npos);
  EXPECT_NE(error_of(product() + "self = true\nrunning = \"ask\"\n").find("running"), std::string::npos);
}

TEST(InstallerConfig, AProductIsEnough) {
  const auto config = read(product());
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->products.size(), 1U);
  EXPECT_EQ(config->products[0].channel, "stable");
  EXPECT_EQ(config->products[0].platform, own_platform());
  EXPECT_FALSE(config->products[0].prerelease);
  EXPECT_FALSE(config->products[0].hard_links);
  EXPECT_TRUE(read(product() + "hard_links = true\n")->products[0].hard_links);
  EXPECT_EQ(config->keep_for, std::chrono::hours(7 * 24));
  EXPECT_EQ(config->self_watch, std::chrono::minutes(10));
  EXPECT_EQ(config->verify_every, std::chrono::hours(7 * 24));
  EXPECT_EQ(read("verify_every = \"0s\"\n" + product())->verify_every, std::chrono::hours(0)) << "never";
}

TEST(InstallerConfig, OneProductAtMostIsTheInstallerItself) {
  EXPECT_FALSE(read(product())->products[0].self);
  const auto itself = product() + "self = true\n";
  EXPECT_TRUE(read(itself)->products[0].self);
  const auto other = "[[product]]\nproduct = \"other\"\nroot = \"" + root() + "2\"\nself = true\n";
  EXPECT_NE(error_of(itself + other).find("two products are this installer itself"), std::string::npos);
}

TEST(InstallerConfig, AnUnknownKeyIsNamedWithItsLine) {
  EXPECT_EQ(error_of("keep_releases = 3\nkeep_release = 2\n" + product()),
            "installer.toml:2: keep_release: this key is not known");
}

TEST(InstallerConfig, AnUnknownKeyOfAProductIsNamedWithItsLine) {
  const auto words = error_of(product() + "chanel = \"beta\"\n");
  EXPECT_TRUE(words.starts_with("installer.toml:4: product[0].chanel")) << words;
}

TEST(InstallerConfig, BrokenTomlNamesTheLine) {
  const auto words = error_of("keep_releases = 3\nsocket = \"/run\n");
  EXPECT_TRUE(words.starts_with("installer.toml:2")) << words;
}

TEST(InstallerConfig, AWrongTypeIsNamed) {
  EXPECT_EQ(error_of("keep_releases = \"3\"\n" + product()),
            "installer.toml:1: keep_releases: a whole number is wanted here");
}

TEST(InstallerConfig, RangesAreKept) {
  EXPECT_NE(error_of("keep_releases = 0\n" + product()).find("from 1 to 100"), std::string::npos);
  EXPECT_NE(error_of("self_watch = \"25h\"\n" + product()).find("self_watch"), std::string::npos);
  EXPECT_NE(error_of("keep_for = \"2000d\"\n" + product()).find("keep_for"), std::string::npos);
}

TEST(InstallerConfig, ARelativeRootIsRefused) {
  EXPECT_NE(error_of("[[product]]\nproduct = \"app\"\nroot = \"opt/app\"\n").find("absolute"), std::string::npos);
}

TEST(InstallerConfig, ANameThatIsAPathIsRefused) {
  EXPECT_NE(error_of("[[product]]\nproduct = \"../app\"\nroot = \"" + root() + "\"\n"), "no error");
}

TEST(InstallerConfig, NoProductIsRefused) { EXPECT_NE(error_of("keep_releases = 3\n"), "no error"); }

/// What is wrong with products at these paths below the root folder of the system.
std::string error_of_roots(const std::vector<std::string>& paths, const std::string& head = "") {
  const auto top = std::filesystem::temp_directory_path().root_path().generic_string();
  auto text = head;
  for (std::size_t i = 0; i < paths.size(); ++i)
    text += "[[product]]\nproduct = \"app" + std::to_string(i) + "\"\nroot = \"" + top + paths[i] + "\"\n";
  return error_of(text);
}

TEST(InstallerConfig, RootsDoNotLieInEachOther) {
  EXPECT_EQ(error_of_roots({"opt/app", "opt/app2", "opt/other/app"}), "no error");
  for (const char* second :
       {"opt/app", "opt/app/", "opt/app/plugin", "opt", "opt/x/../app", "opt//app/versions/1.0.0"}) {
    const auto words = error_of_roots({"opt/app", second});
    EXPECT_NE(words.find("that of app0 lie in each other"), std::string::npos) << second << ": " << words;
  }
}

TEST(InstallerConfig, ARootIsNotTheWholeSystems) {
  EXPECT_NE(error_of_roots({""}).find("that of the whole system"), std::string::npos) << error_of_roots({""});
  EXPECT_NE(error_of_roots({"opt/.."}).find("that of the whole system"), std::string::npos);
}

TEST(InstallerConfig, ARootAndTheStateFolderLieApart) {
  const auto top = std::filesystem::temp_directory_path().root_path().generic_string();
  const auto head = "state_folder = \"" + top + "var/lib/state\"\n";
  EXPECT_EQ(error_of_roots({"var/lib/state2"}, head), "no error");
  for (const char* path : {"var/lib/state", "var/lib/state/trees", "var/lib", "var"}) {
    const auto words = error_of_roots({path}, head);
    EXPECT_NE(words.find("and state_folder lie in each other"), std::string::npos) << path << ": " << words;
  }
}

TEST(InstallerConfig, TwoProductsHaveTwoNames) {
  const auto other = std::filesystem::temp_directory_path().root_path().generic_string() + "opt/other";
  const auto words = error_of(product() + "[[product]]\nproduct = \"app\"\nroot = \"" + other + "\"\n");
  EXPECT_NE(words.find("two products have the name app"), std::string::npos) << words;
}

TEST(InstallerConfig, TheAgentIsNotRoot) {
  for (const char* name : {"root", "0", "00"}) {
    const auto words = error_of("agent_account = \"" + std::string(name) + "\"\n" + product());
    EXPECT_NE(words.find("installer.toml:1: agent_account: it must not be root"), std::string::npos) << words;
  }
}

}  // namespace
}  // namespace upswarm::installer
