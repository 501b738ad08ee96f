#include "protocol/messages/report.hpp"

#include <gtest/gtest.h>

namespace upswarm::messages {
namespace {

TEST(ReportAnswerTest, ComesThroughAsItWas) {
  const auto read = parse_report_answer(to_json(ReportAnswer{true, false, "unknown_machine"}));
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->stored);
  EXPECT_FALSE(read->trusted);
  EXPECT_EQ(read->reason, "unknown_machine");
}

TEST(ReportAnswerTest, AnOlderSeederTrustsNothing) {
  const auto read = parse_report_answer(Json{{"stored", true}});
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->trusted);
  EXPECT_EQ(read->reason, "");
}

TEST(ReportAnswerTest, ANewerSeederMaySayMore) {
  const auto read = parse_report_answer(Json{{"stored", true}, {"trusted", true}, {"reason", ""}, {"more", 1}});
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->trusted);
}

TEST(ReportAnswerTest, RefusesWhatIsNone) {
  EXPECT_FALSE(parse_report_answer(Json::object()));
  EXPECT_FALSE(parse_report_answer(Json{{"stored", 1}}));
  EXPECT_FALSE(parse_report_answer(Json{{"stored", true}, {"reason", std::string(65, 'x')}}));
}

}  // namespace
}  // namespace upswarm::messages
