#include "seeder/voucher.hpp"

#include <gtest/gtest.h>

#include "protocol/messages/machine_request.hpp"
#include "seeder/migrations.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

class VoucherTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto token = tokens.make("desk", 1, now + std::chrono::hours(1), now);
    ASSERT_TRUE(machines.enrol({"m-1", key.public_key().public_text, *token}, now));
  }
  HttpCall signed_call(const trust::SigningKey& by, const std::string& machine) {
    HttpCall call{.method = "GET",
                  .path = "/v1/lease",
                  .query = "site=a",
                  .headers = {},
                  .body = "body",
                  .remote = {},
                  .local = {}};
    for (const auto& [name, value] :
         messages::sign_request(by, {machine, now, call.method, "/v1/lease?site=a", call.body})) {
      auto lower = name;
      std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
      call.headers[lower] = value;
    }
    return call;
  }
  std::string who(const HttpCall& call) {
    const auto voucher = find_voucher(call, machines);
    if (voucher) return voucher->is_trusted() ? voucher->machine : voucher->reason();
    EXPECT_EQ(voucher.error().kind, ErrorKind::denied);
    return "refused: " + voucher.error().reason;
  }

  tests::TemporaryFolder folder;
  Database database = std::move(*Database::open(folder / "db", kMigrations));
  EnrolmentTokens tokens{database};
  Machines machines{database};
  trust::SigningKey key = trust::SigningKey::generate();
  Time now{std::chrono::seconds(1'800'000'000)};
};

TEST_F(VoucherTest, KnowsTheMachineByItsKey) {
  const auto voucher = find_voucher(signed_call(key, "m-1"), machines);
  ASSERT_TRUE(voucher);
  EXPECT_EQ(voucher->machine, "m-1");
  EXPECT_EQ(voucher->public_key, key.public_key().public_text);
  EXPECT_EQ(voucher->signed_at, now);
  EXPECT_EQ(voucher->reason(), "");
}

TEST_F(VoucherTest, TellsTheOthersApart) {
  EXPECT_EQ(who({}), "unsigned");
  EXPECT_EQ(who(signed_call(key, "m-2")), "unknown_machine");
  EXPECT_EQ(who(signed_call(trust::SigningKey::generate(), "m-1")), "refused: signature");
  ASSERT_TRUE(machines.revoke("m-1", now));
  EXPECT_EQ(who(signed_call(key, "m-1")), "revoked_machine");
}

TEST_F(VoucherTest, ASignatureHoldsForThisRequestAlone) {
  const auto good = signed_call(key, "m-1");
  ASSERT_EQ(who(good), "m-1");
  for (const auto change : {+[](HttpCall& call) { call.method = "POST"; }, +[](HttpCall& call) { call.path += "s"; },
                            +[](HttpCall& call) { call.query = "site=b"; }, +[](HttpCall& call) { call.query = ""; },
                            +[](HttpCall& call) { call.body += "."; },
                            +[](HttpCall& call) { call.headers["upswarm-time"] = "2027-01-15T08:00:01Z"; },
                            +[](HttpCall& call) { call.headers.erase("upswarm-time"); },
                            +[](HttpCall& call) { call.headers.erase("upswarm-signature"); },
                            +[](HttpCall& call) { call.headers["upswarm-signature"] = "nonsense"; },
                            +[](HttpCall& call) { call.headers["upswarm-machine"] = "m 1"; }}) {
    auto changed = good;
    change(changed);
    EXPECT_EQ(who(changed), "refused: signature");
  }
}

TEST_F(VoucherTest, AnEnrolmentShowsThatTheSenderHasTheKey) {
  const messages::Enrolment wish{"m-9", key.public_key().public_text, "token"};
  EXPECT_TRUE(check_possession(signed_call(key, "m-9"), wish));
  EXPECT_FALSE(check_possession(signed_call(key, "m-1"), wish));
  EXPECT_FALSE(check_possession(signed_call(trust::SigningKey::generate(), "m-9"), wish));
  EXPECT_EQ(check_possession({}, wish).error().reason, "signature");
}

}  // namespace
}  // namespace upswarm::seeder
