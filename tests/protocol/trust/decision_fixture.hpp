// A machine, an index and its filter, for what is decided of them.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "protocol/trust/decision.hpp"

namespace upswarm::trust {

inline constexpr Time kNow{std::chrono::seconds(1'800'000'000)};

/// A machine on 1.0.2 (counter 2) of an index with 1.0.1 to 1.0.4, all rolled out to everybody.
class DecisionTest : public testing::Test {
 protected:
  using Kind = Decision::Kind;

  DecisionTest() {
    index = {.product = "app", .channel = "stable", .platform = "linux-x64", .floor = {1, 0}, .entries = {}};
    for (int n = 1; n <= 4; ++n) index.entries.push_back(make(n, "1.0." + std::to_string(n)));
    facts.machine_id = "machine-1";
    facts.now = kNow;
    be_on(2);
  }

  static Entry make(std::int64_t n, const std::string& version) {
    Entry entry;
    entry.counter = {1, n};
    entry.version = version;
    entry.content = sha256(version);
    entry.salt = "salt-" + version;
    return entry;
  }
  void be_on(std::int64_t n) {
    facts.installed = ReleaseCounter{1, n};
    facts.installed_version = "1.0." + std::to_string(n);
    facts.highest_committed = {1, n};
  }
  Entry& entry(std::int64_t n) { return index.entries.at(static_cast<std::size_t>(n - 1)); }
  RolloutItem& item(std::int64_t n) { return items[n]; }

  /// The filter binds to the entries as they are when the question is asked.
  Rollout rollout() {
    Rollout filter{index.product, index.channel, index.platform, {}};
    for (const auto& one : index.entries) {
      auto& made = items.try_emplace(one.counter.n, RolloutItem{{}, {}, 1000, false, ""}).first->second;
      made.counter = one.counter;
      made.entry = one.digest();
      if (!unlisted.contains(one.counter.n)) filter.items.push_back(made);
    }
    return filter;
  }
  Decision ask() { return decide(index, rollout(), facts); }

  /// "wanted 1.0.4", "current", "held 1.0.4"
  static std::string brief(const Decision& decision) {
    const std::string version = decision.entry ? " " + decision.entry->version : "";
    EXPECT_FALSE(decision.reason.empty());
    switch (decision.kind) {
      case Kind::wanted: return "wanted" + version;
      case Kind::current: EXPECT_FALSE(decision.entry); return "current";
      case Kind::held: EXPECT_TRUE(decision.reason.starts_with("held: ")) << decision.reason; return "held" + version;
    }
    return "";
  }
  std::string answer() { return brief(ask()); }
  void expect_reason(const std::string& part) { EXPECT_NE(ask().reason.find(part), std::string::npos) << ask().reason; }

  Index index;
  MachineFacts facts;
  std::map<std::int64_t, RolloutItem> items{{1, {{}, {}, 1000, false, ""}},
                                            {2, {{}, {}, 1000, false, ""}},
                                            {3, {{}, {}, 1000, false, ""}},
                                            {4, {{}, {}, 1000, false, ""}}};
  std::set<std::int64_t> unlisted;
};

}  // namespace upswarm::trust
