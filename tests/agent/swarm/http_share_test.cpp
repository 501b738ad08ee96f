#include "agent/http_share.hpp"

#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

class HttpShareTest : public testing::Test {
 protected:
  std::uint64_t share(std::uint64_t all, std::uint64_t origin) {
    RatesByTraffic rates{};
    of(rates, Traffic::all) = {1, all};  // uploads are another matter
    of(rates, Traffic::origin) = {1, origin};
    return http_share(rates, peers);
  }

  std::vector<PeerUse> peers{{.source = ByteSource::site, .bytes_per_second = 200},
                             {.source = ByteSource::origin_bt, .bytes_per_second = 300}};
};

TEST_F(HttpShareTest, IsWhatBitTorrentLeavesOfEachLimit) {
  EXPECT_EQ(share(0, 0), 0U) << "no limit";
  EXPECT_EQ(share(800, 0), 300U);
  EXPECT_EQ(share(0, 800), 500U);
  EXPECT_EQ(share(800, 800), 300U);
  EXPECT_EQ(share(2'000, 800), 500U);
  peers.clear();
  EXPECT_EQ(share(800, 700), 700U);
}

TEST_F(HttpShareTest, IsNeverNothing) {
  EXPECT_EQ(share(480, 0), 60U);
  EXPECT_EQ(share(0, 240), 30U);
  EXPECT_EQ(share(3, 0), 1U) << "0 would be no limit";
}

}  // namespace
}  // namespace upswarm::agent
