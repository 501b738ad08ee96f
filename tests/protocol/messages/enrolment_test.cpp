#include "protocol/messages/enrolment.hpp"

#include <gtest/gtest.h>

namespace upswarm::messages {
namespace {

const std::string kToken = std::string(kTokenPrefix) + std::string(64, '7');
const Enrolment kEnrolment{"m-1", std::string(64, 'a'), kToken};

TEST(EnrolmentTest, ComesThroughAsItWas) {
  const auto read = read_enrolment(to_json(kEnrolment).dump());
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->machine, "m-1");
  EXPECT_EQ(read->public_key, kEnrolment.public_key);
  EXPECT_EQ(read->token, kToken);
}

TEST(EnrolmentTest, RefusesWhatIsNone) {
  const auto whole = to_json(kEnrolment);
  for (const auto* key : {"machine", "public_key", "token"}) {
    auto broken = whole;
    broken.erase(key);
    EXPECT_FALSE(read_enrolment(broken.dump())) << "without " << key;
    broken[key] = "a b";
    EXPECT_FALSE(read_enrolment(broken.dump())) << key;
    broken[key] = 7;
    EXPECT_FALSE(read_enrolment(broken.dump())) << key;
  }
  auto more = whole;
  more["surprise"] = 1;
  EXPECT_FALSE(read_enrolment(more.dump()));
  auto huge = whole;
  huge["token"] = std::string(5000, 'x');
  EXPECT_FALSE(read_enrolment(huge.dump()));
  EXPECT_FALSE(read_enrolment("[]"));
  EXPECT_FALSE(read_enrolment(""));
}

TEST(EnrolmentTest, NoErrorRepeatsAToken) {
  for (const auto& wrong : {kToken + "7", kToken.substr(1), kToken.substr(0, 20) + std::string(58, 'Z')}) {
    const auto token = parse_token(wrong);
    ASSERT_FALSE(token);
    EXPECT_EQ(token.error().reason, "token_form");
    EXPECT_EQ(token.error().message().find("777"), std::string::npos);
    auto broken = to_json(kEnrolment);
    broken["token"] = wrong;
    EXPECT_EQ(read_enrolment(broken.dump()).error().message().find("777"), std::string::npos);
  }
}

}  // namespace
}  // namespace upswarm::messages
