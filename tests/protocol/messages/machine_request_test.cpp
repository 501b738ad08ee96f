#include "protocol/messages/machine_request.hpp"

#include <gtest/gtest.h>

#include "protocol/base/digest.hpp"

namespace upswarm::messages {
namespace {

const Time kNow{std::chrono::seconds(1'800'000'000)};

class MachineRequestTest : public testing::Test {
 protected:
  MachineFields fields(const MachineRequest& signed_request) {
    MachineFields fields;
    for (const auto& [name, value] : sign_request(key, signed_request)) {
      if (name == kMachineField) fields.machine = value;
      if (name == kTimeField) fields.time = value;
      if (name == kSignatureField) fields.signature = value;
    }
    return fields;
  }
  MachineClaim claim() {
    const auto read = read_claim(fields(request));
    EXPECT_TRUE(read && *read);
    return **read;
  }
  bool is_good(const MachineClaim& one) {
    return one.is_signed_by(key.public_key(), request.method, request.target, request.body);
  }

  trust::SigningKey key = trust::SigningKey::generate();
  MachineRequest request{"m-1", kNow, "POST", "/v1/reports", R"({"a":1})"};
};

TEST_F(MachineRequestTest, SignsTheCanonicalBytesThatAreDocumented) {
  EXPECT_EQ(request.bytes_to_sign(), R"({"_type":"upswarm-machine-request-1","body":")" + sha256(R"({"a":1})").hex() +
                                         R"(","machine":"m-1","method":"POST","target":"/v1/reports",)"
                                         R"("time":"2027-01-15T08:00:00Z"})");
  EXPECT_TRUE(is_good(claim()));
}

TEST_F(MachineRequestTest, ASignatureIsGoodForNothingElse) {
  const auto good = claim();
  const auto& mine = key.public_key();
  EXPECT_FALSE(good.is_signed_by(mine, "GET", request.target, request.body));
  EXPECT_FALSE(good.is_signed_by(mine, request.method, "/v1/enrol", request.body));
  EXPECT_FALSE(good.is_signed_by(mine, request.method, "/v1/reports?a", request.body));
  EXPECT_FALSE(good.is_signed_by(mine, request.method, request.target, R"({"a":2})"));
  EXPECT_FALSE(good.is_signed_by(trust::SigningKey::generate().public_key(), request.method, request.target, "{}"));
  auto other = good;
  other.machine = "m-2";
  EXPECT_FALSE(is_good(other));
  other = good;
  other.time += std::chrono::seconds(1);
  EXPECT_FALSE(is_good(other));
}

TEST_F(MachineRequestTest, ReadsAllFieldsOrNone) {
  const auto none = read_claim({});
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  const auto whole = fields(request);
  for (const auto field : {&MachineFields::machine, &MachineFields::time, &MachineFields::signature}) {
    auto broken = whole;
    (broken.*field).clear();
    EXPECT_FALSE(read_claim(broken));
    broken.*field = "nonsense with blanks";
    EXPECT_FALSE(read_claim(broken));
  }
  auto shortened = whole;
  shortened.signature.resize(126);
  EXPECT_FALSE(read_claim(shortened));
  auto loud = whole;
  loud.signature[0] = 'A';
  EXPECT_FALSE(read_claim(loud));
}

TEST_F(MachineRequestTest, IsFreshForFiveMinutesBothWays) {
  const auto one = claim();
  EXPECT_TRUE(is_fresh(one, kNow + kRequestFreshness));
  EXPECT_TRUE(is_fresh(one, kNow - kRequestFreshness));
  EXPECT_FALSE(is_fresh(one, kNow + kRequestFreshness + std::chrono::seconds(1)));
  EXPECT_FALSE(is_fresh(one, kNow - kRequestFreshness - std::chrono::seconds(1)));
}

TEST(MachineIdTest, IsPrintableAndShort) {
  EXPECT_TRUE(parse_machine_id("0123456789abcdef"));
  EXPECT_TRUE(parse_machine_id(std::string(128, 'x')));
  for (const auto& wrong : {std::string(), std::string(129, 'x'), std::string("a b"), std::string("a\n"),
                            std::string("\xc3\xa4"), std::string("a\0b", 3)}) {
    const auto id = parse_machine_id(wrong);
    ASSERT_FALSE(id) << wrong;
    EXPECT_EQ(id.error().reason, "machine_id");
  }
}

TEST(MachineKeyTest, IsAnEd25519Key) {
  EXPECT_TRUE(parse_machine_key(trust::SigningKey::generate().public_key().public_text));
  EXPECT_FALSE(parse_machine_key(std::string(62, 'a')));
  EXPECT_FALSE(parse_machine_key(std::string(64, 'A')));
}

}  // namespace
}  // namespace upswarm::messages
