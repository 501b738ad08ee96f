#include "agent/torrent_setup_libtorrent.hpp"

#include <gtest/gtest.h>

#include <climits>
#include <libtorrent/address.hpp>
#include <libtorrent/settings_pack.hpp>

namespace upswarm::agent {
namespace {

class TorrentSetupTest : public testing::Test {
 protected:
  static SwarmSettings settings() {
    SwarmSettings settings;
    settings.listen_address = "127.0.0.1";
    settings.listen_port = 0;
    return settings;
  }
  Rates of_class(lt::peer_class_t kind) {
    const auto info = session.get_peer_class(kind);
    return {static_cast<std::uint64_t>(info.upload_limit), static_cast<std::uint64_t>(info.download_limit)};
  }
  Rates of_all() {
    const auto pack = session.get_settings();
    return {static_cast<std::uint64_t>(pack.get_int(lt::settings_pack::upload_rate_limit)),
            static_cast<std::uint64_t>(pack.get_int(lt::settings_pack::download_rate_limit))};
  }

  lt::session session{make_session_params(settings())};
  PeerClasses classes = make_peer_classes(session);
};

TEST_F(TorrentSetupTest, EachKindOfPeersHasItsOwnRates) {
  Manners manners;
  of(manners.rates, Traffic::all) = {1'000, 2'000};
  of(manners.rates, Traffic::site) = {3'000, 4'000};
  of(manners.rates, Traffic::other) = {5'000, 6'000};
  of(manners.rates, Traffic::origin) = {7'000, 8'000};
  apply_manners(session, classes, manners);
  EXPECT_EQ(of_all(), (Rates{1'000, 2'000}));
  EXPECT_EQ(of_class(classes.site), (Rates{3'000, 4'000}));
  EXPECT_EQ(of_class(classes.other), (Rates{5'000, 6'000}));
  EXPECT_EQ(of_class(classes.origin), (Rates{7'000, 8'000}));
  apply_manners(session, classes, {});
  EXPECT_EQ(of_all(), Rates{});
  EXPECT_EQ(of_class(classes.origin), Rates{});
}

TEST_F(TorrentSetupTest, ARateThatTheLibraryCannotSayIsItsHighest) {
  Manners manners;
  of(manners.rates, Traffic::site) = {std::uint64_t{1} << 40U, 1'000};
  apply_manners(session, classes, manners);
  EXPECT_EQ(of_class(classes.site), (Rates{INT_MAX, 1'000}));
}

TEST_F(TorrentSetupTest, WhoIsOfWhichKindIsSaidByAddress) {
  const auto filter = make_class_filter(
      {{.site = {*parse_network("10.1.0.0/16")}, .other = {*parse_network("10.0.0.0/8")}}, {"10.1.2.3", "192.0.2.1"}},
      classes);
  const auto kind_of = [&](const char* address) {
    const auto bits = filter.access(lt::make_address(address));
    for (const auto one : {classes.site, classes.other, classes.origin}) {
      if (((bits >> static_cast<std::uint32_t>(one)) & 1U) != 0) return one;
    }
    return lt::session::global_peer_class_id;
  };
  EXPECT_EQ(kind_of("10.1.2.4"), classes.site);
  EXPECT_EQ(kind_of("10.2.2.4"), classes.other);
  EXPECT_EQ(kind_of("10.1.2.3"), classes.origin) << "within the site";
  EXPECT_EQ(kind_of("192.0.2.1"), classes.origin);
}

}  // namespace
}  // namespace upswarm::agent
