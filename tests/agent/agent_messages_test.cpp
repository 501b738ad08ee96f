#include "protocol/messages/agent_messages.hpp"

#include <gtest/gtest.h>

#include "tests/agent/fakes.hpp"

namespace upswarm::messages {
namespace {

const Time kNow{std::chrono::seconds(1'800'000'000)};

AgentStatus make_status() {
  AgentStatus status;
  status.program_version = "0.1.0";
  status.machine_id = "machine-1";
  status.seeder_url = "http://seeder.test";
  status.state = "failing";
  status.cycles_ended = 3;
  status.last_result = "failed";
  status.last_poll = kNow;
  status.next_poll = kNow + std::chrono::minutes(15);
  status.last_error = TroubleStatus{"untrusted", "timestamp: it expired", "wait", kNow};
  status.metadata_expires = kNow + std::chrono::hours(1);
  status.expires_role = "timestamp";
  status.seeding = 2;
  status.uploaded = 5_MiB;
  status.reports_waiting = 1;
  status.machine_key = std::string(64, 'a');
  status.enrolled = true;
  status.enrolment = "why";
  ProductStatus product;
  product.product = "app";
  product.channel = "stable";
  product.platform = "linux-x64";
  product.installed = "1.0.0";
  product.wanted = "1.1.0";
  product.phase = "downloading";
  product.detail = "delta";
  product.done = 10_B;
  product.total = 20_B;
  product.bytes = {1_B, 2_B, 6_B, 3_B, 4_B, 5_B};
  product.bytes_per_second = 9;
  product.peers = 4;
  product.time_left = std::chrono::milliseconds(1500);
  product.deferred_until = kNow;
  product.skipped = "1.0.9";
  product.damage = "1 file is altered";
  product.is_best_effort = true;
  status.products.push_back(product);
  return status;
}

TEST(AgentMessagesTest, StatusComesThroughAsItWas) {
  const auto json = to_json(make_status());
  const auto read = parse_agent_status(*parse_json(json.dump(), "status"));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read), json);
  EXPECT_EQ(read->products[0].bytes, (SourceBytes{1_B, 2_B, 6_B, 3_B, 4_B, 5_B}));
  EXPECT_EQ(read->products[0].time_left, std::chrono::milliseconds(1500));
  EXPECT_EQ(read->last_error->advice, "wait");
  EXPECT_EQ(read->products[0].damage, "1 file is altered");
  EXPECT_TRUE(read->products[0].is_best_effort);
}

TEST(AgentMessagesTest, AnEmptyStatusComesThrough) {
  const auto read = parse_agent_status(to_json(AgentStatus{}));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_FALSE(read->last_poll);
  EXPECT_FALSE(read->last_error);
}

TEST(AgentMessagesTest, HistoryComesThrough) {
  const std::vector<HistoryItem> items{
      {tests::make_outcome(2, "1.1.0", "rolled_back"), {1_B, 2_B, {}, 3_B, 4_B, 5_B}, true}};
  const auto read = parse_history(history_to_json(items));
  ASSERT_TRUE(read) << read.error().message();
  ASSERT_EQ(read->size(), 1U);
  EXPECT_EQ(history_to_json(*read), history_to_json(items));
}

TEST(AgentMessagesTest, StrangeStatusesAreRefused) {
  const auto good = to_json(make_status());
  auto bad = good;
  bad["products"][0]["peers"] = -1;
  EXPECT_FALSE(parse_agent_status(bad));
  bad = good;
  bad["surprise"] = 1;
  EXPECT_TRUE(parse_agent_status(bad)) << "an agent that is newer than the command line";
  bad = good;
  bad.erase("state");
  EXPECT_EQ(parse_agent_status(bad).error().kind, ErrorKind::corrupt);
}

TEST(ReportTest, ComesThroughAndStaysShort) {
  Report report{"machine-1", tests::make_outcome(1, "1.1.0", "failed"), {1_B, 2_B, 6_B, 3_B, 4_B, 5_B}};
  report.outcome.reason = std::string(kLongestReportedReason - 1, 'x') + "\xc3\xa4";
  const auto json = to_json(report);
  EXPECT_LT(json.dump().size(), kLongestReport.count);
  const auto read = parse_report(json);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->machine, "machine-1");
  EXPECT_EQ(read->bytes, report.bytes);
  EXPECT_EQ(read->outcome.reason, std::string(kLongestReportedReason - 1, 'x')) << "cut between characters";
}

TEST(ReportTest, StrangeReportsAreRefused) {
  auto json = to_json(Report{"machine-1", tests::make_outcome(1, "1.1.0", "failed"), {}});
  json["bytes"]["disk"] = -1;
  EXPECT_FALSE(parse_report(json));
  json.erase("bytes");
  EXPECT_FALSE(parse_report(json));
}

}  // namespace
}  // namespace upswarm::messages
