#include "seeder/publish/signing.hpp"

#include "seeder/publish/change_words.hpp"
#include "seeder/publish/steering.hpp"
#include "tests/seeder/publish/desk_fixture.hpp"
#include "tests/support/stopping_files.hpp"

namespace upswarm::tests {
namespace {

using publish::open_change;

class SigningTest : public DeskTest {
 protected:
  SigningTest() {
    init();
    need_two_for_releases();
  }

  publish::Signed pending() const { return must(try_release(request("1.0.0", tree("one")))).signed_as; }

  Result<std::string> discard(const Path& change) const {
    const auto repository = open();
    return publish::discard_change(unsynced_files(), repository, change);
  }

  void replace(const Path& file, const std::string& what, const std::string& by) const {
    auto text = must(read_file(unsynced_files(), file, publish::kLongestChange));
    const auto at = text.find(what);
    ASSERT_NE(at, std::string::npos);
    text.replace(at, what.size(), by);
    must(write_file_atomically(unsynced_files(), file, text));
  }
};

TEST_F(SigningTest, AReleaseIsSignedOnceAndWaitsForTheSecondPerson) {
  std::filesystem::copy(key_file("rel-app", "anna"), folder / "keys/rel-app-anna.key.json");  // same passphrase
  const auto result = must(try_release(request("1.0.0", tree("one"))));
  EXPECT_EQ(result.signed_as.bundle, "");
  ASSERT_EQ(result.signed_as.missing.size(), 1U);
  EXPECT_EQ(result.signed_as.missing[0].good, 1);
  EXPECT_EQ(result.signed_as.missing[0].may_sign.size(), 1U);
  EXPECT_TRUE(open().products().at("app").indexes.empty());
}

TEST_F(SigningTest, TwoPeopleSignAndClientsFollow) {
  const auto change = pending().change;
  EXPECT_TRUE(must(sign(change, key_file("rel-app", "anna"))).empty());
  const auto name = must(publish({change}));
  Served served(folder, clock);
  for (const auto& bundle_name : must(open().outgoing())) served.take(bundle(bundle_name));
  Follower follower(top / "store", folder, served, clock);
  must(follower.client.refresh());
  const auto index = must(follower.client.fetch("index/app/stable/linux-x64.json", trust::kLongestIndex));
  EXPECT_EQ(must(trust::parse_index(index, "index")).entries.size(), 1U);
  EXPECT_TRUE(std::filesystem::exists(folder / "releases/app/linux-x64/1.0.0/app-1.0.0.upk"));
  EXPECT_TRUE(std::filesystem::is_empty(folder / "changes"));
}

TEST_F(SigningTest, TheSecondPersonNeedsTheFileAndHisKeyAlone) {
  const auto change = pending().change;
  std::filesystem::create_directories(top / "stick");
  std::filesystem::rename(change, top / "stick" / change.filename());
  const auto away = top / "away";
  std::filesystem::rename(folder, away);  // no repository anywhere
  EXPECT_TRUE(must(sign(top / "stick" / change.filename(), key_file("rel-app", "anna"))).empty());
  std::filesystem::rename(away, folder);
  EXPECT_NE(must(publish({top / "stick" / change.filename()})), "");
}

TEST_F(SigningTest, SignaturesOfSeveralCopiesCountTogether) {
  auto third = new_key("rel-app", "carl");
  const auto adding = must(add_signer("rel-app", third, 3)).change;
  must(sign(adding, key_file("rel-app", "anna")));
  must(sign(adding, key_file("rel-app", "carl")));
  must(publish({adding}));
  const auto change = pending().change;
  std::filesystem::copy(change, top / "copy.change.json");
  must(sign(change, key_file("rel-app", "anna")));
  must(sign(top / "copy.change.json", key_file("rel-app", "carl")));
  EXPECT_EQ(publish({change}).error().reason, "wrong_signature");
  EXPECT_NE(must(publish({change, top / "copy.change.json"})), "");
}

TEST_F(SigningTest, ACopyOfAnotherChangeIsRefused) {
  const auto first = pending().change;
  const auto second = must(try_release(request("1.1.0", tree("two", 2)))).signed_as.change;
  EXPECT_EQ(publish({first, second}).error().reason, "altered");
}

TEST_F(SigningTest, TooFewSignaturesAreNamed) {
  const auto result = publish({pending().change});
  EXPECT_EQ(result.error().kind, ErrorKind::untrusted);
  EXPECT_NE(result.error().message().find("rel-app: 1 of 2"), std::string::npos) << result.error().message();
}

TEST_F(SigningTest, ASecondSignatureOfTheSameKeyIsRefused) {
  const auto change = pending().change;
  must(sign(change, key_file("rel-app", "anna")));
  EXPECT_EQ(sign(change, key_file("rel-app", "anna")).error().reason, "signed_already");
}

TEST_F(SigningTest, AKeyOfNobodyIsRefused) {
  new_key("rel-app", "mallory");
  EXPECT_EQ(sign(pending().change, key_file("rel-app", "mallory")).error().reason, "wrong_key");
}

TEST_F(SigningTest, AnAlteredDocumentIsRefusedByTheNextSigner) {
  const auto change = pending().change;
  const auto repository = open(publish::Repository::Access::reading);
  const auto expires = to_string(clock.now() + std::chrono::days(repository.settings().release_days));
  auto text = must(read_file(unsynced_files(), change, publish::kLongestChange));
  const auto at = text.find(expires, text.find("\"documents\""));
  ASSERT_NE(at, std::string::npos);
  text[at + 3] = '9';
  must(write_file_atomically(unsynced_files(), change, text));
  EXPECT_EQ(sign(change, key_file("rel-app", "anna")).error().reason, "altered");
  EXPECT_EQ(publish({change}).error().reason, "altered");
}

TEST_F(SigningTest, AnAlteredIndexIsRefused) {
  const auto change = pending().change;
  replace(change, "\\\"urgent\\\":false", "\\\"urgent\\\":true ");
  EXPECT_EQ(sign(change, key_file("rel-app", "anna")).error().reason, "altered");
}

TEST_F(SigningTest, AnAlteredPackageIsNotPublished) {
  const auto change = pending().change;
  must(sign(change, key_file("rel-app", "anna")));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "changes")) {
    if (entry.path().extension() != ".upk") continue;
    const auto name = entry.path().lexically_relative(top.path()).string();
    auto bytes = top.read(name);
    bytes.back() ^= 1;
    top.write(name, bytes);
  }
  EXPECT_EQ(publish({change}).error().kind, ErrorKind::corrupt);
  EXPECT_TRUE(open().products().at("app").indexes.empty());
}

TEST_F(SigningTest, AStaleChangeIsRefusedAndSaysWhy) {
  const auto first = pending().change;
  const auto second = must(try_release(request("1.1.0", tree("two", 2)))).signed_as.change;
  must(sign(first, key_file("rel-app", "anna")));
  must(sign(second, key_file("rel-app", "anna")));
  must(publish({first}));
  const auto result = publish({second});
  EXPECT_EQ(result.error().reason, "stale");
  EXPECT_NE(result.error().message().find("make it again"), std::string::npos);
  EXPECT_EQ(open().products().at("app").index_of("stable", "linux-x64").entries.size(), 1U);
}

TEST_F(SigningTest, ADiscardedChangeLeavesNothingButTheOthers) {
  pending();
  const auto before = snapshot_of(folder);
  const auto change = must(try_release(request("1.1.0", tree("two", 2)))).signed_as.change;
  EXPECT_EQ(must(discard(change)), change.filename().string());
  EXPECT_EQ(snapshot_of(folder), before);
  EXPECT_EQ(discard(change).error().kind, ErrorKind::not_found);
}

TEST_F(SigningTest, AChangeIsDiscardedByItsNameOrAnyPathToIt) {
  for (const auto shape : {0, 1, 2, 3}) {
    const auto change = pending().change;
    const auto name = change.filename();
    const Path paths[] = {name, "changes" / name, change, folder / "keys/../changes" / name};
    EXPECT_TRUE(discard(paths[shape])) << shape;
    EXPECT_TRUE(std::filesystem::is_empty(folder / "changes")) << shape;
  }
}

TEST_F(SigningTest, ADamagedOrStaleChangeCanBeDiscarded) {
  const auto change = pending().change;
  must(write_file_atomically(unsynced_files(), change, "{"));
  EXPECT_TRUE(discard(change));
}

TEST_F(SigningTest, NothingButAChangeInChangesIsDiscarded) {
  const auto change = pending().change;
  std::filesystem::copy(change, top / "copy.change.json");
  std::filesystem::copy(change, folder / "copy.change.json");
  const auto before = snapshot_of(top.path());
  EXPECT_EQ(discard(top / "copy.change.json").error().reason, "elsewhere");
  EXPECT_EQ(discard(folder / "changes/../copy.change.json").error().reason, "elsewhere");
  EXPECT_EQ(discard("../copy.change.json").error().reason, "elsewhere");
  EXPECT_EQ(discard("copy.change.json").error().kind, ErrorKind::not_found);
  EXPECT_EQ(discard(folder / "repository.json").error().kind, ErrorKind::invalid);
  EXPECT_EQ(discard(folder / "changes/..").error().kind, ErrorKind::invalid);
  EXPECT_EQ(snapshot_of(top.path()), before);
}

/// Stops at every operation: the change is there whole, or cannot be published, and the next attempt removes the rest.
TEST_F(SigningTest, ADiscardThatStopsIsFinishedByTheNext) {
  StoppingFiles files(unsynced_files());
  for (std::size_t n = 1;; ++n) {
    const auto change = pending().change;
    files.stop_at(n);
    {
      const auto repository = open();
      static_cast<void>(publish::discard_change(files, repository, change));
    }
    if (!std::filesystem::is_empty(folder / "changes")) {
      EXPECT_TRUE(discard(change)) << n;
    }
    EXPECT_TRUE(std::filesystem::is_empty(folder / "changes")) << n;
    if (files.was_reached()) continue;
    EXPECT_GT(n, 4U);
    return;
  }
}

TEST_F(SigningTest, PublishingTwiceIsStale) {
  const auto change = pending().change;
  must(sign(change, key_file("rel-app", "anna")));
  std::filesystem::copy(change, top / "again.change.json");
  must(publish({change}));
  EXPECT_EQ(publish({top / "again.change.json"}).error().reason, "stale");
}

TEST_F(SigningTest, TheWordsAreOfWhatIsSignedAndNotOfTheFile) {
  const auto change = pending().change;
  replace(change, "\"words\": \"", "\"words\": \"nothing of importance ");
  const auto opened = must(open_change(unsynced_files(), change, {}));
  EXPECT_EQ(opened.words.find("nothing of importance"), std::string::npos);
  EXPECT_NE(opened.words.find("ADDS"), std::string::npos);
  EXPECT_NE(opened.words.find("1.0.0  release 1.1"), std::string::npos) << opened.words;
  EXPECT_NE(opened.words.find("bin/check"), std::string::npos);
}

TEST_F(SigningTest, WhoSignsReadsWhichHealthCheckActsOnMachines) {
  auto wanted = request("1.0.0", tree("one"));
  const auto words = [&](const std::string& health) {
    wanted.recipe = recipe("services = [\"app\"]\n[health]\n" + health);
    const auto made = must(try_release(wanted)).signed_as;
    auto read = must(open_change(unsynced_files(), made.change, {})).words;
    must(discard(made.change));
    return read;
  };
  const auto http = words("kind = \"http\"\nport = 8080\npath = \"/ready\"\naccount = \"web\"\nstable = \"10s\"\n");
  for (const char* part :
       {"requires health-http, health-stable", "web answers http://127.0.0.1:8080/ready with 200", "run on for 10 s"})
    EXPECT_NE(http.find(part), std::string::npos) << part << " in\n" << http;
  const auto confirm = words("kind = \"confirm\"\naccount = \"web\"\nexecutable = true\n");
  for (const char* part : {"requires confirm-executable", "web confirms, from a program of the release"})
    EXPECT_NE(confirm.find(part), std::string::npos) << part << " in\n" << confirm;
}

TEST_F(SigningTest, WhoSignsAWithdrawalReadsWhereMachinesGo) {
  const auto withdraw = [this](const publish::WithdrawalRequest& request) {
    auto repository = open();
    auto ring = keys();
    const publish::ReleaseChoice choice{"app", "stable", "linux-x64", "1.1.0"};
    const auto outcome = must(publish::withdraw(unsynced_files(), repository, choice, request, clock, ring));
    return must(open_change(unsynced_files(), outcome->signed_as.change, {})).words;
  };
  for (const char* version : {"1.0.0", "1.1.0"}) {
    const auto change = must(try_release(request(version, tree(version)))).signed_as.change;
    must(sign(change, key_file("rel-app", "anna")));
    must(publish({change}));
  }
  const auto words = withdraw({.go_back_to = "1.0.0", .reason = "it eats\nfiles"});
  EXPECT_NE(words.find("WITHDRAWS 1.1.0  release 1.2; machines go BACK to 1.0.0  release 1.1"), std::string::npos)
      << words;
  EXPECT_NE(words.find("because: it eats?files"), std::string::npos) << words;
  EXPECT_NE(withdraw({}).find("WITHDRAWS 1.1.0  release 1.2; machines keep it"), std::string::npos);
}

TEST_F(SigningTest, TerminalCommandsInSignedTextAreShownHarmless) {
  auto wanted = request("1.0.0", tree("one"));
  wanted.recipe = recipe("[health]\nkind = \"command\"\n[health.command]\nargv = [\"bin/check\", \"\\u007f[2J\"]\n");
  const auto change = must(try_release(wanted)).signed_as.change;
  const auto opened = must(open_change(unsynced_files(), change, {}));
  EXPECT_EQ(opened.words.find('\x7f'), std::string::npos);
  EXPECT_NE(opened.words.find("bin/check ?[2J"), std::string::npos) << opened.words;
}

TEST_F(SigningTest, ASignerWithARootOfHisOwnSignsNothingBuiltOnAnother) {
  const auto change = pending().change;
  const auto own = top.read("repository/metadata/1.root.json");
  EXPECT_TRUE(open_change(unsynced_files(), change, own));
  EXPECT_EQ(open_change(unsynced_files(), change, own + " ").error().reason, "root");
}

TEST_F(SigningTest, FieldsThatNobodyKnowsAreNotSigned) {
  const auto change = pending().change;
  replace(change, "\"spec_version\": \"1.0.34\",", "\"spec_version\": \"1.0.34\", \"x-more\": 1,");
  const auto result = open_change(unsynced_files(), change, {});
  EXPECT_EQ(result.error().reason, "altered");
}

TEST_F(SigningTest, ABaseThatItsKeysDidNotSignIsRefused) {
  const auto change = pending().change;
  replace(change, "\\\"threshold\\\":2", "\\\"threshold\\\":1");
  EXPECT_EQ(open_change(unsynced_files(), change, {}).error().kind, ErrorKind::untrusted);
}

TEST_F(SigningTest, AWrongPassphraseLeavesNothingBehind) {
  open();
  const auto before = snapshot_of(folder);
  auto ring = keys("wrong horse");
  {
    auto repository = open();
    const auto result =
        publish::make_release(unsynced_files(), repository, request("1.0.0", tree("one")), clock, ring, {}, {});
    EXPECT_EQ(result.error().kind, ErrorKind::denied);
  }
  EXPECT_EQ(snapshot_of(folder), before);
}

TEST_F(SigningTest, WithoutAnyKeyAnUnsignedChangeIsMade) {
  const auto report = must(release_as("nobody", request("1.0.0", tree("one"))));
  ASSERT_EQ(report.signed_as.missing.size(), 1U);
  EXPECT_EQ(report.signed_as.missing[0].good, 0);
  must(sign(report.signed_as.change, key_file("rel-app", "anna")));
  must(sign(report.signed_as.change, folder / "keys/rel-app-1.key.json"));
  EXPECT_NE(must(publish({report.signed_as.change})), "");
}

TEST_F(SigningTest, NoBundleAndNoChangeHoldsKeyMaterial) {
  const auto change = pending().change;
  must(sign(change, key_file("rel-app", "anna")));
  std::filesystem::copy(change, top / "kept.change.json");
  must(publish({change}));
  std::vector<std::string> secrets;
  for (const auto& place : {folder / "keys", folder / "online-keys", top / "anna"}) {
    for (const auto& [name, text] : snapshot_of(place)) {
      if (name.ends_with(".pub.json")) continue;
      const auto json = must(parse_json(text, name));
      secrets.push_back(json.contains("box") ? json.at("box").get<std::string>() : json.at("seed").get<std::string>());
    }
  }
  ASSERT_EQ(secrets.size(), 7U);
  auto given = snapshot_of(folder / "outgoing");
  given["the change"] = top.read("kept.change.json");
  EXPECT_GT(given.size(), 10U);
  for (const auto& [name, text] : given) {
    EXPECT_FALSE(name.ends_with(".key") || name.ends_with(".key.json")) << name;
    for (const auto& secret : secrets) EXPECT_EQ(text.find(secret), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace upswarm::tests
