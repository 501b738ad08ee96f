#include "seeder/secret.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

TEST(SecretTest, IsLongAndNeverTheSame) {
  const auto one = make_secret("upswarm_");
  EXPECT_EQ(one.size(), 8U + 64U);
  EXPECT_TRUE(one.starts_with("upswarm_"));
  EXPECT_NE(one, make_secret("upswarm_"));
}

TEST(SecretTest, DigestsDifferInAnyBit) {
  const auto digest = sha256("secret");
  EXPECT_TRUE(is_same(digest, sha256("secret")));
  for (std::size_t bit = 0; bit < 256; ++bit) {
    auto other = digest;
    other.bytes[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_FALSE(is_same(digest, other)) << bit;
  }
}

}  // namespace
}  // namespace upswarm::seeder
