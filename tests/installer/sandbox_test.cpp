#include "installer/sandbox.hpp"

#include <gtest/gtest.h>

#include "installer/guard.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

InstallerConfig config_in(const Path& folder) {
  InstallerConfig config;
  config.state_folder = folder / "state";
  config.socket = folder / "run/installer.sock";
  config.products = {{.product = "app", .channel = "stable", .platform = "linux-x64", .root = folder / "with a blank"}};
  return config;
}

TEST(Sandbox, LeavesWhatTheInstallerWritesToAndNothingElse) {
  const auto text = sandbox_text(config_in("/srv"));
  EXPECT_EQ(text.substr(text.find("[Service]")),
            "[Service]\n"
            "ReadWritePaths=\"-/srv/state\"\n"
            "ReadWritePaths=\"-/srv/run\"\n"
            "ReadWritePaths=\"-/srv/with a blank\"\n");
}

TEST(Sandbox, APathSaysNothingElseThanItself) {
  InstallerConfig config;
  config.products = {{.product = "app", .channel = "", .platform = "", .root = "/srv/a\"b\\c%n"}};
  EXPECT_NE(sandbox_text(config).find("ReadWritePaths=\"-/srv/a\\\"b\\\\c%%n\"\n"), std::string::npos);
}

TEST(Sandbox, MakesTheFoldersThatSystemdOpens) {
  const tests::TemporaryFolder folder;
  const auto config = config_in(folder / "machine");
  const auto file = folder / "unit.d/50-roots.conf";
  for (int i = 0; i < 2; ++i) {
    const auto written = write_sandbox(system_files(), config, file);
    ASSERT_TRUE(written) << written.error().message();
  }
  EXPECT_EQ(read_file(system_files(), file, 1_MiB).value(), sandbox_text(config));
  for (const auto& made : {config.state_folder, config.socket.parent_path(), config.products[0].root})
    EXPECT_TRUE(check_private_folder(system_files(), made)) << made;
}

TEST(Sandbox, OpensNoFolderThatOthersMayExchange) {
  const tests::TemporaryFolder folder;
  auto config = config_in(folder / "machine");
  ASSERT_TRUE(make_folders(system_files(), config.products[0].root));
  ASSERT_TRUE(system_files().set_mode(config.products[0].root, 0777));
  const auto written = write_sandbox(system_files(), config, folder / "roots.conf");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, "unsafe_folder");
  EXPECT_FALSE(exists(system_files(), folder / "roots.conf").value());
}

TEST(Sandbox, AFolderThatCanBeWrittenToIsNotReadOnly) {
  const tests::TemporaryFolder folder;
  EXPECT_FALSE(is_read_only(folder.path()));
  EXPECT_FALSE(is_read_only(folder / "missing"));
}

}  // namespace
}  // namespace upswarm::installer
