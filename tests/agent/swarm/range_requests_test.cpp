#include "agent/range_requests.hpp"

#include <gmock/gmock.h>

#include "tests/support/http_fixture.hpp"

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A file of ten bytes, of which four are asked for.
class RangeRequestsTest : public testing::Test {
 protected:
  Result<std::string> fetch(HttpRange range = {3_B, 4_B}) { return requests.fetch(range, {}); }
  void expect_refused(ErrorKind kind, const std::string& why) {
    const auto got = fetch();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().kind, kind);
    EXPECT_THAT(got.error().message(), HasSubstr(why));
  }

  tests::FixtureReply reply{206, {{"Content-Range", "bytes 3-6/10"}}, "defg"};
  std::string asked;
  std::string priority;
  tests::HttpFixture server{[this](const tests::FixtureRequest& request) {
    asked = request.headers.at("range");
    priority = request.headers.contains("priority") ? request.headers.at("priority") : "";
    return reply;
  }};
  std::unique_ptr<HttpClient> http = make_http_client({});
  RangeRequests requests{*http, server.url() + "/file", 10_B, [] { return Effort::foreground; }};
};

TEST_F(RangeRequestsTest, GiveTheBytesThatWereAskedFor) {
  EXPECT_EQ(*fetch(), "defg");
  EXPECT_EQ(asked, "bytes=3-6");
  EXPECT_EQ(requests.received(), 4_B);
  EXPECT_EQ(requests.retry_after(0), 0ms);
}

TEST_F(RangeRequestsTest, SayWhenNobodyWaits) {
  EXPECT_TRUE(fetch());
  EXPECT_EQ(priority, "");
  RangeRequests background{*http, server.url() + "/file", 10_B, [] { return Effort::background; }};
  EXPECT_TRUE(background.fetch({3_B, 4_B}, {}));
  EXPECT_EQ(priority, "u=7");
}

TEST_F(RangeRequestsTest, RefuseAnotherRange) {
  reply.headers = {{"Content-Range", "bytes 4-7/10"}};
  expect_refused(ErrorKind::corrupt, "another range than bytes 3-6/10");
  reply.headers = {{"Content-Range", "bytes 3-6/11"}};
  expect_refused(ErrorKind::corrupt, "another range");
}

TEST_F(RangeRequestsTest, RefuseTheWholeFileButWhereItIsTheRange) {
  reply = {200, {}, "abcdefghij"};
  expect_refused(ErrorKind::corrupt, "more than the range");
  reply.body = "abcd";
  expect_refused(ErrorKind::corrupt, "HTTP status 200 where a range was asked for");
  reply.body = "abcdefghij";
  EXPECT_EQ(*fetch({0_B, 10_B}), "abcdefghij");
}

TEST_F(RangeRequestsTest, CutOffAnAnswerThatDoesNotEnd) {
  reply.body = std::string(1 << 20, 'x');
  expect_refused(ErrorKind::corrupt, "more than the range");
  EXPECT_LE(requests.received(), 4_B);
}

TEST_F(RangeRequestsTest, DoNotTakeLessThanTheRange) {
  reply.body = "def";
  expect_refused(ErrorKind::unreachable, "cut off");
  reply.promised = 4;
  expect_refused(ErrorKind::unreachable, "");
}

/// Keeps what it was asked.
class RecordingClient final : public HttpClient {
 public:
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token /*stop*/) override {
    asked = request;
    return HttpResponse{404, {}, ""};
  }
  HttpRequest asked;
};

TEST_F(RangeRequestsTest, AskForNoMoreThanTheRangeAndNoFasterThanTheLimit) {
  RecordingClient client;
  RangeRequests limited(
      client, "http://seeder.test/file", 10_B, [] { return Effort::foreground; }, [] { return 123'456U; });
  ignore_failure(limited.fetch({3_B, 4_B}, {}), "it records");
  EXPECT_EQ(client.asked.longest, 4_B);
  EXPECT_EQ(client.asked.most_per_second, 123'456U);
}

TEST_F(RangeRequestsTest, WaitForWhatTheRateWantsAlsoWhereTheClientDoesNot) {
  /// As curl with what it takes for little.
  class Sudden final : public HttpClient {
    Result<HttpResponse> send(const HttpRequest& request, std::stop_token /*stop*/) override {
      UPSWARM_CHECK(request.sink(as_bytes(std::string_view("abcdefghij"))));
      return HttpResponse{200, {}, ""};
    }
  } client;
  std::uint64_t rate = 0;
  RangeRequests limited(
      client, "http://seeder.test/file", 10_B, [] { return Effort::foreground; }, [&] { return rate; });
  ASSERT_TRUE(limited.fetch({0_B, 10_B}, {}));
  EXPECT_EQ(limited.due_in(), 0ms);
  rate = 1;
  ASSERT_TRUE(limited.fetch({0_B, 10_B}, {}));
  EXPECT_GT(limited.due_in(), 5s);
  EXPECT_LE(limited.due_in(), 10s);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(limited.fetch({0_B, 10_B}, stop.get_token()).error().kind, ErrorKind::cancelled);
}

TEST_F(RangeRequestsTest, SayWhatTheOriginSaid) {
  for (const auto& [status, kind] : std::vector<std::pair<int, ErrorKind>>{{404, ErrorKind::not_found},
                                                                           {500, ErrorKind::unreachable},
                                                                           {403, ErrorKind::corrupt},
                                                                           {416, ErrorKind::corrupt}}) {
    reply = {status};
    expect_refused(kind, "HTTP status " + std::to_string(status));
  }
  EXPECT_EQ(requests.retry_after(1), 500ms);
  EXPECT_EQ(requests.retry_after(2), 1s);
  EXPECT_EQ(requests.retry_after(100), 30s);
  reply = {503, {{"Retry-After", "7"}}};
  expect_refused(ErrorKind::busy, "later");
  EXPECT_EQ(requests.retry_after(1), 7s);
}

}  // namespace
}  // namespace upswarm::agent
