#include "agent/origin_ranges.hpp"

#include <gmock/gmock.h>

#include <set>

#include "tests/support/http_fixture.hpp"

namespace upswarm::agent {
namespace {

using namespace std::chrono_literals;

constexpr Bytes kPiece = 1_MiB;
constexpr Bytes kLength = 9_MiB + 100_B;  // 10 pieces

std::string content() {
  std::string bytes(kLength.count, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i / kPiece.count + 'a');
  return bytes;
}

class FakeKeeper final : public PieceKeeper {
 public:
  std::vector<std::uint32_t> missing() override { return {missing_.begin(), missing_.end()}; }
  Result<void> put(std::uint32_t piece, ByteView bytes, const std::stop_token& /*stop*/) override {
    if (as_text(bytes) != std::string_view(content_).substr(piece * kPiece.count, kPiece.count)) {
      return Error{ErrorKind::corrupt, "check", "wrong"};
    }
    missing_.erase(piece);
    return {};
  }
  std::set<std::uint32_t> missing_{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

 private:
  std::string content_ = content();
};

class OriginRangesTest : public testing::Test {
 protected:
  tests::FixtureReply answer(const tests::FixtureRequest& request) {
    ++requests;
    if (status != 206) return {status, {{"Retry-After", "7"}}};
    const auto header = request.headers.at("range");
    const auto first = std::stoull(header.substr(6));
    const auto last = std::stoull(header.substr(header.find('-') + 1));
    auto body = bytes.substr(first, last - first + 1);
    if (cut) return {206, {}, body.substr(1), body.size()};
    return {206, {}, body};
  }

  std::string bytes = content();
  int status = 206;
  bool cut = false;
  int requests = 0;
  tests::HttpFixture server{[this](const tests::FixtureRequest& request) { return answer(request); }};
  std::unique_ptr<HttpClient> http = make_http_client({});
  FakeKeeper keeper;
  std::stop_source stop;
  OriginRanges ranges{*http, server.url() + "/file", kLength, kPiece, keeper, [] { return Effort::background; }};
};

TEST_F(OriginRangesTest, FetchesSeveralMissingPiecesAtATime) {
  keeper.missing_ = {0, 1, 2, 3, 4, 9};
  while (!keeper.missing_.empty()) ASSERT_TRUE(ranges.step({}));
  EXPECT_LE(requests, 4);
  EXPECT_EQ(ranges.received(), 5_MiB + 100_B);
  EXPECT_TRUE(ranges.step({}));
  EXPECT_LE(requests, 4);
}

TEST_F(OriginRangesTest, WaitsAsLongAsTheOriginAsks) {
  status = 503;
  const auto step = ranges.step({});
  ASSERT_FALSE(step);
  EXPECT_EQ(step.error().kind, ErrorKind::busy);
  EXPECT_EQ(ranges.retry_after(), 7s);
  status = 206;
  EXPECT_TRUE(ranges.step({}));
  EXPECT_EQ(ranges.retry_after(), 0s);
}

TEST_F(OriginRangesTest, BacksOffFromOtherFailures) {
  status = 404;
  EXPECT_EQ(ranges.step({}).error().kind, ErrorKind::not_found);
  const auto first = ranges.retry_after();
  EXPECT_EQ(ranges.step({}).error().kind, ErrorKind::not_found);
  EXPECT_EQ(ranges.retry_after(), 2 * first);
  status = 200;  // a server that ignores ranges and sends something else
  EXPECT_FALSE(ranges.step({}));
}

TEST_F(OriginRangesTest, DoesNotTakeAnAnswerThatIsCutOff) {
  cut = true;
  EXPECT_EQ(ranges.step({}).error().kind, ErrorKind::unreachable);
  EXPECT_EQ(keeper.missing_.size(), 10U);
}

TEST_F(OriginRangesTest, StopsAskingAnOriginThatSendsWrongBytes) {
  bytes.assign(bytes.size(), 'x');
  for (int i = 0; i < OriginRanges::kMostBadPieces; ++i) EXPECT_EQ(ranges.step({}).error().kind, ErrorKind::corrupt);
  EXPECT_TRUE(ranges.is_bad());
  const auto before = requests;
  EXPECT_EQ(ranges.step({}).error().reason, "bad_origin");
  EXPECT_EQ(requests, before);
}

TEST_F(OriginRangesTest, EndsWhenAskedTo) {
  stop.request_stop();
  EXPECT_EQ(ranges.step(stop.get_token()).error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace upswarm::agent
