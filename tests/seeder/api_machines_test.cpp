// What machines, neighbours and thieves can do by the HTTP interface.
#include <gtest/gtest.h>

#include "protocol/base/json.hpp"
#include "protocol/messages/machine_request.hpp"
#include "seeder/api.hpp"
#include "seeder/migrations.hpp"
#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

using Headers = std::map<std::string, std::string>;

/// A machine as the network sees it.
struct TestMachine {
  std::string id;
  trust::SigningKey key = trust::SigningKey::generate();
};

class ApiMachinesTest : public testing::Test {
 protected:
  HttpCall call(const std::string& path, const std::string& body, Headers headers = {}) {
    return {"POST", path, "", std::move(headers), body, neighbour, boost::asio::ip::make_address("10.0.0.9")};
  }
  Headers signature(const TestMachine& machine, const std::string& path, const std::string& body,
                    const std::string& as = "") {
    const auto& id = as.empty() ? machine.id : as;
    const auto fields = messages::sign_request(machine.key, {id, world.clock.now(), "POST", path, body});
    return {{"upswarm-machine", fields[0].second},
            {"upswarm-time", fields[1].second},
            {"upswarm-signature", fields[2].second}};
  }
  std::string make_token(std::int64_t uses = 10) {
    return *EnrolmentTokens(records).make("t" + std::to_string(++tokens), uses,
                                          world.clock.now() + std::chrono::hours(1), world.clock.now());
  }
  HttpAnswer enrol(const TestMachine& machine, const std::string& token) {
    const auto body = upswarm::to_text(
        messages::to_json(messages::Enrolment{machine.id, machine.key.public_key().public_text, token}));
    return api.answer(call("/v1/enrol", body, signature(machine, "/v1/enrol", body)));
  }
  static std::string report_of(const std::string& machine, std::int64_t number = 1,
                               const std::string& result = "completed") {
    messages::Report report{machine, {}, {}};
    report.outcome = {
        .number = number, .product = "app", .to = "1.0.0", .running = "1.0.0", .kind = "full", .result = result};
    return upswarm::to_text(messages::to_json(report));
  }
  HttpAnswer send_signed(const TestMachine& machine, const std::string& body) {
    return api.answer(call("/v1/reports", body, signature(machine, "/v1/reports", body)));
  }
  static std::string reason(const HttpAnswer& answer) {
    const auto json = parse_json(answer.body, "answer");
    if (!json) return "no JSON";
    const auto& inner = json->contains("error") ? json->at("error") : *json;
    return inner.value("reason", "");
  }
  /// How many machines count as having `result`.
  std::int64_t voices(const std::string& result = "completed") {
    const auto all = *Reports(records).count_outcomes("app");
    for (const auto& one : all) {
      if (one.result == result) return one.machines;
    }
    return 0;
  }

  tests::SeederWorld world;
  Database records = std::move(*Database::open(world.place.database(), kMigrations));
  SiteMap sites;
  Leases leases{world.clock};
  Tracker tracker{{}, sites, leases, world.clock};
  Uploads uploads{system_files(), world.place, 1_MiB};
  PackageUse use;
  PackageGate gate{1, sites, leases, world.clock};
  Api api{{system_files(), world.place, records, tracker, world.incoming(), uploads, nullptr, world.clock, use, gate}};
  IpAddress neighbour = boost::asio::ip::make_address("10.0.0.1");
  int tokens = 0;
};

TEST_F(ApiMachinesTest, AnEnrolledMachinesReportCounts) {
  const TestMachine machine{"m-1"};
  EXPECT_EQ(enrol(machine, make_token()).body, R"({"enrolled":true,"new":true})");
  const auto answer = send_signed(machine, report_of("m-1"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"reason":"","stored":true,"trusted":true})");
  EXPECT_EQ(send_signed(machine, report_of("m-1")).body, R"({"reason":"","stored":false,"trusted":true})");
  EXPECT_EQ(voices(), 1);
}

TEST_F(ApiMachinesTest, EnrollingAgainIsSuccess) {
  const TestMachine machine{"m-1"};
  const auto token = make_token(1);
  ASSERT_EQ(enrol(machine, token).status, 200);
  const auto again = enrol(machine, token);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(again.body, R"({"enrolled":true,"new":false})");
}

TEST_F(ApiMachinesTest, SaysWhyItDoesNotEnrol) {
  const TestMachine machine{"m-1"};
  const auto token = make_token(1);
  const auto wrong = enrol(machine, std::string(messages::kTokenPrefix) + std::string(64, '0'));
  EXPECT_EQ(wrong.status, 403);
  EXPECT_EQ(reason(wrong), "token_unknown");
  ASSERT_EQ(enrol(machine, token).status, 200);
  const auto taken = enrol(TestMachine{"m-1"}, make_token());
  EXPECT_EQ(taken.status, 403);
  EXPECT_EQ(reason(taken), "machine_taken");
  EXPECT_EQ(reason(enrol(TestMachine{"m-2"}, token)), "token_used_up");
  EXPECT_EQ(api.answer(call("/v1/enrol", "{}")).status, 400);
  auto get = call("/v1/enrol", "");
  get.method = "GET";
  EXPECT_EQ(api.answer(get).status, 405);
}

TEST_F(ApiMachinesTest, AnEnrolmentMustBeSignedByItsKey) {
  const TestMachine machine{"m-1"};
  const TestMachine other{"m-1"};
  const auto body = upswarm::to_text(
      messages::to_json(messages::Enrolment{"m-1", machine.key.public_key().public_text, make_token()}));
  for (const auto& headers : {Headers{}, signature(other, "/v1/enrol", body), signature(machine, "/v1/reports", body),
                              signature(machine, "/v1/enrol", body, "m-2")}) {
    const auto answer = api.answer(call("/v1/enrol", body, headers));
    EXPECT_EQ(answer.status, 403);
    EXPECT_EQ(reason(answer), "signature");
  }
  EXPECT_FALSE(*Machines(records).find("m-1"));
}

TEST_F(ApiMachinesTest, UnsignedAndUnknownReportsAreKeptAndNeverCount) {
  const TestMachine machine{"m-1"};
  ASSERT_EQ(enrol(machine, make_token()).status, 200);
  EXPECT_EQ(reason(api.answer(call("/v1/reports", report_of("m-1")))), "unsigned");
  EXPECT_EQ(reason(send_signed(TestMachine{"m-2"}, report_of("m-2"))), "unknown_machine");
  ASSERT_TRUE(Machines(records).revoke("m-1", world.clock.now()));
  EXPECT_EQ(reason(send_signed(machine, report_of("m-1", 2))), "revoked_machine");
  EXPECT_EQ(Reports(records).count().value(), 3);
  EXPECT_EQ(voices(), 0);
}

// A LAN neighbour sees and sends what he likes, but has no key.
TEST_F(ApiMachinesTest, ANeighbourSpeaksForNoMachine) {
  const TestMachine machine{"m-1"};
  const TestMachine self{"m-1"};
  ASSERT_EQ(enrol(machine, make_token()).status, 200);
  const auto forged = send_signed(self, report_of("m-1", 1, "rolled_back"));
  EXPECT_EQ(forged.status, 403);
  EXPECT_EQ(reason(forged), "signature");
  EXPECT_EQ(Reports(records).count().value(), 0);
  api.answer(call("/v1/reports", report_of("m-1", 1, "rolled_back")));

  const auto body = report_of("m-1");
  const auto seen = signature(machine, "/v1/reports", body);
  ASSERT_EQ(api.answer(call("/v1/reports", body, seen)).status, 200);
  EXPECT_EQ(api.answer(call("/v1/reports", report_of("m-1", 2, "rolled_back"), seen)).status, 403)
      << "a signature that he saw fits no other report";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(api.answer(call("/v1/reports", body, seen)).status, 200) << "a replay";
  EXPECT_EQ(voices("completed"), 1);
  EXPECT_EQ(voices("rolled_back"), 0);
}

TEST_F(ApiMachinesTest, ANeighboursFloodShutsOutHisAddressAlone) {
  const TestMachine machine{"m-1"};
  const auto body = upswarm::to_text(
      messages::to_json(messages::Enrolment{"m-1", machine.key.public_key().public_text, make_token()}));
  const auto unsigned_wish = call("/v1/enrol", body);
  for (std::int64_t i = 0; i < FailureLimit::kMostFailures; ++i) ASSERT_EQ(api.answer(unsigned_wish).status, 403);
  const auto refused = api.answer(unsigned_wish);
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(reason(refused), "too_many_failures");
  EXPECT_EQ(enrol(machine, make_token()).status, 429);
  neighbour = boost::asio::ip::make_address("10.0.0.2");
  EXPECT_EQ(enrol(machine, make_token()).status, 200);
}

// A thief of a machine's key has that machine's one voice, until it is revoked.
TEST_F(ApiMachinesTest, AThiefOfAMachineKeyHasOneVoiceInOneName) {
  const TestMachine stolen{"m-1"};
  const TestMachine other{"m-2"};
  const auto token = make_token();
  ASSERT_EQ(enrol(stolen, token).status, 200);
  ASSERT_EQ(enrol(other, token).status, 200);
  for (std::int64_t number = 1; number <= 20; ++number)
    EXPECT_EQ(send_signed(stolen, report_of("m-1", number)).status, 200);
  EXPECT_EQ(voices(), 1);
  EXPECT_EQ(send_signed(stolen, report_of("m-2")).status, 403) << "another machine's report";
  const auto body = report_of("m-2");
  EXPECT_EQ(api.answer(call("/v1/reports", body, signature(stolen, "/v1/reports", body, "m-2"))).status, 403);
  const TestMachine invented{"m-3", std::move(*trust::SigningKey::from_seed(stolen.key.seed()))};
  EXPECT_EQ(reason(send_signed(invented, report_of("m-3"))), "unknown_machine");
  EXPECT_EQ(reason(enrol(invented, std::string(messages::kTokenPrefix) + std::string(64, '0'))), "token_unknown");
  EXPECT_EQ(voices(), 1);
  ASSERT_TRUE(Machines(records).revoke("m-1", world.clock.now()));
  EXPECT_EQ(voices(), 0);
}

// A thief of an API key, even with all scopes, is no machine and makes none.
TEST_F(ApiMachinesTest, AThiefOfAnApiKeyHasNoVoice) {
  const auto key = ApiKeys(records).make("ci", {Scope::read, Scope::upload, Scope::rollout}, world.clock.now());
  const Headers bearer{{"authorization", "Bearer " + *key}};
  EXPECT_EQ(reason(api.answer(call("/v1/reports", report_of("m-1"), bearer))), "unsigned");
  EXPECT_EQ(voices(), 0);
  const TestMachine machine{"m-1"};
  const auto body =
      upswarm::to_text(messages::to_json(messages::Enrolment{"m-1", machine.key.public_key().public_text, *key}));
  EXPECT_EQ(api.answer(call("/v1/enrol", body, bearer)).status, 400) << "a key is no token";
  EXPECT_FALSE(*Machines(records).find("m-1"));
  // ... and a token is no key.
  auto status = call("/v1/status", "", {{"authorization", "Bearer " + make_token()}});
  status.method = "GET";
  EXPECT_EQ(api.answer(status).status, 401);
}

TEST_F(ApiMachinesTest, ASeederThatLostItsDatabaseSaysSo) {
  const TestMachine machine{"m-1"};
  ASSERT_EQ(enrol(machine, make_token()).status, 200);
  ASSERT_TRUE(Machines(records).forget("m-1"));
  EXPECT_EQ(reason(send_signed(machine, report_of("m-1"))), "unknown_machine");
  EXPECT_EQ(voices(), 0);
  ASSERT_EQ(enrol(machine, make_token()).status, 200);
  const auto again = send_signed(machine, report_of("m-1"));
  EXPECT_EQ(again.body, R"({"reason":"","stored":true,"trusted":true})");
  EXPECT_EQ(voices(), 1);
}

TEST_F(ApiMachinesTest, WhereOnlyEnrolledMachinesLeadASignatureMakesTheLeader) {
  const std::string query =
      "info_hash=" + std::string(20, 'h') + "&peer_id=-UP0100-123456789012&port=6881&left=5&upswarm=1";
  tracker.track_only({{std::string(20, 'h'), 64_KiB}});
  Api strict{{system_files(), world.place, records, tracker, world.incoming(), uploads, nullptr, world.clock, use, gate,
              true}};
  const TestMachine machine{"m-1"};
  ASSERT_EQ(enrol(machine, make_token()).status, 200);
  const auto announce = [&](const Headers& headers) {
    HttpCall call{"GET", "/announce", query, headers, "", neighbour, boost::asio::ip::make_address("10.0.0.9")};
    return strict.answer(call).body.find("upswarm lease") != std::string::npos;
  };
  const auto signed_at = [&](Time time, const TestMachine& by) {
    const auto fields = messages::sign_request(by.key, {"m-1", time, "GET", "/announce?" + query, ""});
    return Headers{{"upswarm-machine", fields[0].second},
                   {"upswarm-time", fields[1].second},
                   {"upswarm-signature", fields[2].second}};
  };
  EXPECT_FALSE(announce({})) << "unsigned";
  EXPECT_FALSE(announce(signed_at(world.clock.now(), TestMachine{"m-1"}))) << "by another key";
  EXPECT_FALSE(announce(signed_at(world.clock.now() - std::chrono::minutes(6), machine))) << "an old one again";
  EXPECT_TRUE(announce(signed_at(world.clock.now(), machine)));
}

}  // namespace
}  // namespace upswarm::seeder
