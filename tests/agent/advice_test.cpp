#include "agent/advice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace upswarm::agent {
namespace {

TEST(AdviceTest, EveryKindHasOne) {
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::internal); ++kind) {
    EXPECT_FALSE(advice_for({static_cast<ErrorKind>(kind), "a", "b"}).empty());
  }
}

TEST(AdviceTest, TheReasonSaysMore) {
  EXPECT_THAT(advice_for({ErrorKind::untrusted, "", "", "certificate"}), testing::HasSubstr("ca_file"));
  EXPECT_THAT(advice_for({ErrorKind::untrusted, "", "", "expired"}), testing::HasSubstr("fresh metadata"));
  EXPECT_THAT(advice_for({ErrorKind::not_found, "", "", "no_root"}), testing::HasSubstr("root_file"));
}

}  // namespace
}  // namespace upswarm::agent
