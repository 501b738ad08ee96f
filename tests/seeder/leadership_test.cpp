#include "seeder/leadership.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace upswarm::seeder {
namespace {

using Loss = Leadership::Loss;
using boost::asio::ip::address_v4;
using std::chrono::seconds;

constexpr std::int64_t kMiB = 1 << 20;

/// A site in which machines announce every two seconds, and a clock that is turned by hand.
class SiteOf {
 public:
  struct Member {
    Leadership::Asker asker;
    Leadership::Progress progress;
    bool is_away = false;
  };

  explicit SiteOf(std::size_t count, std::int64_t size = 1000 * kMiB) {
    for (std::size_t i = 0; i < count; ++i) add(size);
  }

  std::size_t add(std::int64_t left) {
    const auto id = members.size() + 1;
    members.push_back({{id, address_v4(0x0A000000U + static_cast<unsigned>(id)), left, left > 0, true}, {}, false});
    return members.size() - 1;
  }

  /// What the tracker does with an announce.
  void announce(std::size_t i) {
    auto& [asker, progress, is_away] = members[i];
    asker.wants = asker.wants && asker.left > 0;
    Leadership::Site site{.seeds = 0, .able = 0, .interval = interval, .is_helped = is_helped};
    for (const auto& one : members) {
      site.seeds += !one.is_away && one.asker.left == 0 ? 1 : 0;
      site.able += one.asker.wants && one.asker.may_lead ? 1 : 0;
    }
    leadership.note(asker, progress, now);
    if (leadership.leader() != 0) {
      if (const auto loss = leadership.judge(asker, site, standing, now)) {
        losses.push_back(*loss);
        leadership.end(*loss, now);
      }
    }
    if (leadership.leader() == 0 && leadership.should_lead(asker, site, now)) {
      leadership.begin(asker, site, now);
      leaders.push_back(i);
      standing = {.is_live = true, .sent = {}, .cut_at = {}};
    }
  }

  /// Second by second: `each` says what came, then half of the machines announce.
  void run(
      int count, const std::function<void()>& each = [] {}) {
    for (int n = 0; n < count; ++n) {
      each();
      for (std::size_t i = 0; i < members.size(); ++i) {
        if (!members[i].is_away && (now.time_since_epoch().count() + static_cast<std::int64_t>(i)) % 2 == 0)
          announce(i);
      }
      now += seconds(1);
    }
  }

  bool has_leader() const { return leadership.leader() != 0; }
  std::size_t leader() const { return leadership.leader() - 1; }
  /// The origin sends `bytes` to the leader, and its neighbours get `share` of that.
  void send(std::int64_t bytes, std::int64_t share) {
    if (!has_leader()) return;
    standing.sent += Bytes{static_cast<std::uint64_t>(bytes)};
    for (std::size_t i = 0; i < members.size(); ++i) gain(i, i == leader() ? bytes : share);
  }
  void gain(std::size_t i, std::int64_t bytes) {
    auto& left = members[i].asker.left;
    left = std::max<std::int64_t>(left - bytes, 0);
  }

  Time now{seconds(1'800'000'000)};
  seconds interval{2};
  bool is_helped = false;
  Leadership leadership{64_KiB, now};
  Leases::Standing standing;
  std::vector<Member> members;
  std::vector<std::size_t> leaders;  ///< one after the other
  std::vector<Loss> losses;
};

TEST(Leadership, TheFirstThatAsksLeadsUntilItHasThePackage) {
  SiteOf site(8, 40 * kMiB);
  site.run(30, [&] { site.send(2 * kMiB, 2 * kMiB - 1000); });
  EXPECT_EQ(site.leaders, std::vector<std::size_t>{0});
  ASSERT_EQ(site.losses.size(), 1U);
  EXPECT_EQ(site.losses.front(), Loss::done);
  EXPECT_FALSE(site.has_leader());
}

TEST(Leadership, OnlyWhoLacksSomethingWantsPeersAndMayLead) {
  SiteOf site(3);
  site.members[0].asker.may_lead = false;
  site.members[1].asker.wants = false;
  site.run(2);
  EXPECT_EQ(site.leaders, std::vector<std::size_t>{2});
  site.members[2].asker.may_lead = false;
  site.run(2);
  EXPECT_FALSE(site.has_leader());
}

TEST(Leadership, NobodyLeadsWhereSomebodyHasIt) {
  SiteOf site(4);
  const auto seed = site.add(0);
  site.run(60, [&] {
    for (std::size_t i = 0; i < 4; ++i) site.gain(i, kMiB);
  });
  EXPECT_TRUE(site.leaders.empty());
  site.members[seed].is_away = true;  // forgotten
  site.run(2);
  EXPECT_TRUE(site.has_leader());
}

TEST(Leadership, ALeaderGoesWhenSomebodyComesThatHasIt) {
  SiteOf site(4);
  site.run(4, [&] { site.send(kMiB, kMiB); });
  site.add(0);
  site.run(2);
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::seeded});
  EXPECT_FALSE(site.has_leader());
}

TEST(Leadership, ADeadLeaderIsReplacedInSeconds) {
  SiteOf site(4);
  site.run(10, [&] { site.send(2 * kMiB, 2 * kMiB); });
  ASSERT_EQ(site.leader(), 0U);
  site.members[0].is_away = true;  // no word, and nothing flows
  site.run(7);
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::idle});
  EXPECT_EQ(site.leaders.size(), 2U);
  EXPECT_NE(site.leader(), 0U);
}

TEST(Leadership, ALeaderWhoseLeaseRanOutIsReplacedAtOnce) {
  SiteOf site(4);
  site.run(2);
  site.standing.is_live = false;
  site.members[0].is_away = true;
  site.run(2);
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::silent});
  EXPECT_TRUE(site.has_leader());
}

TEST(Leadership, ABrokenConnectionIsNoticedByOthersAlone) {
  SiteOf site(2);
  site.announce(0);
  site.standing.cut_at = site.now;
  site.announce(0);
  EXPECT_TRUE(site.losses.empty()) << "it is there, and connects again";
  site.announce(1);
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::broken});
  EXPECT_EQ(site.leader(), 1U);
}

TEST(Leadership, WhoHangsUpWithThePackageIsHeardFirst) {
  SiteOf site(2, 40 * kMiB);
  site.announce(0);
  site.announce(1);
  site.standing.sent = Bytes{38 * kMiB};
  site.standing.cut_at = site.now;
  site.now += seconds(2);
  site.announce(1);
  EXPECT_TRUE(site.losses.empty()) << "its announce may be on the way";
  site.now += seconds(1);
  site.announce(1);
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::broken});
}

TEST(Leadership, ALeaderThatDripsIsReplaced) {
  SiteOf site(4);
  site.run(20, [&] {
    const std::int64_t rate = site.has_leader() && site.leader() == 0 ? 20'000 : 2 * kMiB;
    site.send(rate, rate);
  });
  ASSERT_FALSE(site.losses.empty());
  EXPECT_EQ(site.losses.front(), Loss::idle);
  EXPECT_EQ(site.leaders.size(), 2U);
}

TEST(Leadership, ALeaderThatKeepsWhatItGetsIsReplaced) {
  SiteOf site(4);
  site.run(25, [&] {
    const bool keeps = site.has_leader() && site.leader() == 0;
    site.send(2 * kMiB, keeps ? 100'000 : 2 * kMiB);
  });
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::keeps});
  EXPECT_EQ(site.leaders.size(), 2U);
}

TEST(Leadership, ALeaderThatTurnsBadLateIsReplaced) {
  SiteOf site(4);
  site.run(60, [&] { site.send(2 * kMiB, 2 * kMiB); });
  EXPECT_TRUE(site.losses.empty());
  site.run(25, [&] {
    const bool keeps = site.has_leader() && site.leader() == 0;
    site.send(2 * kMiB, keeps ? 0 : 2 * kMiB);
  });
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::keeps});
}

TEST(Leadership, AFollowerAtTheLeadersAddressIsNoWitness) {
  SiteOf site(3);
  site.members[1].asker.address = site.members[0].asker.address;  // its accomplice
  site.run(25, [&] {
    const bool keeps = site.has_leader() && site.leader() == 0;
    site.send(2 * kMiB, keeps ? 0 : 2 * kMiB);
    if (keeps) site.gain(1, 2 * kMiB);
  });
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::keeps});
  EXPECT_EQ(site.leader(), 2U);
}

TEST(Leadership, FollowersThatLackLittleDoNotCondemnTheLeader) {
  SiteOf site(3);
  site.members[1].asker.left = site.members[2].asker.left = kMiB;
  site.run(30, [&] { site.send(2 * kMiB, 100'000); });
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::seeded});
}

TEST(Leadership, AloneNobodyIsJudged) {
  SiteOf site(1);
  site.run(120);
  EXPECT_TRUE(site.losses.empty());
  site.add(1000 * kMiB);
  site.run(2);
  EXPECT_TRUE(site.losses.empty()) << "patience begins with the second";
  site.run(6);
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::idle});
}

TEST(Leadership, AWholeCopyThatHelpsNobodyCountsForNothing) {
  SiteOf site(4, 20 * kMiB);
  // The leader gets all of it, gives nothing, and says that it has it.
  site.run(6, [&] {
    if (site.has_leader() && site.leader() == 0) site.gain(0, 10 * kMiB);
  });
  EXPECT_EQ(site.losses.front(), Loss::done);
  EXPECT_FALSE(site.has_leader());
  site.run(9, [&] { site.send(2 * kMiB, 2 * kMiB); });
  ASSERT_EQ(site.leaders.size(), 2U);
  site.run(20, [&] { site.send(2 * kMiB, 2 * kMiB); });
  EXPECT_EQ(site.leaders.size(), 2U) << "it leads to the end in spite of the copy";
}

TEST(Leadership, WhoLostALeaseComesLast) {
  SiteOf site(3);
  site.announce(0);
  site.announce(1);
  site.now += seconds(6);
  site.announce(0);
  EXPECT_EQ(site.losses, std::vector<Loss>{Loss::idle});
  EXPECT_FALSE(site.has_leader()) << "the others have not asked yet";
  site.announce(2);
  EXPECT_EQ(site.leader(), 2U);
}

TEST(Leadership, WhoLostALeaseLeadsAgainWhereNobodyElseDoes) {
  SiteOf site(2);
  site.announce(0);
  site.announce(1);
  site.now += seconds(6);
  site.announce(0);
  ASSERT_FALSE(site.has_leader());
  site.now += seconds(5);
  site.announce(0);
  EXPECT_EQ(site.leader(), 0U);
}

TEST(Leadership, ASlowLinkIsNoBadLeader) {
  SiteOf site(8);
  site.run(1200, [&] { site.send(6'000, 6'000); });
  EXPECT_LE(site.losses.size(), 6U);
  const auto before = site.losses.size();
  site.run(1200, [&] { site.send(6'000, 6'000); });
  EXPECT_EQ(site.losses.size(), before) << "no endless rotation";
}

TEST(Leadership, PatienceBeginsAnewWithABetterLeader) {
  SiteOf site(8);
  site.run(60);
  EXPECT_GT(site.leadership.patience(), Leadership::kPatience);
  site.run(3, [&] { site.send(20 * kMiB, 20 * kMiB); });
  const auto good = site.leader();
  site.members[good].is_away = true;
  site.run(200);
  EXPECT_NE(site.leader(), good);
  EXPECT_LE(site.leadership.patience(), Leadership::kMostPatience);
}

TEST(Leadership, WhatOtherSitesGaveToTheLeaderCountsWhereTheyHelp) {
  SiteOf site(4);
  site.is_helped = true;
  site.run(30, [&] {
    if (!site.has_leader()) return;
    for (std::size_t i = 0; i < site.members.size(); ++i) site.gain(i, 2 * kMiB);
  });
  EXPECT_TRUE(site.losses.empty());
}

TEST(Leadership, LargeSitesAreJudgedBySlowerAnnounces) {
  constexpr std::size_t kCount = 5000;
  SiteOf site(0);
  site.interval = seconds(20);
  for (std::size_t i = 0; i < kCount; ++i) site.add(1000 * kMiB);
  // Each machine speaks every 20 seconds; counting seeds in `announce` is the test's own cost, so only some do.
  std::size_t next = 0;
  const auto pass = [&](int count, bool keeps) {
    for (int n = 0; n < count; ++n) {
      const bool does_keep = keeps && site.has_leader() && site.leader() == 0;
      site.send(4 * kMiB, does_keep ? 0 : 4 * kMiB);
      for (int k = 0; k < 20; ++k) site.announce(next++ % 400);
      if (site.has_leader()) site.announce(site.leader());
      site.now += seconds(1);
    }
  };
  pass(100, false);
  EXPECT_EQ(site.leaders, std::vector<std::size_t>{0});
  EXPECT_TRUE(site.losses.empty());
  pass(100, true);
  ASSERT_FALSE(site.losses.empty());
  EXPECT_EQ(site.losses.front(), Loss::keeps);
  EXPECT_EQ(site.losses.size(), 1U);
}

}  // namespace
}  // namespace upswarm::seeder
