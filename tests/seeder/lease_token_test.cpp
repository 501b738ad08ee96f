#include "seeder/lease_token.hpp"

#include <gtest/gtest.h>

#include "protocol/messages/announce.hpp"

namespace upswarm::seeder {
namespace {

const LeaseToken kToken{7, Time(std::chrono::seconds(1'800'000'000)), std::string(20, '\xab'), lease_digest("branch"),
                        lease_digest("10.1.2.3:6881")};

TEST(LeaseToken, ComesBackAsItWas) {
  const LeaseKey key;
  const auto bytes = key.write(kToken);
  EXPECT_EQ(bytes.size(), kLeaseTokenLength);
  EXPECT_LE(bytes.size(), messages::kLongestLease);
  const auto read = key.read(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, kToken);
}

TEST(LeaseToken, EveryChangedByteIsNoticed) {
  const LeaseKey key;
  const auto bytes = key.write(kToken);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(key.read(changed)) << i;
  }
  EXPECT_FALSE(key.read(""));
  EXPECT_FALSE(key.read(bytes.substr(1)));
  EXPECT_FALSE(key.read(bytes + "x"));
}

TEST(LeaseToken, IsStrangeToAnotherKey) {
  EXPECT_FALSE(LeaseKey().read(LeaseKey().write(kToken)));
  const ByteBuffer shared(LeaseKey::kLength, std::byte{5});
  EXPECT_TRUE(LeaseKey(shared).read(LeaseKey(shared).write(kToken))) << "several origins may share one key";
}

}  // namespace
}  // namespace upswarm::seeder
