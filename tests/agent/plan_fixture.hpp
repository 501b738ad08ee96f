// A machine and its releases, for tests of plans.
#pragma once

#include <gtest/gtest.h>

#include "agent/plan.hpp"
#include "tests/agent/fakes.hpp"

namespace upswarm::agent {

/// 1.0.0 is installed, 1.3.0 wanted; each full package has 1,000 bytes.
class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    facts_.installed_version = one_.version;
    facts_.installed = one_.content;
  }

  Plan plan() {
    facts_.wanted = wanted_;
    facts_.releases = {one_, two_, three_, wanted_};
    return make_plan(facts_);
  }
  WayKind chosen() {
    const auto made = plan();
    EXPECT_NE(made.chosen(), nullptr);
    return made.chosen() == nullptr ? WayKind::full : made.chosen()->kind;
  }
  Way way(WayKind kind) {
    const auto made = plan();
    for (const auto& one : made.ways) {
      if (one.kind == kind) return one;
    }
    return {};
  }
  /// 1.0.0 -> 1.1.0 -> 1.2.0 -> 1.3.0, 10 bytes each.
  void add_chain() {
    tests::add_delta(two_, one_, 10_B);
    tests::add_delta(three_, two_, 10_B);
    tests::add_delta(wanted_, three_, 10_B);
  }
  void put_aside(const trust::DeltaFile& delta) {
    facts_.quarantine.push_back({delta.file.sha256, delta.from_content, "1.3.0", "wrong bytes came out", {}});
  }

  trust::Entry one_ = tests::make_entry("1.0.0", 1);
  trust::Entry two_ = tests::make_entry("1.1.0", 2);
  trust::Entry three_ = tests::make_entry("1.2.0", 3);
  trust::Entry wanted_ = tests::make_entry("1.3.0", 4);
  PlanFacts facts_;
};

}  // namespace upswarm::agent
