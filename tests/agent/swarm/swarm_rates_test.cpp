// What rates do to transfers.
#include "tests/agent/swarm/lease_origin.hpp"
#include "tests/agent/swarm/swarm_fixture.hpp"
#include "tests/support/eventually.hpp"

namespace upswarm::agent {
namespace {

using tests::eventually;

constexpr std::size_t kPiece = 64 << 10;
constexpr std::size_t kLength = 39 * kPiece + 12345;
constexpr std::uint64_t kSlow = 16 << 10;  // all of it takes minutes

class SwarmRatesTest : public SwarmTest {
 protected:
  SwarmRatesTest() { origin.set_more({{"upswarm site", "4:home"}}); }

  void open_with(Machine& machine, const tests::TestPackage& package) {
    origin.serve(package);
    open(machine);
    expect_whole(machine, package, fetch(machine, package));
  }
  static Manners with(Traffic traffic, Rates rates) {
    Manners manners;
    of(manners.rates, traffic) = rates;
    return manners;
  }
};

TEST_F(SwarmRatesTest, WhoGivesSlowlyGivesLessThanOneWhoDoesNot) {
  const auto package = tests::make_package(kLength, kPiece, 80);
  Machine slow;
  Machine fast;
  Machine third;
  open_with(fast, package);
  open_with(slow, package);  // by whom nobody was given anything yet
  slow.swarm->behave(with(Traffic::site, {.upload = kSlow}));
  open_without_http(third);
  const auto got = fetch(third, package);
  expect_whole(third, package, got);
  EXPECT_EQ(got->by_source.site, Bytes{kLength});
  EXPECT_LT(slow.swarm->uploaded(), Bytes{kLength / 4});
}

TEST_F(SwarmRatesTest, ARateHoldsForConnectionsThatAreThere) {
  const auto package = tests::make_package(kLength, kPiece, 81);
  for (const auto traffic : {Traffic::site, Traffic::all}) {
    Machine giving;
    Machine taking;
    open_with(giving, package);
    giving.swarm->behave(with(traffic, {.upload = kSlow}));
    open_without_http(taking);
    std::stop_source stop;
    std::atomic<bool> is_done = false;
    Result<Downloaded> got{Error{}};
    std::jthread fetching([&] {
      got = fetch(taking, package, stop.get_token());
      is_done = true;
    });
    EXPECT_TRUE(eventually([&] { return giving.swarm->uploaded() > 0_B; }));
    EXPECT_FALSE(is_done);
    giving.swarm->behave({});
    EXPECT_TRUE(eventually([&] { return is_done.load(); })) << name_of(traffic);
    stop.request_stop();
    fetching.join();
    expect_whole(taking, package, got);
  }
}

/// Passes requests on, and notes what rate they ask for.
class NotingHttp final : public HttpClient {
 public:
  explicit NotingHttp(HttpClient& http) : http_(http) {}
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override {
    if (request.range) {
      const std::lock_guard lock(mutex_);
      lowest_ = std::min(lowest_, request.most_per_second);
      highest_ = std::max(highest_, request.most_per_second);
    }
    return http_.send(request, std::move(stop));
  }
  std::uint64_t lowest() const {
    const std::lock_guard lock(mutex_);
    return lowest_;
  }
  std::uint64_t highest() const {
    const std::lock_guard lock(mutex_);
    return highest_;
  }

 private:
  HttpClient& http_;
  mutable std::mutex mutex_;
  std::uint64_t lowest_ = UINT64_MAX;
  std::uint64_t highest_ = 0;
};

TEST_F(SwarmRatesTest, HttpTakesWhatBitTorrentLeavesOfALimit) {
  constexpr std::uint64_t kLimit = 256 << 10;
  constexpr std::size_t kShorter = 20 * kPiece;
  const auto package = tests::make_package(kShorter, kPiece, 82);
  tests::LeaseOrigin peer(package, "token", kLimit / 2);
  origin.serve(package);
  NotingHttp noting(*http);
  Machine machine;
  auto settings = settings_for(machine);
  settings.http_after = 0ms;  // both at the same time
  of(settings.manners.rates, Traffic::origin).download = kLimit;
  auto opened = open_libtorrent_swarm(settings, noting);
  ASSERT_TRUE(opened);
  machine.swarm = std::move(*opened);
  origin.set_leader(machine.swarm->listen_port(), "token", peer.port());
  const auto got = fetch(machine, package);
  expect_whole(machine, package, got);
  EXPECT_GT(got->by_source.origin_bt, 0_B);
  EXPECT_GT(got->by_source.origin_http, 0_B);
  EXPECT_LE(noting.highest(), kLimit);
  EXPECT_LT(noting.lowest(), kLimit);
  EXPECT_GE(noting.lowest(), kLimit / 8);
}

}  // namespace
}  // namespace upswarm::agent
