#include "agent/manners/surroundings.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

class SurroundingsTest : public testing::Test {
 protected:
  void supply(const std::string& name, const std::string& type, const std::string& capacity, const std::string& status,
              const std::string& scope = "") {
    const auto place = "sys/class/power_supply/" + name + "/";
    folder.write(place + "type", type + "\n");
    folder.write(place + "capacity", capacity + "\n");
    folder.write(place + "status", status + "\n");
    if (!scope.empty()) folder.write(place + "scope", scope + "\n");
  }
  void device(const std::string& name, const std::string& kind) {
    folder.write("sys/class/net/" + name + "/type", kind + "\n");
  }
  Surroundings look(const std::string& device = "") {
    return read_surroundings(system_files(), folder / "sys", folder / "proc", device);
  }

  tests::TemporaryFolder folder;
};

TEST_F(SurroundingsTest, NothingKnownIsNothingInTheWay) {
  const auto around = look();
  EXPECT_FALSE(around.battery);
  EXPECT_FALSE(around.is_vpn);
  EXPECT_EQ(around.memory, 0_B);
}

TEST_F(SurroundingsTest, ABatteryCountsWhileItIsUsed) {
  supply("AC", "Mains", "", "");
  supply("BAT0", "Battery", "31", "Discharging");
  EXPECT_EQ(look().battery, 31);
  supply("BAT0", "Battery", "31", "Charging");
  EXPECT_FALSE(look().battery);
}

TEST_F(SurroundingsTest, TheFullestOfSeveralCounts) {
  supply("BAT0", "Battery", "3", "Not charging");
  supply("BAT1", "Battery", "80", "Discharging");
  EXPECT_EQ(look().battery, 80);
}

TEST_F(SurroundingsTest, AMouseIsNotTheMachine) {
  supply("hidpp_battery_0", "Battery", "5", "Discharging", "Device");
  EXPECT_FALSE(look().battery);
}

TEST_F(SurroundingsTest, NonsenseIsNotKnown) {
  supply("BAT0", "Battery", "many", "Discharging");
  supply("BAT1", "Battery", "900", "Discharging");
  EXPECT_FALSE(look().battery);
}

TEST_F(SurroundingsTest, ATunnelIsKnownByItsKind) {
  device("eth0", "1");
  EXPECT_FALSE(look("eth0").is_vpn);
  device("wg0", "65534");
  EXPECT_TRUE(look("wg0").is_vpn);
  device("tap0", "1");
  EXPECT_FALSE(look("tap0").is_vpn);
  folder.write("sys/class/net/tap0/tun_flags", "0x1002\n");
  EXPECT_TRUE(look("tap0").is_vpn);
  EXPECT_FALSE(look("../tap0").is_vpn);
}

TEST_F(SurroundingsTest, KnowsTheMemory) {
  folder.write("proc/meminfo", "MemTotal:       16303036 kB\nMemFree:         9000000 kB\n");
  EXPECT_EQ(look().memory, Bytes{std::uint64_t{16303036} << 10U});
}

}  // namespace
}  // namespace upswarm::agent
