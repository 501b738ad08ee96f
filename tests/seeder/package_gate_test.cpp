#include "seeder/package_gate.hpp"

#include <gtest/gtest.h>

#include "protocol/base/hex.hpp"
#include "tests/support/fake_clock.hpp"

namespace upswarm::seeder {
namespace {

using boost::asio::ip::make_address;
using std::chrono::seconds;

class Zeros final : public InputFile {
 public:
  Result<std::size_t> read_at(Bytes /*offset*/, std::span<std::byte> buffer) override { return buffer.size(); }
  Result<FileInfo> info() override { return FileInfo{.type = FileType::regular, .size = 1_GiB}; }
};

const auto kPackage = sha256("package");
const auto kOther = sha256("another package");
const std::string kHash(20, '\x01');

class PackageGateTest : public testing::Test {
 protected:
  PackageGateTest() { gate.offer_only({{kPackage, kHash}, {kOther, std::string(20, '\x02')}}); }

  std::shared_ptr<InputFile> get(const std::string& from, Bytes length = 4_MiB, const Sha256& target = kPackage,
                                 const std::string& lease = "") {
    auto verdict = gate.admit({target, length, lease, make_address(from)}, std::make_shared<Zeros>());
    if (const auto* wait = std::get_if<seconds>(&verdict)) {
      EXPECT_GE(*wait, seconds(PackageGate::kShortestWait));
      EXPECT_LE(*wait, seconds(PackageGate::kLongestWait));
      return nullptr;
    }
    return std::get<std::shared_ptr<InputFile>>(verdict);
  }
  std::size_t read(InputFile& file, std::size_t count = 1000) {
    ByteBuffer buffer(count);
    return file.read_at(0_B, buffer).value_or(0);
  }
  std::string show(LeaseId lease) { return to_hex(as_bytes(leases.token(lease))); }

  tests::FakeClock clock;
  Leases leases{clock};
  SiteMap sites;
  PackageGate gate{2, sites, leases, clock};
};

TEST_F(PackageGateTest, FewMachinesOfASiteAreServedAtATime) {
  EXPECT_TRUE(get("10.0.0.1"));
  EXPECT_TRUE(get("10.0.0.2"));
  EXPECT_FALSE(get("10.0.0.3"));
  EXPECT_TRUE(get("10.0.0.1")) << "who is served goes on";
  EXPECT_TRUE(get("10.0.1.1")) << "another site";
  EXPECT_TRUE(get("10.0.0.3", 4_MiB, kOther)) << "another package";
}

TEST_F(PackageGateTest, APlaceIsFreeSomeTimeAfterTheLastRequest) {
  get("10.0.0.1");
  get("10.0.0.2");
  clock.advance(PackageGate::kHold);
  EXPECT_FALSE(get("10.0.0.3"));
  get("10.0.0.1");
  clock.advance(seconds(1));
  EXPECT_TRUE(get("10.0.0.3")) << "the place of the second";
  EXPECT_FALSE(get("10.0.0.2"));
}

TEST_F(PackageGateTest, WhatIsBeingSentKeepsItsPlace) {
  const auto one = get("10.0.0.1");
  auto two = get("10.0.0.2");
  clock.advance(seconds(600));
  EXPECT_FALSE(get("10.0.0.3"));
  EXPECT_EQ(read(*two), 1000U);
  two.reset();
  EXPECT_FALSE(get("10.0.0.3")) << "it may come again at once";
  clock.advance(PackageGate::kHold + seconds(1));
  EXPECT_TRUE(get("10.0.0.3"));
}

TEST_F(PackageGateTest, OneAddressHasFewRequestsAtATime) {
  std::vector<std::shared_ptr<InputFile>> running;
  for (int i = 0; i < PackageGate::kMostAtOnce; ++i) running.push_back(get("10.0.0.1"));
  EXPECT_FALSE(get("10.0.0.1"));
  running.pop_back();
  EXPECT_TRUE(get("10.0.0.1"));
}

TEST_F(PackageGateTest, SmallPartsAndOtherTargetsAreForEverybody) {
  for (int i = 1; i <= 100; ++i) {
    const auto from = "10.0.0." + std::to_string(i);
    EXPECT_TRUE(get(from, PackageGate::kFree));
    EXPECT_TRUE(get(from, 4_MiB, sha256("an index")));
  }
}

TEST_F(PackageGateTest, ALeaseIsServedBesidesTheRationAndCounted) {
  get("10.0.0.1");
  get("10.0.0.2");
  const auto lease = leases.begin(kHash, "site", "machine", clock.now() + seconds(15));
  const auto file = get("10.0.0.3", 4_MiB, kPackage, show(lease));
  ASSERT_TRUE(file);
  EXPECT_EQ(read(*file), 1000U);
  EXPECT_EQ(leases.standing(lease).sent, 1000_B);
  EXPECT_FALSE(get("10.0.0.4")) << "nobody else's place was freed by it";
  leases.end(lease);
  EXPECT_EQ(read(*file), 0U) << "what runs ends with the lease";
  EXPECT_FALSE(get("10.0.0.3", 4_MiB, kPackage, "00")) << "no place, no lease";
}

TEST_F(PackageGateTest, BadLeasesCountAsNone) {
  const auto lease = leases.begin(kHash, "site", "machine", clock.now() + seconds(15));
  const auto good = show(lease);
  get("10.0.0.1");
  get("10.0.0.2");
  auto upper = good;
  upper[0] = 'A';
  for (const auto& bad :
       {std::string("x"), std::string("ff"), good.substr(2), good + "00", std::string(1000, 'a'), upper})
    EXPECT_FALSE(get("10.0.0.3", 4_MiB, kPackage, bad)) << bad;
  get("10.0.0.1", 4_MiB, kOther);
  get("10.0.0.2", 4_MiB, kOther);
  EXPECT_FALSE(get("10.0.0.3", 4_MiB, kOther, good)) << "of another package";
  EXPECT_TRUE(get("10.0.0.3", 4_MiB, kPackage, good));
}

TEST_F(PackageGateTest, ARationOfZeroIsNone) {
  PackageGate open(0, sites, leases, clock);
  open.offer_only({{kPackage, kHash}});
  for (int i = 1; i <= 100; ++i) {
    auto verdict =
        open.admit({kPackage, 4_MiB, "", make_address("10.0.0." + std::to_string(i))}, std::make_shared<Zeros>());
    EXPECT_TRUE(std::holds_alternative<std::shared_ptr<InputFile>>(verdict));
  }
}

TEST_F(PackageGateTest, NamedSitesShareARation) {
  const SiteMap named({{"all", {*parse_network("10.0.0.0/8")}, {}}});
  PackageGate one(1, named, leases, clock);
  one.offer_only({{kPackage, kHash}});
  const auto is_served = [&](const char* from) {
    return one.admit({kPackage, 4_MiB, "", make_address(from)}, std::make_shared<Zeros>()).index() == 0;
  };
  EXPECT_TRUE(is_served("10.1.1.1"));
  EXPECT_FALSE(is_served("10.2.2.2"));
  EXPECT_TRUE(is_served("::ffff:10.1.1.1"));
}

}  // namespace
}  // namespace upswarm::seeder
