#include "seeder/publish/hand_over.hpp"

#include "protocol/base/program.hpp"
#include "seeder/publish/everything.hpp"
#include "tests/seeder/publish/desk_fixture.hpp"
#include "tests/support/stopping_files.hpp"

namespace upswarm::tests {
namespace {

/// Remembers what was asked and answers as the test says.
class FakeHttp final : public HttpClient {
 public:
  struct Seen {
    std::string line;
    std::string authorization;
    std::string body;
  };
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token /*stop*/) override {
    std::string authorization;
    for (const auto& [name, value] : request.headers) authorization = name == "Authorization" ? value : authorization;
    const auto body =
        request.body_file.empty() ? request.body : must(read_file(unsynced_files(), request.body_file, 64_MiB));
    seen->push_back({request.method + " " + request.url, authorization, body});
    if (request.url.find(fail_at) != std::string::npos) return answer;
    return HttpResponse{201, {}, ""};
  }
  std::shared_ptr<std::vector<Seen>> seen = std::make_shared<std::vector<Seen>>();
  std::string fail_at = "nowhere";
  Result<HttpResponse> answer = HttpResponse{500, {}, ""};
};

class HandOverTest : public PublishTest {
 protected:
  HandOverTest() {
    init();
    released = release("1.0.0", tree("one")).signed_as.bundle;
    std::filesystem::create_directories(incoming);
  }
  Result<std::vector<std::string>> to_folder(Files& files = unsynced_files(), std::stop_token stop = {}) const {
    auto repository = open();
    UPSWARM_TRY(const auto to, publish::open_folder_destination(files, incoming));
    return publish::hand_over_all(repository, *to, {}, std::move(stop));
  }
  Result<std::vector<std::string>> over_http(std::unique_ptr<FakeHttp> http) const {
    auto repository = open();
    const auto to = publish::open_http_destination(unsynced_files(), std::move(http), "https://seeder:8443/", "secret");
    return publish::hand_over_all(repository, *to, {}, {});
  }
  std::size_t waiting() const { return must(open(publish::Repository::Access::reading).outgoing()).size(); }

  const Path incoming = top / "incoming";
  std::string released;
};

class NightlyHandOverTest : public DeskTest {
 protected:
  NightlyHandOverTest() {
    init();
    must(add_signer("pre-app", new_key("pre-app", "ci")));
  }
};

TEST_F(HandOverTest, EverythingIsOneBundleOfAllThatIsCurrent) {
  ASSERT_TRUE(to_folder());
  auto wanted = request("2.0.0", tree("two", 2));
  wanted.permille = 30;
  must(try_release(wanted));
  std::optional<publish::Repository> repository = open();
  ASSERT_EQ(must(repository->outgoing()).size(), 1U);
  std::filesystem::remove_all(incoming);
  std::filesystem::create_directories(incoming);
  const auto to = must(publish::open_folder_destination(unsynced_files(), incoming));
  const auto name = publish::hand_over_everything(unsynced_files(), *repository, *to, {}, {});
  ASSERT_TRUE(name) << name.error().message();
  repository.reset();
  EXPECT_EQ(waiting(), 0U) << "what waited is in it";
  const auto reader = open(publish::Repository::Access::reading);
  const auto* product = must(reader.product("app"));
  for (const auto& [path, target] : product->release.targets) {
    const auto given = incoming / *name / "targets" / publish::consistent_name(path, target.sha256);
    const auto bytes = must(read_file(unsynced_files(), given, 64_MiB));
    EXPECT_EQ(sha256(bytes), target.sha256) << path;
  }
  const auto names = must(publish::list_bundle(unsynced_files(), incoming / *name));
  for (const auto* file : {"metadata/1.root.json", "metadata/1.targets.json", "metadata/3.rel-app.json"}) {
    EXPECT_TRUE(std::ranges::find(names, file) != names.end()) << file;
  }
  const auto bundle = must(seeder::parse_bundle(top.read("incoming/" + *name + "/bundle.json"), "bundle.json"));
  ASSERT_EQ(bundle.rollouts.size(), 1U) << "the wish that waited, and no older one";
  EXPECT_EQ(bundle.rollouts[0].item.permille, 30);
}

/// With packages of both kinds under one version: neither stands in the other's place.
TEST_F(NightlyHandOverTest, EverythingHasTheNightlyBuildsToo) {
  auto wanted = request("1.0.0", tree("one", 1, {{"share/a", "1"}}));
  must(release_as("", wanted));
  wanted.folder = tree("two", 1, {{"share/a", "2"}});
  wanted.name.is_nightly = true;
  must(release_as("ci", wanted));
  wanted.folder = tree("three", 1, {{"share/a", "3"}});
  wanted.name.version = "1.1.0-nightly.1";
  ASSERT_FALSE(must(release_as("ci", wanted)).entry.deltas.empty());

  std::filesystem::create_directories(top / "incoming");
  const auto to = must(publish::open_folder_destination(unsynced_files(), top / "incoming"));
  std::string name;
  {
    auto repository = open();
    name = must(publish::hand_over_everything(unsynced_files(), repository, *to, {}, {}));
  }
  EXPECT_TRUE(std::filesystem::exists(top / "incoming" / name / "metadata/2.pre-app.json"));
  const auto reader = open(publish::Repository::Access::reading);
  std::size_t packages = 0;
  for (const auto& [path, target] : reader.prereleases().at("app").release.targets) {
    if (path.starts_with("pre/")) ++packages;
    const auto given = top / "incoming" / name / "targets" / publish::consistent_name(path, target.sha256);
    EXPECT_EQ(sha256(must(read_file(unsynced_files(), given, 64_MiB))), target.sha256) << path;
  }
  EXPECT_GE(packages, 6U) << "two packages, a delta, and their torrents";

  Served served(folder, clock);
  served.take(top / "incoming" / name);
  Follower follower(top / "store", folder, served, clock);
  must(follower.client.refresh());
  const auto index = must(follower.client.fetch("preindex/app/stable/linux-x64.json", trust::kLongestIndex));
  for (const auto& entry : must(trust::parse_index(index, "preindex")).entries) {
    EXPECT_TRUE(follower.client.fetch(entry.full.path, 64_MiB)) << entry.full.path;
    for (const auto& delta : entry.deltas) EXPECT_TRUE(follower.client.fetch(delta.file.path, 64_MiB));
  }
}

TEST_F(HandOverTest, EverythingNamesAPackageThatIsGone) {
  ASSERT_TRUE(to_folder());
  std::filesystem::remove_all(folder / "releases");
  auto repository = open();
  const auto to = must(publish::open_folder_destination(unsynced_files(), incoming));
  const auto name = publish::hand_over_everything(unsynced_files(), repository, *to, {}, {});
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error().kind, ErrorKind::not_found);
  EXPECT_NE(name.error().message().find("app-1.0.0.upk"), std::string::npos) << name.error().message();
}

TEST_F(HandOverTest, AFolderGetsWholeBundlesInTheirOrder) {
  const auto before = snapshot_of(bundle(released));
  const auto sent = to_folder();
  ASSERT_TRUE(sent) << sent.error().message();
  EXPECT_EQ(*sent, (std::vector<std::string>{"00000001-init", released}));
  EXPECT_EQ(snapshot_of(incoming / released), before);
  EXPECT_EQ(waiting(), 0U);
  EXPECT_TRUE(std::filesystem::exists(folder / "handed-over" / (released + ".json")));
}

TEST_F(HandOverTest, WhatWasHandedOverIsNotSentAgainAndNumbersGoOn) {
  must(to_folder());
  EXPECT_TRUE(must(to_folder()).empty());
  EXPECT_TRUE(release("1.1.0", tree("two", 2)).signed_as.bundle.starts_with("00000003-"));
}

TEST_F(HandOverTest, AFullDiskLeavesNothingInIncomingAndARetryWorks) {
  StoppingFiles files(unsynced_files());
  for (const std::size_t n : {1U, 3U, 8U, 14U}) {
    files.stop_at(n, StoppingFiles::Mode::fail, ErrorKind::no_space);
    const auto failed = to_folder(files);
    ASSERT_FALSE(failed) << n;
    EXPECT_EQ(failed.error().kind, ErrorKind::no_space);
    for (const auto& entry : std::filesystem::directory_iterator(incoming))
      EXPECT_NE(entry.path().extension(), ".part");
  }
  ASSERT_TRUE(to_folder());
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(HandOverTest, AHalfBundleOfAnEarlierAttemptIsReplaced) {
  top.write("incoming/00000001-init.part/junk", "x");
  must(to_folder());
  EXPECT_FALSE(std::filesystem::exists(incoming / "00000001-init/junk"));
  EXPECT_FALSE(std::filesystem::exists(incoming / "00000001-init.part"));
}

TEST_F(HandOverTest, AMissingFolderIsSaid) {
  const auto to = publish::open_folder_destination(unsynced_files(), top / "nowhere");
  ASSERT_FALSE(to);
  EXPECT_EQ(to.error().kind, ErrorKind::not_found);
}

TEST_F(HandOverTest, CancellingKeepsTheBundles) {
  EXPECT_EQ(to_folder(unsynced_files(), already_stopped()).error().kind, ErrorKind::cancelled);
  EXPECT_EQ(waiting(), 2U);
}

TEST_F(HandOverTest, HttpPutsEveryFileAndCommitsLast) {
  auto http = std::make_unique<FakeHttp>();
  const auto seen = http->seen;
  const auto files = snapshot_of(bundle(released));
  must(over_http(std::move(http)));
  std::map<std::string, std::string> put;
  const auto base = "https://seeder:8443/v1/bundles/" + released + "/";
  for (const auto& one : *seen) {
    EXPECT_EQ(one.authorization, "Bearer secret");
    if (one.line.starts_with("PUT " + base)) put[one.line.substr(4 + base.size())] = one.body;
  }
  for (const auto& [name, bytes] : files) {
    if (bytes.empty()) continue;  // a folder
    EXPECT_EQ(put[name], bytes) << name;
  }
  EXPECT_EQ(seen->back().line, "POST " + base + "commit");
  EXPECT_EQ((*seen)[seen->size() - 2].line, "PUT " + base + "bundle.json");
  EXPECT_EQ(waiting(), 0U);
}

TEST_F(HandOverTest, ARefusalOfTheSeederIsOurs) {
  auto http = std::make_unique<FakeHttp>();
  http->fail_at = "1.0.0-stable-linux-x64-1.1/commit";
  const Error refusal{ErrorKind::untrusted, "take in the bundle", "the version went back", "rollback"};
  http->answer = HttpResponse{422, {}, Json{{"error", to_json(refusal)}}.dump()};
  const auto result = over_http(std::move(http));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::untrusted);
  EXPECT_EQ(result.error().reason, "rollback");
  EXPECT_NE(result.error().message().find("the version went back"), std::string::npos);
  EXPECT_EQ(waiting(), 1U);  // the first was taken
}

TEST_F(HandOverTest, OtherAnswersHaveKinds) {
  const std::pair<int, ErrorKind> wanted[] = {{401, ErrorKind::denied},    {403, ErrorKind::denied},
                                              {404, ErrorKind::not_found}, {503, ErrorKind::unreachable},
                                              {507, ErrorKind::no_space},  {302, ErrorKind::internal}};
  for (const auto& [status, kind] : wanted) {
    auto http = std::make_unique<FakeHttp>();
    http->fail_at = "00000001-init/";
    http->answer = HttpResponse{status, {}, "<html>"};
    const auto result = over_http(std::move(http));
    ASSERT_FALSE(result) << status;
    EXPECT_EQ(result.error().kind, kind) << status;
  }
  EXPECT_EQ(waiting(), 2U);
}

TEST_F(HandOverTest, AnUnreachableSeederLosesNothing) {
  auto http = std::make_unique<FakeHttp>();
  http->fail_at = "00000001-init/";
  http->answer = Error{ErrorKind::unreachable, "PUT", "connection refused"};
  EXPECT_EQ(over_http(std::move(http)).error().kind, ErrorKind::unreachable);
  EXPECT_TRUE(to_folder());
}

}  // namespace
}  // namespace upswarm::tests
