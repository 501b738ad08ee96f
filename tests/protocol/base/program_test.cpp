#include "protocol/base/program.hpp"

#include <gtest/gtest.h>

namespace upswarm {
namespace {

constexpr ErrorKind kKinds[] = {ErrorKind::unreachable, ErrorKind::not_found, ErrorKind::invalid, ErrorKind::corrupt,
                                ErrorKind::untrusted,   ErrorKind::no_space,  ErrorKind::disk,    ErrorKind::denied,
                                ErrorKind::busy,        ErrorKind::cancelled, ErrorKind::internal};

TEST(ErrorJson, ComesBackAsItWas) {
  for (const auto kind : kKinds) {
    const auto back = read_error(to_json({kind, "doing \"this\"", "because\nof that", "stable_word"}));
    EXPECT_EQ(back.kind, kind);
    EXPECT_EQ(back.context, "doing \"this\"");
    EXPECT_EQ(back.cause, "because\nof that");
    EXPECT_EQ(back.reason, "stable_word");
  }
}

TEST(ErrorJson, OfAnotherFormIsADefectOfTheOtherSide) {
  const Json good = to_json({ErrorKind::disk, "a", "b", "c"});
  std::vector<Json> bad{Json(), Json("text"), Json::array(), Json::object()};
  for (const char* key : {"kind", "context", "cause", "reason"}) {
    bad.push_back(good);
    bad.back().erase(key);
    bad.push_back(good);
    bad.back()[key] = 1;
  }
  bad.push_back(good);
  bad.back()["kind"] = "no_such_kind";
  bad.push_back(good);
  bad.back()["more"] = "x";
  for (const auto& json : bad) {
    const auto error = read_error(json);
    EXPECT_EQ(error.kind, ErrorKind::internal) << json;
    EXPECT_EQ(error.cause, "it has an unknown form") << json;
  }
}

TEST(ReportError, ForPeopleGoesToStandardError) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(report_error({ErrorKind::disk, "write a", "no luck"}, false), 1);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "error: write a: no luck\n");
}

TEST(ReportError, ForMachinesGoesToStandardOutput) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(report_error({ErrorKind::untrusted, "check \xff", "bad", "rollback"}, true), 3);
  const auto json = parse_json(testing::internal::GetCapturedStdout(), "the output");
  ASSERT_TRUE(json) << "JSON also when the words are no UTF-8";
  EXPECT_EQ(read_error((*json)["error"]).reason, "rollback");
}

TEST(ReportError, ExitCodesFollowTheKind) {
  testing::internal::CaptureStderr();
  for (const auto kind : kKinds) {
    const int wanted = kind == ErrorKind::untrusted ? 3 : kind == ErrorKind::invalid ? 2 : 1;
    EXPECT_EQ(report_error({kind, "a", "b"}, false), wanted) << to_string(kind);
  }
  testing::internal::GetCapturedStderr();
}

TEST(ProgressLine, IsSilentWhereThereIsNoTerminal) {
  testing::internal::CaptureStderr();
  {
    ProgressLine line(false);
    line.show({"packing", 1_MiB, 2_MiB});
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace upswarm
