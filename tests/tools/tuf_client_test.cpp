// The real upswarm-tuf-client against a simulated repository over HTTP: exit codes, the two folders, every request.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <mutex>
#include <thread>

#include "protocol/base/process.hpp"
#include "tests/support/http_fixture.hpp"
#include "tests/support/repository_simulator.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/tools/tuf_client/target_folder.hpp"

namespace upswarm::tools {
namespace {

using Names = std::vector<std::string>;

constexpr const char* kPath = "index/app/stable/linux-x64.json";

class TufClientTest : public testing::Test {
 protected:
  TufClientTest() {
    clock.time = system_clock().now();
    simulator.emplace(clock);
    folder.write("first.json", simulator->files.at("metadata/1.root.json"));
  }

  tests::FixtureReply serve(const tests::FixtureRequest& request) {
    const std::lock_guard turn(mutex);
    requests.push_back(request.method + " " + request.path);
    if (!request.path.starts_with(base)) return {.status = 404};
    const auto name = request.path.substr(base.size());
    if (const auto set = replies.find(name); set != replies.end()) return set->second;
    const auto file = simulator->files.find(name);
    if (file == simulator->files.end()) return {.status = 404};
    return {.body = file->second};
  }

  ProcessOutcome run(Names arguments, std::chrono::milliseconds limit = std::chrono::seconds(60)) {
    arguments.insert(arguments.begin(), {UPSWARM_TUF_CLIENT, "--metadata-dir", (folder / "metadata").string()});
    between_answers([&] { requests.clear(); });
    auto ended = run_process(
        {.argv = arguments, .folder = folder.path(), .environment = {}, .account = {}, .time_limit = limit}, {});
    EXPECT_TRUE(ended) << (ended ? "" : ended.error().message());
    return std::move(*ended);
  }
  int init() { return run({"init", (folder / "first.json").string()}).exit_code; }
  Names refreshing() const { return {"--metadata-url", server.url() + base + "metadata", "refresh"}; }
  int refresh() { return run(refreshing()).exit_code; }
  int download(const Names& paths) {
    Names arguments{"--metadata-url", server.url() + base + "metadata/"};
    for (const auto& path : paths) arguments.insert(arguments.end(), {"--target-name", path});
    arguments.insert(arguments.end(), {"--target-dir", (folder / "targets").string(), "--target-base-url",
                                       server.url() + base + "targets", "download"});
    return run(arguments).exit_code;
  }

  /// What was asked, without the method and the base.
  Names asked() {
    const std::lock_guard turn(mutex);
    Names names;
    for (const auto& request : requests) {
      const auto start = "GET " + base;
      names.push_back(request.starts_with(start) ? request.substr(start.size()) : request);
    }
    return names;
  }
  std::string served_as(const std::string& path) const {
    const auto& file = simulator->delegated.at("rel-app").targets.at(path);
    return "targets/" + trust::TrustedTarget{path, file, "rel-app"}.consistent_name();
  }
  /// What the server has changes between two answers, not under one.
  void between_answers(const std::function<void()>& change) {
    const std::lock_guard turn(mutex);
    change();
  }
  Names kept(const char* where) const {
    const auto names = system_files().list(folder / where);
    return names ? *names : Names{};
  }

  std::string base = "/a%20repository/";
  tests::TemporaryFolder folder;
  tests::FakeClock clock;
  std::optional<tests::RepositorySimulator> simulator;
  std::mutex mutex;
  Names requests;
  std::map<std::string, tests::FixtureReply> replies;
  tests::HttpFixture server{[this](const auto& request) { return serve(request); }};
};

TEST_F(TufClientTest, InitAsksNobody) {
  EXPECT_EQ(init(), 0);
  EXPECT_EQ(asked(), Names{});
  EXPECT_EQ(kept("metadata"), (Names{"lock", "root.json"}));
  EXPECT_EQ(folder.read("metadata/root.json"), simulator->files.at("metadata/1.root.json"));
}

TEST_F(TufClientTest, ARefreshAsksEachFileOnceAndKeepsItAsServed) {
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(refresh(), 0);
  EXPECT_EQ(asked(), (Names{"metadata/2.root.json", "metadata/timestamp.json", "metadata/1.snapshot.json",
                            "metadata/1.targets.json"}));
  EXPECT_EQ(kept("metadata"), (Names{"lock", "root.json", "snapshot.json", "targets.json", "timestamp.json"}));
  EXPECT_EQ(folder.read("metadata/snapshot.json"), simulator->files.at("metadata/1.snapshot.json"));
}

TEST_F(TufClientTest, AnUnchangedRefreshMakesTwoRequests) {
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(refresh(), 0);
  ASSERT_EQ(refresh(), 0);
  EXPECT_EQ(asked(), (Names{"metadata/2.root.json", "metadata/timestamp.json"}));
}

TEST_F(TufClientTest, DownloadsOnceWhatHasTheRightDigest) {
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(download({kPath}), 0);
  const auto file = TargetFolder(system_files(), "targets").file_of(kPath);
  EXPECT_EQ(folder.read(file.string()), "the index");
  EXPECT_EQ(asked().back(), served_as(kPath));
  ASSERT_EQ(download({kPath}), 0);
  EXPECT_EQ(asked(), (Names{"metadata/2.root.json", "metadata/timestamp.json"}));
  folder.write(file.string(), "the Index");
  ASSERT_EQ(download({kPath}), 0);
  EXPECT_EQ(folder.read(file.string()), "the index") << "fetched again, for it was not what is signed";
  EXPECT_EQ(kept("targets").size(), 1U);
}

TEST_F(TufClientTest, TargetsComeInTheirOrderUntilOneFails) {
  simulator->add_target("rel-app", "pkg/app/linux-x64/1.0.0/a", "a");
  simulator->add_target("rel-app", "pkg/app/linux-x64/1.0.0/b", "b");
  simulator->publish({"rel-app"});
  ASSERT_EQ(init(), 0);
  EXPECT_EQ(download({"pkg/app/linux-x64/1.0.0/b", "no/such/target", "pkg/app/linux-x64/1.0.0/a"}), 1);
  EXPECT_EQ(kept("targets"), (Names{"pkg%2Fapp%2Flinux-x64%2F1.0.0%2Fb"}));
}

TEST_F(TufClientTest, NoTargetIsAnothersHalf) {
  for (const char* path : {"odd/a", "odd/a.part"}) simulator->add_target("rel-app", path, path);
  simulator->targets.delegations.roles.at(0).paths.emplace_back("odd/*");
  simulator->publish({"targets", "rel-app"});
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(download({"odd/a.part"}), 0);
  ASSERT_EQ(download({"odd/a"}), 0);
  EXPECT_EQ(kept("targets"), (Names{"odd%2Fa", "odd%2Fa.part"}));
}

TEST_F(TufClientTest, WrongBytesAreNotKept) {
  ASSERT_EQ(init(), 0);
  ASSERT_EQ(download({kPath}), 0);
  std::string name;
  between_answers([&] {
    simulator->add_target("rel-app", kPath, "newer");
    name = served_as(kPath);
    simulator->publish({"rel-app"});
  });
  for (const char* wrong : {"wrong", "newer and longer", "new"}) {
    between_answers([&] { replies[name] = {.body = wrong}; });
    EXPECT_EQ(download({kPath}), 1) << wrong;
    const auto there = kept("targets");
    ASSERT_EQ(there.size(), 1U);
    EXPECT_EQ(folder.read("targets/" + there.front()), "the index") << "what was there stays";
  }
}

TEST_F(TufClientTest, RoleNamesArePercentEncodedInRequestsAndFileNames) {
  for (const std::string role : {"?", "#", "/delegated", "../delegated", "a role"}) {
    simulator->delegate(role, {"odd/*"});
    simulator->delegated.at(role).version = 1;
    const auto encoded = trust::encode_role_name(role);
    simulator->files["metadata/1." + encoded + ".json"] =
        trust::seal(trust::to_json(simulator->delegated.at(role)), {&simulator->keys.at(role)});
    simulator->snapshot.meta[role + ".json"] = {1, {}, {}};
  }
  simulator->publish({"targets"});
  ASSERT_EQ(init(), 0);
  EXPECT_EQ(download({"odd/x"}), 1);
  const auto names = asked();
  for (const char* name : {"%3F", "%23", "%2Fdelegated", "..%2Fdelegated", "a%20role"}) {
    EXPECT_EQ(std::ranges::count(names, std::string("metadata/1.") + name + ".json"), 1) << name;
    EXPECT_EQ(std::ranges::count(kept("metadata"), std::string(name) + ".json"), 1) << name;
  }
}

TEST_F(TufClientTest, OnlyNotFoundAndForbiddenMeanThatThereIsNoNewerRoot) {
  ASSERT_EQ(init(), 0);
  between_answers([&] { replies["metadata/2.root.json"] = {.status = 403}; });
  EXPECT_EQ(refresh(), 0);
  for (const int status : {204, 301, 400, 401, 429, 500, 503}) {
    between_answers([&] { replies["metadata/2.root.json"] = {.status = status}; });
    EXPECT_EQ(refresh(), 1) << status;
    EXPECT_EQ(asked(), (Names{"metadata/2.root.json"})) << "no second try, and nothing after it";
  }
}

TEST_F(TufClientTest, EndlessAnswersAreCutOff) {
  ASSERT_EQ(init(), 0);
  const std::pair<const char*, Bytes> longest[] = {{"2.root.json", trust::kLongestRoot},
                                                   {"timestamp.json", trust::kLongestTimestamp},
                                                   {"1.snapshot.json", trust::kLongestSnapshot},
                                                   {"1.targets.json", trust::kLongestTargets}};
  for (const auto& [name, most] : longest) {
    between_answers([&] { replies = {{std::string("metadata/") + name, {.body = std::string(most.count + 1, ' ')}}}; });
    const auto ended = run(refreshing());
    EXPECT_EQ(ended.exit_code, 1) << name;
    EXPECT_NE(ended.output.find("longer than"), std::string::npos) << ended.output;
  }
  between_answers([&] { replies.clear(); });
  EXPECT_EQ(refresh(), 0);
}

TEST_F(TufClientTest, AnAnswerThatBreaksOffIsAFailure) {
  ASSERT_EQ(init(), 0);
  replies["metadata/timestamp.json"] = {.body = simulator->files.at("metadata/timestamp.json"), .promised = 16'000};
  EXPECT_EQ(refresh(), 1);
  EXPECT_EQ(kept("metadata"), (Names{"lock", "root.json"}));
}

TEST_F(TufClientTest, WrongUsageIsOne) {
  EXPECT_EQ(run({}).exit_code, 1);
  EXPECT_EQ(run({"refresh"}).exit_code, 1);
  EXPECT_EQ(run({"--metadata-url", "http://127.0.0.1:1/", "download"}).exit_code, 1);
  EXPECT_EQ(run({"--no-such-option", "refresh"}).exit_code, 1);
  EXPECT_EQ(run({"init", (folder / "missing.json").string()}).exit_code, 1);
}

TEST_F(TufClientTest, KilledAtAnyMomentTheNextRefreshGoesOn) {
  ASSERT_EQ(init(), 0);
  for (int round = 0; round < 40; ++round) {
    between_answers([&] {
      if (round % 8 == 7) {
        simulator->rotate_key("timestamp");
        simulator->publish_root();
      }
      simulator->publish({"targets", "rel-app"});
    });
    run(refreshing(), std::chrono::milliseconds(round));
    ASSERT_EQ(refresh(), 0) << round;
    EXPECT_EQ(folder.read("metadata/targets.json"),
              simulator->files.at("metadata/" + std::to_string(simulator->targets.version) + ".targets.json"));
  }
}

TEST_F(TufClientTest, TwoAtOnceTakeTurns) {
  ASSERT_EQ(init(), 0);
  for (int round = 0; round < 5; ++round) {
    between_answers([&] { simulator->publish({"targets"}); });
    std::array<int, 3> codes{};
    {
      std::vector<std::jthread> programs;
      for (auto& code : codes) programs.emplace_back([this, &code] { code = refresh(); });
    }
    EXPECT_EQ(codes, (std::array<int, 3>{0, 0, 0}));
    EXPECT_EQ(folder.read("metadata/timestamp.json"), simulator->files.at("metadata/timestamp.json"));
  }
}

TEST(TargetFolderTest, NamesStayInTheFolderAndAreNoLongerThanAFileNameMayBe) {
  const TargetFolder folder(system_files(), "/targets");
  EXPECT_EQ(folder.file_of("../../etc/passwd").parent_path(), "/targets");
  EXPECT_EQ(folder.file_of("..").parent_path(), "/targets");
  EXPECT_NE(folder.file_of("..").filename(), "..");
  EXPECT_LT(folder.file_of(std::string(1000, 'x')).filename().string().size(), 200U);
  EXPECT_NE(folder.file_of("a/b"), folder.file_of("a%2Fb"));
}

}  // namespace
}  // namespace upswarm::tools
