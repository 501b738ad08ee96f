#include "installer/product_record.hpp"

#include <gtest/gtest.h>

#include "tests/support/stopping_files.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::installer {
namespace {

trust::Entry entry(const std::string& version, std::int64_t n) {
  trust::Entry made;
  made.counter = {1, n};
  made.version = version;
  made.content = sha256(version);
  made.full = {.path = "pkg/app/linux-x64/" + version + "/app.upk",
               .length = 100_B,
               .sha256 = sha256("full" + version),
               .info_hash = std::string(40, 'b'),
               .piece_length = 32_KiB};
  made.index_length = 10_B;
  made.index_digest = sha256("index");
  made.salt = "0011";
  return made;
}

ProductRecord sample() {
  const Time at{std::chrono::seconds(1'800'000'000)};
  ProductRecord record;
  record.product = "app";
  record.current = "1.0.0";
  record.releases = {{entry("1.0.0", 1), at}, {entry("2.0.0", 2), at}};
  record.highest = {1, 2};
  record.floor = {1, 1};
  record.bad = {{sha256("bad"), "3.0.0", "it crashed", at}};
  record.owed = {"web"};
  record.setbacks = {{sha256("late"), "2.0.0", "the machine went down", 2, 1, at}};
  record.journal = Journal{.phase = Phase::probation,
                           .kind = "delta",
                           .to = entry("2.0.0", 2),
                           .from = "1.0.0",
                           .reason = "r",
                           .blame = true,
                           .started = at,
                           .recoveries = 1,
                           .stopped = true,
                           .ran = std::vector<std::string>{"db", "web"}};
  record.outcomes = {{.number = 5,
                      .product = "app",
                      .from = "",
                      .to = "1.0.0",
                      .running = "1.0.0",
                      .kind = "full",
                      .result = "completed",
                      .reason = "",
                      .at = at,
                      .milliseconds = 12}};
  record.last_outcome = 5;
  return record;
}

TEST(ProductRecord, EverythingComesBack) {
  const auto text = to_json(sample()).dump();
  const auto back = parse_record(text, "record");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back).dump(), text);
  ASSERT_TRUE(back->journal);
  EXPECT_EQ(back->journal->phase, Phase::probation);
  EXPECT_TRUE(back->journal->blame);
}

TEST(ProductRecord, OfAFloorAloneIsAsInstallShWritesIt) {
  const auto record = parse_record(
      R"({"format": 1, "product": "us", "current": "", "releases": [], "highest": {"epoch": 1, "n": 0},
          "floor": {"epoch": 2, "n": 7}, "bad": [], "outcomes": [], "last_outcome": 0})",
      "the record");
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(record->product, "us");
  EXPECT_EQ(record->floor, (trust::ReleaseCounter{2, 7}));
  EXPECT_EQ(to_text(to_json(*record), 1).find("\n \"floor\": {\n  \"epoch\": 2,\n  \"n\": 7\n }"),
            to_text(to_json(*record), 1).find("\n \"floor\""))
      << "install.sh reads it in this form";
}

TEST(ProductRecord, AllPhasesComeBack) {
  for (const auto phase : {Phase::staging, Phase::preparing, Phase::switching, Phase::probation, Phase::rolling_back}) {
    auto record = sample();
    record.journal->phase = phase;
    const auto back = parse_record(to_json(record).dump(), "record");
    ASSERT_TRUE(back) << to_string(phase);
    EXPECT_EQ(back->journal->phase, phase);
  }
}

TEST(ProductRecord, EveryMissingFieldIsRefused) {
  const auto whole = to_json(sample());
  for (const auto& [key, value] : whole.items()) {
    if (key == "journal" || key == "setbacks" || key == "owed") continue;  // none is a state, too
    auto json = whole;
    json.erase(key);
    EXPECT_FALSE(parse_record(json.dump(), "record")) << key;
  }
}

TEST(ProductRecord, APhaseOfANewerInstallerIsUndone) {
  auto json = to_json(sample());
  json["journal"]["phase"] = "dreaming";
  auto back = parse_record(json.dump(), "record");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->journal->phase, Phase::switching);
  json["journal"]["kind"] = "repair";
  back = parse_record(json.dump(), "record");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->journal->phase, Phase::repairing);
}

TEST(ProductRecord, WhetherAnotherInstallerWasBegunAndHasEndedComesBack) {
  auto record = sample();
  record.journal->to.layout = trust::kForeignLayout;
  record.journal->to.foreign = trust::Foreign{.install = {.argv = {"/install"}}, .exit_codes = {}, .detection = {}};
  record.journal->to.foreign->detection = {.command = {.argv = {"/installed"}}};
  record.journal->to.requirements = trust::requirements_of(record.journal->to);
  for (const bool begun : {false, true}) {
    record.journal->foreign_begun = begun;
    record.journal->foreign_ended = !begun;
    const auto back = parse_record(to_json(record).dump(), "record");
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->journal->foreign_begun, begun);
    EXPECT_EQ(back->journal->foreign_ended, !begun);
  }
  // An older installer did not say it.
  for (const auto phase : {Phase::preparing, Phase::switching, Phase::probation, Phase::rolling_back}) {
    record.journal->phase = phase;
    auto old = to_json(record);
    old["journal"].erase("foreign_begun");
    old["journal"].erase("foreign_ended");
    const auto back = parse_record(old.dump(), "record");
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->journal->foreign_begun, phase != Phase::preparing);
    EXPECT_EQ(back->journal->foreign_ended, phase == Phase::probation);
  }
}

TEST(ProductRecord, KeysOfANewerInstallerAreLeftAlone) {
  auto json = to_json(sample());
  json["dreams"] = 3;
  for (const char* key : {"journal", "damage"})
    if (json.contains(key)) json[key]["dreams"] = 3;
  for (const char* key : {"releases", "bad", "setbacks"})
    for (auto& one : json[key]) one["dreams"] = 3;
  const auto back = parse_record(json.dump(), "record");
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(to_json(*back), to_json(sample()));
}

TEST(ProductRecord, TruncationIsRefusedAtEveryLength) {
  const auto text = to_json(sample()).dump();
  for (std::size_t length = 0; length < text.size(); ++length)
    EXPECT_FALSE(parse_record(text.substr(0, length), "record")) << length;
}

TEST(ProductRecord, ANewProductStartsEmpty) {
  const tests::TemporaryFolder folder;
  const auto record = RecordStore(system_files(), folder.path()).load("app");
  ASSERT_TRUE(record) << record.error().message();
  EXPECT_EQ(record->product, "app");
  EXPECT_TRUE(record->current.empty());
  EXPECT_EQ(record->highest, (trust::ReleaseCounter{1, 0}));
}

TEST(ProductRecord, ADamagedRecordIsNotTakenForANewOne) {
  const tests::TemporaryFolder folder;
  folder.write("app.json", "{");
  const auto record = RecordStore(system_files(), folder.path()).load("app");
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().kind, ErrorKind::corrupt);
}

TEST(ProductRecord, SavingIsAllOrNothingAtEveryOperation) {
  for (std::size_t n = 1;; ++n) {
    const tests::TemporaryFolder folder;
    tests::StoppingFiles files(tests::unsynced_files());
    RecordStore store(files, folder.path());
    auto record = sample();
    ASSERT_TRUE(store.save(record));
    record.current = "2.0.0";
    files.stop_at(n);
    const auto saved = store.save(record);
    const bool reached = files.was_reached();
    files.stop_at({});
    const auto back = store.load("app");
    ASSERT_TRUE(back) << n;
    EXPECT_TRUE(back->current == "2.0.0" || (!saved && back->current == "1.0.0"));
    ASSERT_TRUE(store.save(record)) << "a left-over of operation " << n << " is in the way";
    if (!reached) break;
  }
}

TEST(ProductRecord, WhateverAHookSaysTheRecordCanBeReadAgain) {
  const tests::TemporaryFolder folder;
  RecordStore store(system_files(), folder.path());
  auto record = sample();
  std::string words;
  while (words.size() < 200'000) words += "\xff\x01 no text \n";
  record.journal->reason = words;
  record.bad.front().reason = words;
  record.keep({.number = 6, .reason = words, .at = record.journal->started});
  ASSERT_TRUE(store.save(record));
  const auto again = store.load("app");
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_TRUE(again->journal->reason.starts_with("\xef\xbf\xbd\x01 no text \n"));
  EXPECT_EQ(again->outcomes.back().number, 6);
}

TEST(ProductRecord, OutcomeNumbersRiseOverAllProducts) {
  const tests::TemporaryFolder folder;
  RecordStore store(system_files(), folder.path());
  auto record = sample();
  ASSERT_TRUE(store.save(record));
  ProductRecord other;
  other.product = "tool";
  const auto number = store.next_outcome({"app", "tool"}, other);
  ASSERT_TRUE(number);
  EXPECT_EQ(*number, 6);
}

TEST(ProductRecord, TheOldestOutcomesAreDropped) {
  ProductRecord record;
  for (std::int64_t i = 1; i <= 300; ++i) record.keep({.number = i});
  EXPECT_EQ(record.outcomes.size(), kMostKeptOutcomes);
  EXPECT_EQ(record.outcomes.back().number, 300);
  EXPECT_EQ(record.last_outcome, 300);
}

TEST(ProductRecord, WhatIsBadIsNamedOnceAndTheOldestGoes) {
  ProductRecord record;
  record.note_setback(entry("1.0.0", 1), "why", false, {});
  for (int i = 0; i < 3; ++i) record.mark_bad({entry("1.0.0", 1).content, "1.0.0", "again", {}});
  EXPECT_EQ(record.bad.size(), 1U);
  EXPECT_TRUE(record.setbacks.empty());
  for (std::size_t i = 0; i < kMostBad; ++i) record.mark_bad({sha256(std::to_string(i)), "2.0.0", "", {}});
  EXPECT_EQ(record.bad.size(), kMostBad);
  EXPECT_EQ(record.bad.front().content, sha256("0"));
}

TEST(ProductRecord, SetbacksAreWaitedForLongerEachTimeAndADayAtMost) {
  ProductRecord record;
  const Time now{std::chrono::seconds(1'800'000'000)};
  std::vector<std::int64_t> minutes;
  for (int i = 0; i < 9; ++i) {
    record.note_setback(entry("1.0.0", 1), "why", i == 0, now);
    const auto wait = record.setback(entry("1.0.0", 1).content)->not_before - now;
    minutes.push_back(std::chrono::duration_cast<std::chrono::minutes>(wait).count());
  }
  EXPECT_EQ(minutes, (std::vector<std::int64_t>{5, 15, 45, 135, 405, 1215, 1440, 1440, 1440}));
  EXPECT_EQ(record.setbacks.size(), 1U);
  EXPECT_EQ(record.setbacks[0].interruptions, 1);
}

TEST(ProductRecord, ASetbackOfAClockThatRanAheadHoldsNothing) {
  ProductRecord record;
  const Time now{std::chrono::seconds(1'800'000'000)};
  record.note_setback(entry("1.0.0", 1), "why", false, now);
  const auto& setback = *record.setback(entry("1.0.0", 1).content);
  EXPECT_TRUE(setback.holds(now));
  EXPECT_TRUE(setback.holds(now - std::chrono::hours(1)));
  EXPECT_FALSE(setback.holds(now + std::chrono::minutes(5)));
  EXPECT_FALSE(setback.holds(now - std::chrono::hours(24 * 365)));
}

TEST(ProductRecord, NumbersRiseAboveThoseOfRecordsThatAreGone) {
  const tests::TemporaryFolder folder;
  RecordStore store(tests::unsynced_files(), folder.path());
  EXPECT_EQ(*store.next_outcome({"app"}, {}), 1);
  store.number_above(500);
  EXPECT_EQ(*store.next_outcome({"app"}, {}), 501);
}

TEST(ProductRecord, AMarkOfDamageIsOfWhatRunsAlone) {
  const Time now = Time{} + std::chrono::hours(24 * 20'000);
  ProductRecord record;
  record.product = "app";
  record.mark_damaged("nothing is installed", true, false, now);
  EXPECT_FALSE(record.damage);
  for (const char* version : {"1.0.0", "2.0.0"}) {
    record.releases.push_back({entry(version, 1), now});
  }
  record.current = "1.0.0";
  record.mark_damaged("share/data", false, false, now);
  record.note_failed_repair(now);
  record.checked = now;
  const auto read = parse_record(to_text(to_json(record)), "record");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read), to_json(record));
  EXPECT_EQ(read->repair_due(now), nullptr);
  ASSERT_NE(read->repair_due(now + std::chrono::minutes(5)), nullptr);
  EXPECT_FALSE(read->repair_due(now + std::chrono::minutes(5))->needs_package);
  EXPECT_NE(read->repair_due(now - std::chrono::hours(48)), nullptr) << "a wait that long was noted by a wrong clock";
  record.current = "2.0.0";
  EXPECT_EQ(record.repair_due(now + std::chrono::hours(48)), nullptr);
}

TEST(ProductRecord, WhatIsRepairedByItselfIsCountedAndOnceTooOftenHeld) {
  const Time now = Time{} + std::chrono::hours(24 * 20'000);
  const auto later = now + std::chrono::hours(24 * 29);
  ProductRecord record;
  record.product = "app";
  record.releases.push_back({entry("1.0.0", 1), now});
  record.current = "1.0.0";
  record.note_mended({"a", "b"}, now);
  EXPECT_FALSE(record.is_mended_often("a", now));
  record.note_mended({"a"}, later);
  record.mark_damaged("a", true, false, now);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(record.damage->is_held) << i;
    record.note_failed_repair(now, true);
  }
  const auto read = parse_record(to_text(to_json(record)), "record");
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read), to_json(record));
  EXPECT_TRUE(read->is_mended_often("a", later));
  EXPECT_FALSE(read->is_mended_often("b", later));
  EXPECT_FALSE(read->is_mended_often("a", later + std::chrono::hours(24 * 30)));
  EXPECT_EQ(read->repair_due(now + std::chrono::hours(48)), nullptr);
  record.mark_damaged("a", true, true, now);
  EXPECT_NE(record.repair_due(now), nullptr);
  std::vector<std::string> many;
  for (std::size_t i = 0; i < kMostMended + 5; ++i) many.push_back(std::to_string(i));
  record.note_mended(many, later);
  EXPECT_EQ(record.mended.size(), kMostMended);
  EXPECT_TRUE(parse_record(to_text(to_json(record)), "record"));
}

}  // namespace
}  // namespace upswarm::installer
