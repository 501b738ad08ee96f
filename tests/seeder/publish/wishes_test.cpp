#include "seeder/publish/wishes.hpp"

#include "seeder/publish/change_words.hpp"
#include "seeder/publish/command_line.hpp"
#include "tests/seeder/publish/desk_fixture.hpp"

namespace upswarm::tests {
namespace {

/// A release for 10 of 1000 machines that all have signed, and what somebody makes of the file after that.
class WishesTest : public DeskTest {
 protected:
  WishesTest() {
    init({.products = {"app", "other"}});
    need_two_for_releases();
  }

  Path pending(std::optional<std::int64_t> permille = 10) const {
    auto wanted = request("1.0.0", tree("one"));
    wanted.permille = permille;
    const auto change = must(try_release(wanted)).signed_as.change;
    must(sign(change, key_file("rel-app", "anna")));
    return change;
  }
  Path copy(const Path& change, const std::string& name) const {
    std::filesystem::create_directories(top / name);
    std::filesystem::copy(change, top / name / change.filename());
    return top / name / change.filename();
  }
  template <typename Alter>
  void alter(const Path& file, Alter alter) const {
    auto json = must(parse_json(must(read_file(unsynced_files(), file, publish::kLongestChange)), "the change"));
    alter(json["rollouts"]);
    must(write_file_atomically(unsynced_files(), file, to_text(json)));
  }
  void widen(const Path& file) const {
    alter(file, [](Json& rollouts) { rollouts.at(0)["permille"] = 1000; });
  }
  /// As if the change had been made at another desk.
  void forget() const {
    for (const auto& entry : std::filesystem::directory_iterator(folder / "changes")) {
      if (entry.path().string().ends_with(".wishes.json")) std::filesystem::remove(entry.path());
    }
  }
  void expect_refused(const std::vector<Path>& copies) const {
    const auto result = publish(copies);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::untrusted);
    EXPECT_EQ(result.error().reason, "rollouts") << result.error().message();
    EXPECT_TRUE(open().products().at("app").indexes.empty());
  }
  std::vector<seeder::RolloutWish> handed_over(const std::string& bundle_name) const {
    const auto text = top.read("repository/outgoing/" + bundle_name + "/bundle.json");
    return must(seeder::parse_bundle(text, bundle_name)).rollouts;
  }
};

TEST_F(WishesTest, TheWishesOfTheDeskAreHandedOver) {
  const auto wishes = handed_over(must(publish({pending()})));
  ASSERT_EQ(wishes.size(), 1U);
  EXPECT_EQ(wishes[0].item.permille, 10);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "changes"));
}

TEST_F(WishesTest, TheDesksOwnFileIsNoProofOfItself) {
  const auto change = pending();
  widen(change);  // as when a copy came back and was laid over it
  expect_refused({change});
}

TEST_F(WishesTest, ACopyThatDiffersFromTheDeskIsRefused) {
  const auto change = pending();
  const auto altered = copy(change, "stick");
  widen(altered);
  expect_refused({altered});
  expect_refused({change, altered});
  const auto renamed = top / "stick/renamed.change.json";
  std::filesystem::rename(altered, renamed);
  expect_refused({renamed});
  EXPECT_TRUE(publish({change}));
}

TEST_F(WishesTest, AWishThatWasNeverMadeIsRefused) {
  const auto change = pending({});
  const auto index = must(trust::parse_index(
      must(publish::open_change(unsynced_files(), change, {})).change.targets.begin()->second, "the index"));
  const seeder::RolloutWish wish{"app", "stable", "linux-x64", {{1, 1}, index.entries.at(0).digest(), 1000, false, ""}};
  const auto rollouts = must(parse_json(seeder::write_bundle({{wish}}), "wishes")).at("rollouts");
  alter(change, [&](Json& all) { all = rollouts; });
  expect_refused({change});
}

TEST_F(WishesTest, FromElsewhereAllCopiesMustAgree) {
  const auto change = pending();
  const auto other = copy(change, "stick");
  forget();
  widen(other);
  expect_refused({change, other});
  expect_refused({other, change});
  expect_refused({other});  // the file in changes/ says otherwise
  std::filesystem::remove(other);
  const auto same = copy(change, "stick");
  EXPECT_EQ(handed_over(must(publish({change, same}))).size(), 1U);
}

TEST_F(WishesTest, OnlyForReleasesThatAreSigned) {
  const auto change = pending();
  forget();
  const auto original = must(read_file(unsynced_files(), change, publish::kLongestChange));
  const auto refuse = [&](auto how) {
    alter(change, how);
    expect_refused({change});
    must(write_file_atomically(unsynced_files(), change, original));
  };
  refuse([](Json& rollouts) { rollouts.at(0)["entry"] = std::string(64, '0'); });
  refuse([](Json& rollouts) { rollouts.at(0)["product"] = "other"; });
  refuse([](Json& rollouts) { rollouts.at(0)["channel"] = "beta"; });
  refuse([](Json& rollouts) {
    rollouts.push_back(rollouts.at(0));
    rollouts.back()["product"] = "other";
  });
  EXPECT_TRUE(publish({change}));
}

TEST_F(WishesTest, NoneForAProductOutsideTheChange) {
  auto wanted = request("1.0.0", tree("two", 2));
  wanted.name.product = "other";
  const auto other = must(try_release(wanted)).entry;
  const auto change = pending();
  forget();
  alter(change, [&](Json& rollouts) {
    rollouts.push_back(rollouts.at(0));
    rollouts.back()["product"] = "other";
    rollouts.back()["entry"] = other.digest().hex();
  });
  expect_refused({change});
}

TEST_F(WishesTest, ARenamedCopyIsTheSameChange) {
  const auto change = pending();
  must(publish({change}));
  auto promoted = request("1.0.0", top / "one", "beta");  // its packages are there: no folder is looked for by name
  promoted.permille = 10;
  const auto second = must(try_release(promoted)).signed_as.change;
  must(sign(second, key_file("rel-app", "anna")));
  const auto renamed = top / "renamed.change.json";
  std::filesystem::copy(second, renamed);
  std::filesystem::copy(renamed, top / "wide.change.json");
  widen(top / "wide.change.json");
  EXPECT_EQ(publish({top / "wide.change.json"}).error().reason, "rollouts");
  EXPECT_EQ(handed_over(must(publish({renamed}))).at(0).item.permille, 10);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "changes")) << "it waits no more";
}

TEST_F(WishesTest, WhoPublishesReadsWhatIsHandedOver) {
  publish::CommandLine line;
  line.command = "keys publish";
  line.common.repository = folder.string();
  line.keys.files = {pending().string()};
  const auto answer = must(publish::run(line, {}));
  EXPECT_NE(
      answer.text.find("It asks for the rollout of release 1.1 of app (stable, linux-x64) to 10 of 1000 machines"),
      std::string::npos)
      << answer.text;
  ASSERT_EQ(answer.json.at("rollouts").size(), 1U);
  EXPECT_EQ(answer.json.at("rollouts")[0].at("permille"), 10);
}

TEST_F(WishesTest, WordsTellAllOfAWish) {
  const seeder::RolloutWish wish{"app", "stable", "linux-x64", {{1, 2}, {}, 5, true, "wait\x1b", {"desk", "pilot"}}};
  EXPECT_EQ(
      publish::wish_words(wish),
      "asks for the rollout of release 1.2 of app (stable, linux-x64) to 5 of 1000 machines in desk, pilot, paused, "
      "because: wait?\n");
}

TEST_F(WishesTest, ABrokenRecordIsNamed) {
  const auto change = pending();
  auto record = change.string();
  record.replace(record.find(".change.json"), std::string::npos, ".wishes.json");
  must(write_file_atomically(unsynced_files(), record, "{}"));
  EXPECT_EQ(publish({change}).error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace upswarm::tests
