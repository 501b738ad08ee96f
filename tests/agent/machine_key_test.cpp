#include "agent/machine_key.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stopping_files.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::agent {
namespace {

using testing::HasSubstr;

class MachineKeyTest : public testing::Test {
 protected:
  std::string public_text(Files& files = system_files()) {
    const auto key = open_machine_key(files, folder.path());
    return key ? key->public_key().public_text : key.error().message();
  }
  Error error() {
    const auto key = open_machine_key(system_files(), folder.path());
    EXPECT_FALSE(key);
    return key ? Error{} : key.error();
  }

  tests::TemporaryFolder folder;
};

TEST_F(MachineKeyTest, IsMadeOnceAndStays) {
  const auto first = public_text();
  EXPECT_EQ(first.size(), 64U);
  EXPECT_EQ(public_text(), first);
  const tests::TemporaryFolder other;
  EXPECT_NE(open_machine_key(system_files(), other.path())->public_key().public_text, first);
}

TEST_F(MachineKeyTest, IsForItsOwnerAlone) {
  public_text();
  EXPECT_EQ(mode_bits(*system_files().info(folder / "machine.key"), 0077), 0U);
  ASSERT_TRUE(system_files().set_mode(folder / "machine.key", 0640));
  EXPECT_EQ(error().reason, "machine_key");
  EXPECT_THAT(error().message(), HasSubstr("chmod 600"));
}

TEST_F(MachineKeyTest, ADamagedOneIsSaidAndNeverReplaced) {
  public_text();
  const auto whole = folder.read("machine.key");
  for (const auto& damage : {std::string(), whole.substr(0, whole.size() / 2), std::string(5000, 'x'),
                             std::string("{}"), std::string(R"({"format": 1, "type": "ed25519", "seed": "00"})")}) {
    folder.write("machine.key", damage, 0600);
    EXPECT_EQ(error().kind, ErrorKind::denied);
    EXPECT_EQ(error().reason, "machine_key");
    EXPECT_THAT(error().message(), HasSubstr("machines forget"));
    EXPECT_EQ(folder.read("machine.key"), damage);
  }
}

TEST_F(MachineKeyTest, ALinkIsNoKey) {
  folder.write("elsewhere", "x", 0600);
  ASSERT_TRUE(system_files().make_symlink("elsewhere", folder / "machine.key"));
  EXPECT_EQ(error().reason, "machine_key");
  EXPECT_EQ(folder.read("elsewhere"), "x");
}

TEST(MachineKeyStopsTest, APowerCutAtAnyOperationLeavesNoneOrAWholeOne) {
  for (std::size_t n = 1;; ++n) {
    const tests::TemporaryFolder folder;
    tests::StoppingFiles files(tests::unsynced_files());
    files.stop_at(n);
    const auto made = open_machine_key(files, folder.path());
    const auto after = open_machine_key(system_files(), folder.path());
    ASSERT_TRUE(after) << "stopped at " << n << ": " << after.error().message();
    if (made) {
      EXPECT_EQ(made->public_key().public_text, after->public_key().public_text);
    }
    if (!files.was_reached()) {
      EXPECT_TRUE(made);
      EXPECT_GT(n, 4U) << "the file is made, written, synced, renamed, and its folder synced";
      return;
    }
    EXPECT_FALSE(made) << n;
  }
}

}  // namespace
}  // namespace upswarm::agent
