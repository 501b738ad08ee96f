// The history of a machine is the installer's own: the agent says how far it has it, and takes nothing away.
#include "tests/installer/service_fixture.hpp"

namespace upswarm::installer {
namespace {

constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

class ServiceOutcomesTest : public ServiceFixture {
 protected:
  void add(std::int64_t number) {
    RecordStore records(system_files(), config.state_folder / "products");
    auto record = records.load("app");
    ASSERT_TRUE(record);
    messages::Outcome outcome;
    outcome.number = number;
    outcome.product = "app";
    outcome.result = "completed";
    record->keep(outcome);
    ASSERT_TRUE(records.save(*record));
  }
  std::vector<std::int64_t> numbers(bool all) {
    const auto answer = ask("outcomes", {{"all", all}});
    const auto list = answer ? messages::parse_outcomes(*answer) : answer.error();
    EXPECT_TRUE(list) << list.error().message();
    std::vector<std::int64_t> out;
    for (const auto& one : *list) out.push_back(one.number);
    return out;
  }
  void forget(std::int64_t up_to) {
    const auto answer = ask("forget_outcomes", {{"up_to", up_to}});
    EXPECT_TRUE(answer) << answer.error().message();
  }
  using Numbers = std::vector<std::int64_t>;
};

TEST_F(ServiceOutcomesTest, WhatIsAcknowledgedIsNotToldAgainButKept) {
  for (const int number : {1, 2, 3}) add(number);
  EXPECT_EQ(numbers(false), (Numbers{1, 2, 3}));
  forget(2);
  EXPECT_EQ(numbers(false), (Numbers{3}));
  EXPECT_EQ(numbers(true), (Numbers{1, 2, 3}));
  start();
  EXPECT_EQ(numbers(false), (Numbers{3})) << "also after a restart";
  EXPECT_EQ(numbers(true), (Numbers{1, 2, 3}));
}

TEST_F(ServiceOutcomesTest, WhatDidNotHappenYetCannotBeAcknowledged) {
  add(1);
  forget(kForever);
  EXPECT_EQ(numbers(false), Numbers{});
  add(2);
  EXPECT_EQ(numbers(false), (Numbers{2}));
}

TEST_F(ServiceOutcomesTest, NothingIsTakenBack) {
  for (const int number : {1, 2}) add(number);
  forget(2);
  forget(1);
  EXPECT_EQ(numbers(false), Numbers{});
}

TEST_F(ServiceOutcomesTest, ADamagedMarkTellsThemAgain) {
  add(1);
  forget(1);
  folder.write("state/acknowledged", "no number");
  start();
  EXPECT_EQ(numbers(false), (Numbers{1}));
}

TEST_F(ServiceOutcomesTest, OneAnswerIsNoLongerThanItsReaderTakes) {
  config.products.clear();
  RecordStore records(system_files(), config.state_folder / "products");
  std::int64_t number = 0;
  for (int i = 0; i < 6; ++i) {
    const auto name = "app" + std::to_string(i);
    config.products.push_back({.product = name, .channel = "stable", .platform = "x", .root = folder / name});
    ProductRecord record;
    record.product = name;
    for (std::size_t n = 0; n < kMostKeptOutcomes; ++n) {
      messages::Outcome outcome;
      outcome.number = ++number;
      outcome.product = name;
      record.keep(outcome);
    }
    ASSERT_TRUE(records.save(record));
  }
  start();
  EXPECT_EQ(numbers(false).back(), 1000) << "the oldest first: they are acknowledged in this order";
  EXPECT_EQ(numbers(true).front(), 201) << "of all the newest";
  forget(1000);
  EXPECT_EQ(numbers(false).size(), 200U);
}

}  // namespace
}  // namespace upswarm::installer
