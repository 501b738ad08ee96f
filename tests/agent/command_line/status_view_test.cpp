#include "agent/command_line/status_view.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/agent/fakes.hpp"

namespace upswarm::command_line {
namespace {

using testing::HasSubstr;
using testing::Not;

const Time kNow{std::chrono::seconds(1'800'000'000)};

messages::AgentStatus make_status() {
  messages::AgentStatus status;
  status.program_version = "0.1.0";
  status.machine_id = "machine-1";
  status.enrolled = true;
  status.seeder_url = "https://updates.example.org";
  status.state = "working";
  status.last_poll = kNow - std::chrono::seconds(12);
  status.metadata_expires = kNow + std::chrono::hours(20);
  status.expires_role = "timestamp";
  messages::ProductStatus product;
  product.product = "app";
  product.installed = "1.0.0";
  product.wanted = "1.1.0";
  product.phase = "downloading";
  product.done = 25_MiB;
  product.total = 100_MiB;
  product.bytes = {{}, 20_MiB, {}, 5_MiB, {}, {}};
  product.bytes_per_second = 5U << 20U;
  product.peers = 3;
  product.time_left = std::chrono::seconds(15);
  status.products.push_back(product);
  return status;
}

TEST(StatusViewTest, SaysWhetherReportsCount) {
  auto status = make_status();
  status.enrolled = false;
  status.enrolment = "no enrolment_token_file";
  EXPECT_THAT(format_status(status, kNow), HasSubstr("enrolled  no: no enrolment_token_file\n"));
  status.enrolled = true;
  EXPECT_THAT(format_status(status, kNow), HasSubstr("enrolled  yes\n"));
}

TEST(StatusViewTest, ShowsADownload) {
  EXPECT_EQ(format_status(make_status(), kNow),
            "machine   machine-1  (agent 0.1.0)\n"
            "seeder    https://updates.example.org\n"
            "state     working\n"
            "polls     last answer 12 s ago\n"
            "metadata  good until 2027-01-16T04:00:00Z (timestamp)\n"
            "seeding   0 packages, 0 B uploaded since the start\n"
            "enrolled  yes\n"
            "\n"
            "PRODUCT  INSTALLED  WANTED  PHASE\n"
            "app      1.0.0      1.1.0   downloading  25.0 MiB of 100 MiB  25 %  5.00 MiB/s  3 peers  15 s left\n"
            "  app: from site 20.0 MiB, origin 5.00 MiB\n");
}

TEST(StatusViewTest, SaysWhatIsDamagedAndWhatCannotBeVerified) {
  auto status = make_status();
  EXPECT_THAT(format_status(status, kNow), Not(HasSubstr("damaged")));
  EXPECT_THAT(format_status(status, kNow), Not(HasSubstr("best effort")));
  status.products.at(0).damage = "1 file is altered (it is repaired by itself)";
  status.products.at(0).is_best_effort = true;
  const auto text = format_status(status, kNow);
  EXPECT_THAT(text, HasSubstr("  app: damaged: 1 file is altered (it is repaired by itself)\n"));
  EXPECT_THAT(text, HasSubstr("  app: another installer put it here: a way back is best effort"));
}

TEST(StatusViewTest, SaysWhatWentWrongAndWhatToDo) {
  auto status = make_status();
  status.state = "failing";
  status.last_error = messages::TroubleStatus{"untrusted", "timestamp: it expired", "Check the seeder.", kNow};
  const auto text = format_status(status, kNow);
  EXPECT_THAT(text, HasSubstr("error     timestamp: it expired\n          Check the seeder.\n"));
}

TEST(StatusViewTest, SaysThatExpiredMetadataHolds) {
  EXPECT_THAT(format_status(make_status(), kNow + std::chrono::hours(21)), HasSubstr("(timestamp): on hold"));
}

TEST(StatusViewTest, SaysThatNothingIsKnownYet) {
  EXPECT_THAT(format_status({}, kNow), HasSubstr("No products known yet."));
}

TEST(StatusViewTest, SourcesLeaveOutWhatIsZero) {
  EXPECT_EQ(format_sources({}), "");
  EXPECT_EQ(format_sources({1_KiB, {}, 7_KiB, 2_KiB, 1_KiB, 5_B}),
            "other sites 7.00 KiB, origin 3.00 KiB (HTTP 1.00 KiB), disk 1.00 KiB, wasted 5 B");
}

TEST(StatusViewTest, HistoryIsATable) {
  EXPECT_EQ(format_history({}), "No updates yet.\n");
  auto back = tests::make_outcome(2, "1.1.0", "rolled_back");
  back.reason = "health\x1b[31m";
  auto good = tests::make_outcome(1, "1.0.0", "completed");
  good.files = 12;
  const auto text = format_history({{back, {{}, 2_MiB, {}, {}, {}, {}}, true}, {good, {}, false}});
  EXPECT_THAT(text, HasSubstr("2027-01-15T08:00:02Z  app      1.0.0  1.1.0  full  rolled_back  1.5 s      -   0 B  "
                              "2.00 MiB     0 B  yes       health?[31m\n"));
  EXPECT_THAT(text, HasSubstr("completed    1.5 s     12     -         -       -  no\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(StatusViewTest, StepsAreATableWithTheTimeOfEach) {
  EXPECT_EQ(format_steps({}), "No updates yet.\n");
  const Time start{std::chrono::seconds(1'800'000'000)};
  const messages::SessionRecord session{"app",
                                        "1.1.0",
                                        {{"checking", start, ""},
                                         {"downloading", start + std::chrono::seconds(15), "the delta"},
                                         {"failed", start + std::chrono::seconds(18), "why\x1b[31m"}}};
  const auto text = format_steps({session});
  EXPECT_THAT(text, HasSubstr("2027-01-15T08:00:00Z  app      1.1.0    checking      15 s\n"));
  EXPECT_THAT(text, HasSubstr("downloading  3.0 s  the delta\n"));
  EXPECT_THAT(text, HasSubstr("failed              why?[31m\n"));
}

}  // namespace
}  // namespace upswarm::command_line
