#include "installer/closing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace upswarm::installer {
namespace {

using std::chrono::seconds;

/// One process; what it does when it is asked to end is up to the test.
struct Process {
  std::string name;
  bool obeys = true;
  bool can_be_ended = true;
  bool runs = true;
};

class FakeProgram final : public RunningProgram {
 public:
  FakeProgram(Process& process, std::vector<std::string>& calls) : process_(process), calls_(calls) {}
  std::string name() const override { return process_.name; }
  Result<void> signal(How how) override {
    calls_.push_back((how == How::ask ? "ask " : "end ") + process_.name);
    if (how == How::ask ? process_.obeys : process_.can_be_ended) process_.runs = false;
    return {};
  }
  bool has_ended() override { return !process_.runs; }

 private:
  Process& process_;
  std::vector<std::string>& calls_;
};

class FakeTable final : public ProcessTable {
 public:
  Result<RunningPrograms> look(const ReleasePlace& /*release*/, const std::string& spared) override {
    EXPECT_EQ(spared, "agent");
    ++looks;
    if (failure) return *failure;
    RunningPrograms found;
    for (auto& one : processes) {
      if (one.runs) found.push_back(std::make_unique<FakeProgram>(one, calls));
    }
    return found;
  }
  void await(const RunningPrograms& /*programs*/, std::chrono::milliseconds most,
             const std::stop_token& /*stop*/) override {
    calls.push_back("wait " + std::to_string(most.count()));
    if (on_wait) on_wait();
  }

  std::vector<Process> processes;
  std::optional<Error> failure;
  std::function<void()> on_wait;
  std::vector<std::string> calls;
  int looks = 0;
};

class ClosingTest : public testing::Test {
 protected:
  Result<void> close(Running running, const std::stop_token& stop = {}) {
    return close_programs(table, {"/r", "/r"}, {.running = running, .wait = seconds(7)}, "agent", stop);
  }
  FakeTable table;
};

using Calls = std::vector<std::string>;

TEST_F(ClosingTest, LeavingDoesNotEvenLook) {
  table.processes = {{"app"}};
  EXPECT_TRUE(close(Running::leave));
  EXPECT_EQ(table.looks, 0);
}

TEST_F(ClosingTest, NothingThatRunsCostsNoWait) {
  EXPECT_TRUE(close(Running::end));
  EXPECT_EQ(table.calls, Calls{});
}

TEST_F(ClosingTest, WhatEndsWhenAskedIsNotEnded) {
  table.processes = {{"one"}, {"two"}};
  EXPECT_TRUE(close(Running::end));
  EXPECT_EQ(table.calls, (Calls{"ask one", "ask two", "wait 7000"}));
}

TEST_F(ClosingTest, AskedOnceWhatStaysIsNamed) {
  table.processes = {{"deaf", false}, {"good"}};
  const auto closed = close(Running::ask);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, ErrorKind::busy);
  EXPECT_EQ(closed.error().cause, "still running: deaf");
  EXPECT_EQ(table.calls, (Calls{"ask deaf", "ask good", "wait 7000"})) << "and is not ended";
}

TEST_F(ClosingTest, WhatDoesNotListenIsEnded) {
  table.processes = {{"deaf", false}};
  EXPECT_TRUE(close(Running::end));
  EXPECT_EQ(table.calls, (Calls{"ask deaf", "wait 7000", "end deaf", "wait 5000"}));
}

TEST_F(ClosingTest, WhatCannotBeEndedIsNotTriedForEver) {
  table.processes = {{"1", false, false}, {"2", false, false}, {"3", false, false}, {"4", false, false}};
  const auto closed = close(Running::end);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().cause, "still running: 1, 2, 3 and 1 more");
  EXPECT_EQ(std::ranges::count(table.calls, "end 1"), kMostEndings);
}

TEST_F(ClosingTest, WhatWasStartedMeanwhileIsEndedToo) {
  table.processes = {{"deaf", false}};
  table.on_wait = [&] {
    if (table.processes.size() == 1) table.processes.push_back({"late", false});
  };
  EXPECT_TRUE(close(Running::end));
  EXPECT_EQ(table.calls, (Calls{"ask deaf", "wait 7000", "end deaf", "end late", "wait 5000"}));
}

TEST_F(ClosingTest, AStopEndsTheWaitAndNobody) {
  table.processes = {{"deaf", false}};
  std::stop_source stop;
  table.on_wait = [&] { stop.request_stop(); };
  const auto closed = close(Running::end, stop.get_token());
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, ErrorKind::cancelled);
  EXPECT_EQ(table.calls, (Calls{"ask deaf", "wait 7000"}));
}

TEST_F(ClosingTest, WhatCannotBeToldIsAnError) {
  table.failure = Error{ErrorKind::denied, "look", "words"};
  EXPECT_EQ(close(Running::ask).error().kind, ErrorKind::denied);
}

}  // namespace
}  // namespace upswarm::installer
