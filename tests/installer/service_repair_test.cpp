// Who may have what is installed looked through and repaired, and when.
#include <thread>

#include "tests/installer/service_fixture.hpp"

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

/// The installer at work.
class ServiceAtRestTest : public ServiceRepairTest {
 protected:
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

TEST_F(ServiceAtRestTest, ALinkThatWasChangedIsPutRightAtTheNextStart) {
  std::filesystem::remove(folder / "root/current");
  std::filesystem::create_symlink("/etc", folder / "root/current");
  start();
  EXPECT_TRUE(work_until([this] { return !record().outcomes.empty(); }));
  EXPECT_EQ(std::filesystem::read_symlink(folder / "root/current"), "versions/1.0.0");
}

}  // namespace
}  // namespace upswarm::installer
