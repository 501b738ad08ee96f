#include "seeder/machine_commands.hpp"

#include <gtest/gtest.h>

#include "protocol/base/json.hpp"
#include "protocol/base/program.hpp"
#include "seeder/commands.hpp"
#include "seeder/machines.hpp"
#include "seeder/reports.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

class MachineCommandsTest : public testing::Test {
 protected:
  void SetUp() override { config.folder.root = folder.path(); }

  /// What a command prints with --json.
  template <typename Command>
  Json answer(Command command) {
    testing::internal::CaptureStdout();
    const auto code = command();
    const auto text = testing::internal::GetCapturedStdout();
    EXPECT_TRUE(code) << code.error().message();
    last_code = code ? *code : -1;
    const auto json = parse_json(text, "answer");
    EXPECT_TRUE(json) << text;
    return json ? *json : Json::object();
  }

  tests::TemporaryFolder folder;
  SeederConfig config;
  int last_code = 0;
};

TEST_F(MachineCommandsTest, ATokenLivesFromMakeToRevoke) {
  const auto made = answer([&] { return command_make_token(config, "desk", 3, std::chrono::hours(1), true); });
  EXPECT_TRUE(messages::parse_token(made.at("token").get<std::string>()));
  EXPECT_EQ(made.at("uses"), 3);
  auto listed = answer([&] { return command_list_tokens(config, true); }).at("tokens");
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].at("used"), 0);
  EXPECT_TRUE(listed[0].at("revoked").is_null());
  EXPECT_EQ(listed.dump().find(made.at("token").get<std::string>()), std::string::npos);
  EXPECT_EQ(answer([&] { return command_revoke_token(config, "desk", true); }).at("revoked"), "desk");
  listed = answer([&] { return command_list_tokens(config, true); }).at("tokens");
  EXPECT_TRUE(listed[0].at("revoked").is_string());
  EXPECT_EQ(command_make_token(config, "now", 1, std::chrono::milliseconds(5), true).error().kind, ErrorKind::invalid);
}

TEST_F(MachineCommandsTest, AMachineIsShownRevokedAndForgotten) {
  const auto token =
      answer([&] { return command_make_token(config, "desk", 3, std::chrono::hours(1), true); }).at("token");
  {
    auto records = *open_records(config);
    Machines machines(records);
    for (const auto* id : {"m-1", "m-2"})
      ASSERT_TRUE(machines.enrol({id, std::string(64, 'a'), token.get<std::string>()}, system_clock().now()));
    messages::Report report{"m-1", {.number = 1, .product = "app", .to = "1.0.0", .result = "completed"}, {}};
    ASSERT_TRUE(Reports(records).store(report, std::string(64, 'a'), system_clock().now()));
  }
  EXPECT_EQ(answer([&] { return command_outcomes(config, "app", "", true); }).dump(),
            R"({"outcomes":[{"machines":1,"result":"completed","version":"1.0.0"}],"product":"app"})");
  EXPECT_EQ(answer([&] { return command_reports(config, "", 10, true); }).at("reports").at(0).at("trusted"), true);
  EXPECT_EQ(answer([&] { return command_revoke_machines(config, "m-1", "", true); }).at("revoked"), 1);
  EXPECT_EQ(answer([&] { return command_revoke_machines(config, "", "desk", true); }).at("revoked"), 1);
  answer([&] { return command_revoke_machines(config, "", "desk", true); });
  EXPECT_EQ(last_code, static_cast<int>(ExitCode::nothing_to_do));
  EXPECT_EQ(command_revoke_machines(config, "m-1", "desk", true).error().kind, ErrorKind::invalid);
  EXPECT_EQ(command_revoke_machines(config, "", "", true).error().kind, ErrorKind::invalid);
  EXPECT_TRUE(answer([&] { return command_outcomes(config, "app", "", true); }).at("outcomes").empty());
  EXPECT_EQ(answer([&] { return command_forget_machine(config, "m-1", true); }).at("forgotten"), "m-1");
  const auto left = answer([&] { return command_list_machines(config, true); }).at("machines");
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].at("machine"), "m-2");
  EXPECT_TRUE(left[0].at("revoked").is_string());
}

}  // namespace
}  // namespace upswarm::seeder
