// Who may have what is installed looked through and repaired, and when.
#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include "tests/installer/service_fixture.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::installer {
namespace {

/// 1.0.0 is installed with a tree of one file.
class ServiceRepairTest : public ServiceFixture {
 protected:
  void SetUp() override {
    ServiceFixture::SetUp();
    folder.write("root/versions/1.0.0/file", "as it was signed", 0644);
    const auto tree = package::scan_tree(system_files(), folder / "root/versions/1.0.0");
    installed = index.entries[0];
    installed.content = package::content_digest(*tree);
    folder.write("state/trees/" + installed.content.hex() + ".tree", package::encode_tree(*tree));
    RecordStore records(system_files(), config.state_folder / "products");
    auto record = records.load("app");
    record->releases = {{installed, clock.now()}};
    ASSERT_TRUE(records.save(*record));
    std::filesystem::create_symlink("versions/1.0.0", folder / "root/current");
  }
  void damage() { folder.write("root/versions/1.0.0/file", "as it is now!!!!"); }
  messages::Verification look(const std::string& word) {
    const auto answer = ask_as_root(word, {{"product", "app"}});
    EXPECT_TRUE(answer) << answer.error().message();
    const auto parsed = answer ? messages::parse_verification(*answer) : Result<messages::Verification>(answer.error());
    EXPECT_TRUE(parsed) << parsed.error().message();
    return parsed ? *parsed : messages::Verification{};
  }
  ProductRecord record() { return *RecordStore(system_files(), config.state_folder / "products").load("app"); }
  std::optional<trust::Entry> asked_of_agent(bool knows = true) {
    const auto hello = messages::parse_hello(*ask("hello", knows ? Json{{"repair", true}} : Json::object()));
    EXPECT_TRUE(hello) << hello.error().message();
    return hello->products.at(0).repair;
  }
  std::string told_damage() { return messages::parse_hello(*ask("hello", Json::object()))->products.at(0).damage; }
  std::string reason(const Result<Json>& answer) {
    if (answer) return "accepted";
    return answer.error().reason.empty() ? answer.error().message() : answer.error().reason;
  }
  std::string offer_repair(const Sha256& digest, std::size_t length = 4) {
    folder.write("part", std::string(length, 'x'));
    return reason(
        ask("offer_repair", {{"product", "app"}, {"sha256", digest.hex()}}, *system_files().open(folder / "part")));
  }
  std::string ask_what_is_damaged() {
    folder.write("part", "xxxx");
    return reason(ask("damaged", {{"product", "app"}}, *system_files().open(folder / "part")));
  }

  trust::Entry installed;
};

TEST_F(ServiceRepairTest, VerifySaysWhatIsDamagedAndChangesNothing) {
  EXPECT_TRUE(look("verify").is_whole());
  damage();
  const auto before = to_text(to_json(record()));
  const auto found = look("verify");
  EXPECT_FALSE(found.is_whole());
  EXPECT_EQ(found.version, "1.0.0");
  ASSERT_EQ(found.damage.size(), 1U);
  EXPECT_EQ(found.damage[0].path, "file");
  EXPECT_EQ(to_text(to_json(record())), before);
  EXPECT_FALSE(asked_of_agent());
}

TEST_F(ServiceRepairTest, OnlyAnAdministratorMayAsk) {
  for (const char* word : {"verify", "repair"}) {
    EXPECT_EQ(ask(word, {{"product", "app"}}).error().kind, ErrorKind::denied) << word;
    EXPECT_EQ(ask_as_root(word, {{"product", "other"}}).error().reason, "unknown_product") << word;
  }
}

TEST_F(ServiceRepairTest, WhatIsDamagedIsAskedOfAnAgentThatKnowsRepair) {
  EXPECT_TRUE(look("repair").is_whole());
  EXPECT_FALSE(asked_of_agent());
  damage();
  EXPECT_FALSE(look("repair").is_whole());
  ASSERT_TRUE(asked_of_agent());
  EXPECT_EQ(asked_of_agent()->full.sha256, installed.full.sha256);
  EXPECT_FALSE(asked_of_agent(false)) << "an older agent would not read the answer";
  start();
  EXPECT_TRUE(asked_of_agent()) << "also after a restart";
}

TEST_F(ServiceRepairTest, WhatIsDamagedIsToldWithWhatBecomesOfIt) {
  EXPECT_EQ(told_damage(), "");
  damage();
  EXPECT_FALSE(look("repair").is_whole());
  EXPECT_THAT(told_damage(), testing::HasSubstr("it is repaired by itself"));
  RecordStore records(system_files(), config.state_folder / "products");
  auto held = record();
  held.damage->is_held = true;
  ASSERT_TRUE(records.save(held));
  EXPECT_THAT(told_damage(), testing::HasSubstr("it waits for `upswarm repair app`"));
}

TEST_F(ServiceRepairTest, TheAgentCanRepairNothingThatIsNotDamagedNorAnythingElse) {
  EXPECT_EQ(offer_repair(installed.full.sha256), "not_damaged");
  EXPECT_EQ(ask_what_is_damaged(), "not_damaged");
  damage();
  look("verify");
  EXPECT_EQ(offer_repair(installed.full.sha256), "not_damaged") << "nobody asked for it";
  look("repair");
  EXPECT_EQ(offer_repair(index.entries[3].full.sha256), "wrong_digest");
  EXPECT_EQ(offer_repair(installed.full.sha256, installed.full.length.count + 1), "wrong_length");
  EXPECT_EQ(ask("offer_repair", {{"product", "app"}, {"sha256", installed.full.sha256.hex()}}).error().reason,
            "no_file");
  EXPECT_EQ(offer_repair(installed.full.sha256), "accepted");
  EXPECT_EQ(ask_as_root("verify", {{"product", "app"}}).error().kind, ErrorKind::busy);
}

TEST_F(ServiceRepairTest, NoMetadataIsNeededNorFreshness) {
  damage();
  look("repair");
  advance(std::chrono::days(400));
  EXPECT_NE(ask_what_is_damaged(), "not_damaged");
  EXPECT_EQ(offer_repair(installed.full.sha256), "accepted");
}

TEST_F(ServiceRepairTest, ARepairThatFailsIsNotAskedForAgainAtOnce) {
  damage();
  look("repair");
  auto marked = record();
  marked.note_failed_repair(clock.now());
  ASSERT_TRUE(RecordStore(system_files(), config.state_folder / "products").save(marked));
  EXPECT_FALSE(asked_of_agent());
  EXPECT_EQ(offer_repair(installed.full.sha256), "not_damaged");
  advance(std::chrono::minutes(5));
  EXPECT_TRUE(asked_of_agent());
}

/// Takes no record of the product "app" while it is full.
class FullForRecords final : public tests::UnsyncedFiles {
 public:
  FullForRecords() : UnsyncedFiles(system_files()) {}

  Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t mode) override {
    if (is_full && path.string().find("/products/app.json") != std::string::npos) {
      ++refused;
      return Error{ErrorKind::no_space, "create " + path.string(), "full"};
    }
    return UnsyncedFiles::create(path, mode);
  }

  std::atomic<bool> is_full{false};
  std::atomic<int> refused{0};
};

/// Whoever opens the signed list of a tree waits, when told to, until that is over.
class SlowTrees final : public tests::UnsyncedFiles {
 public:
  SlowTrees() : UnsyncedFiles(system_files()) {}

  Result<std::unique_ptr<InputFile>> open(const Path& path) override {
    if (path.extension() == ".tree") {
      ++opened;
      tests::eventually([this] { return !holds; });
    }
    return UnsyncedFiles::open(path);
  }

  std::atomic<bool> holds{false};
  std::atomic<int> opened{0};
};

/// The installer at work.
class ServiceAtRestTest : public ServiceRepairTest {
 protected:
  void SetUp() override {
    config.verify_every = std::chrono::minutes(1);
    ServiceRepairTest::SetUp();
  }
  void add_product(const std::string& name) {
    auto product = config.products.at(0);
    product.product = name;
    product.root = folder / name;
    config.products.push_back(product);
    std::filesystem::copy(folder / "root", folder / name,
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  }
  Result<Json> ask_present() { return ask("present", {{"product", "app"}, {"contents", {installed.content.hex()}}}); }
  /// Works until `is_true`.
  template <typename Condition>
  bool work_until(Condition is_true) {
    std::jthread worker([this](const std::stop_token& stop) { service->work(stop); });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!is_true()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
};

TEST_F(ServiceAtRestTest, WhatWasNotReadForAWeekIsAndDamageAsksForRepair) {
  damage();
  advance(std::chrono::days(8));
  EXPECT_TRUE(work_until([this] { return asked_of_agent().has_value(); }));
}

TEST_F(ServiceAtRestTest, AfterAStartIsMendedWhatIsKnownButNothingRead) {
  config.verify_every = std::chrono::days(7);
  advance(std::chrono::days(8));
  add_product("other");
  RecordStore records(system_files(), config.state_folder / "products");
  auto other = record();
  other.product = "other";
  other.mark_damaged("its mode", false, false, clock.now());
  folder.write("other/versions/1.0.0/file", "as it was signed", 0600);
  ASSERT_TRUE(records.save(other));
  start();
  EXPECT_TRUE(work_until([&] { return !records.load("other")->outcomes.empty(); }));
  EXPECT_FALSE(record().checked);
}

TEST_F(ServiceAtRestTest, WhatIsWholeIsReadAgainAWeekLater) {
  advance(std::chrono::days(8));
  EXPECT_TRUE(work_until([this] { return record().checked == clock.now(); }));
  EXPECT_FALSE(asked_of_agent());
}

TEST_F(ServiceAtRestTest, WhatNeedsNoPackageIsMendedAtOnce) {
  folder.write("root/versions/1.0.0/extra", "x");
  EXPECT_FALSE(look("repair").is_whole());
  EXPECT_FALSE(asked_of_agent());
  EXPECT_TRUE(work_until([this] { return !record().outcomes.empty(); }));
  EXPECT_EQ(record().outcomes.back().kind, "repair");
  EXPECT_EQ(record().outcomes.back().result, "completed") << record().outcomes.back().reason;
  EXPECT_TRUE(look("verify").is_whole());
}

TEST_F(ServiceAtRestTest, ARepairThatCannotBeNotedIsTriedAgainEverLessOften) {
  add_product("other");
  RecordStore records(system_files(), config.state_folder / "products");
  auto other = record();
  other.product = "other";
  ASSERT_TRUE(records.save(other));
  FullForRecords full;
  files = &full;
  start();
  const auto mend_other = [&](std::size_t times) {
    folder.write("other/versions/1.0.0/extra", "x");
    EXPECT_TRUE(ask_as_root("repair", {{"product", "other"}})) << "after which all products are looked at";
    return work_until([&] { return records.load("other")->outcomes.size() == times; });
  };
  folder.write("root/versions/1.0.0/extra", "x");
  EXPECT_FALSE(look("repair").is_whole());
  full.is_full = true;
  EXPECT_TRUE(work_until([&] { return full.refused > 0; }));
  const int tries = full.refused;
  EXPECT_TRUE(mend_other(1));
  EXPECT_EQ(full.refused, tries) << "it waits";
  advance(std::chrono::minutes(5));
  EXPECT_TRUE(ask_as_root("repair", {{"product", "other"}}));
  EXPECT_TRUE(work_until([&] { return full.refused > tries; }));
  full.is_full = false;
  advance(std::chrono::minutes(14));
  EXPECT_TRUE(mend_other(2));
  EXPECT_TRUE(record().outcomes.empty()) << "it waits longer";
  EXPECT_FALSE(look("repair").is_whole()) << "an administrator need not wait";
  EXPECT_TRUE(work_until([this] { return !record().outcomes.empty(); }));
  EXPECT_EQ(record().outcomes.back().result, "completed") << record().outcomes.back().reason;
  service.reset();
}

TEST_F(ServiceAtRestTest, ALinkThatWasChangedIsPutRightAtTheNextStart) {
  std::filesystem::remove(folder / "root/current");
  std::filesystem::create_symlink("/etc", folder / "root/current");
  start();
  EXPECT_TRUE(work_until([this] { return !record().outcomes.empty(); }));
  EXPECT_EQ(std::filesystem::read_symlink(folder / "root/current"), "versions/1.0.0");
}

TEST_F(ServiceAtRestTest, NothingIsReadWhileServicesMayBeDown) {
  ProductRecord broken;
  broken.product = "broken";
  broken.journal = Journal{.phase = Phase::rolling_back,
                           .kind = "full",
                           .to = make_entry("1.0.0", {1, 1}),
                           .from = "",
                           .reason = "it was bad",
                           .started = clock.now()};
  ASSERT_TRUE(RecordStore(system_files(), config.state_folder / "products").save(broken));
  add_product("broken");
  config.recovery_retry = std::chrono::milliseconds(50);
  const auto write = std::filesystem::perms::group_write;
  std::filesystem::permissions(folder / "broken", write, std::filesystem::perm_options::add);
  SlowTrees trees;
  trees.holds = true;
  files = &trees;
  advance(std::chrono::days(8));
  start();
  std::filesystem::permissions(folder / "broken", write, std::filesystem::perm_options::remove);
  RecordStore records(system_files(), config.state_folder / "products");
  EXPECT_TRUE(work_until([&] { return trees.opened > 0 || !records.load("broken")->outcomes.empty(); }));
  EXPECT_EQ(trees.opened, 0) << "a look at rest began, which may last";
  trees.holds = false;
  service.reset();
}

TEST_F(ServiceAtRestTest, ATimeOfInstallationThatIsToComeDoesNotHaveAProductReadForEver) {
  advance(std::chrono::days(8));
  add_product("other");
  RecordStore records(system_files(), config.state_folder / "products");
  auto other = record();
  other.product = "other";
  ASSERT_TRUE(records.save(other));
  auto odd = record();
  odd.releases.at(0).installed_at = clock.now() + std::chrono::days(3650);
  odd.checked = clock.now();
  ASSERT_TRUE(records.save(odd));
  start();
  EXPECT_TRUE(work_until([&] { return records.load("other")->checked.has_value(); })) << "it is read before";
}

TEST_F(ServiceAtRestTest, QuestionsOfTheAgentEndNoLook) {
  advance(std::chrono::minutes(2));
  SlowTrees trees;
  files = &trees;
  start();
  ASSERT_EQ(wants(), "wanted 1.3.0");
  const int before = trees.opened;
  trees.holds = true;
  std::jthread agent;
  EXPECT_TRUE(work_until([&] {
    if (trees.opened == before + 1 && !agent.joinable()) agent = std::jthread([this] { EXPECT_TRUE(ask_present()); });
    if (trees.opened == before + 2) trees.holds = false;  // both are under way
    return record().checked.has_value();
  }));
  trees.holds = false;
  agent = {};
  service.reset();
}

TEST_F(ServiceAtRestTest, AQuestionOfTheAgentThatReadsKeepsNothingFromBeingMended) {
  folder.write("root/versions/1.0.0/file", "as it was signed", 0600);
  ASSERT_FALSE(look("repair").is_whole());
  SlowTrees trees;
  files = &trees;
  start();
  ASSERT_EQ(wants(), "wanted 1.3.0");
  const int before = trees.opened;
  trees.holds = true;
  std::jthread agent([this] { ignore_failure(ask_present(), "it is ended"); });
  ASSERT_TRUE(tests::eventually([&] { return trees.opened > before; }));
  EXPECT_TRUE(work_until([&] {
    if (trees.holds && reason(ask_present()) == "administrator_first") trees.holds = false;
    return !record().outcomes.empty();
  }));
  trees.holds = false;
  agent = {};
  service.reset();
}

}  // namespace
}  // namespace upswarm::installer
