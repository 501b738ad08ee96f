#include "seeder/api.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/base/hex.hpp"
#include "protocol/base/json.hpp"
#include "seeder/migrations.hpp"
#include "seeder/names.hpp"
#include "tests/seeder/seeder_world.hpp"

namespace upswarm::seeder {
namespace {

class ApiTest : public testing::Test {
 protected:
  void SetUp() override {
    world.add_release("1.0.0", "the first package");
    world.write_bundle("0001");
    ASSERT_EQ(world.incoming().poll()->taken, 1);
  }

  HttpCall call(const std::string& method, const std::string& path, std::map<std::string, std::string> headers = {},
                const std::string& body = "") {
    return {method,
            path,
            "",
            std::move(headers),
            body,
            boost::asio::ip::make_address("10.0.0.1"),
            boost::asio::ip::make_address("10.0.0.9")};
  }
  HttpAnswer get(const std::string& path, std::map<std::string, std::string> headers = {}) {
    return api.answer(call("GET", path, std::move(headers)));
  }
  std::map<std::string, std::string> bearer(std::vector<Scope> scopes) {
    return {{"authorization",
             "Bearer " + *ApiKeys(records).make("key" + std::to_string(++keys), scopes, world.clock.now())}};
  }
  /// Uploads every file of a bundle folder and commits it. The first status that is no success, or the commit's.
  int upload(const std::string& name, const Path& folder, const std::map<std::string, std::string>& headers) {
    for (const auto& one : std::filesystem::recursive_directory_iterator(folder)) {
      if (!one.is_regular_file()) continue;
      const auto content = *read_file(system_files(), one.path(), 1_MiB);
      const auto path = "/v1/bundles/" + name + "/" + one.path().lexically_relative(folder).string();
      auto begun = api.begin_upload(call("PUT", path, headers), Bytes{content.size()});
      if (const auto* refused = std::get_if<HttpAnswer>(&begun)) return refused->status;
      EXPECT_TRUE(std::get<0>(begun)->write(as_bytes(content)));
      EXPECT_EQ(api.end_upload(*std::get<0>(begun)).status, 201);
    }
    return api.answer(call("POST", "/v1/bundles/" + name + "/commit", headers)).status;
  }
  static std::string header(const HttpAnswer& answer, const std::string& wanted) {
    for (const auto& [name, value] : answer.headers) {
      if (name == wanted) return value;
    }
    return "";
  }
  std::string package() { return "/targets/" + world.stored_name(world.package_path("1.0.0")); }

  tests::SeederWorld world;
  Database records = std::move(*Database::open(world.place.database(), kMigrations));
  SiteMap sites;
  Leases leases{world.clock};
  Tracker tracker{{}, sites, leases, world.clock};
  Uploads uploads{system_files(), world.place, 1_MiB};
  PackageUse use;
  PackageGate gate{1, sites, leases, world.clock};
  Api api{{system_files(), world.place, records, tracker, world.incoming(), uploads, nullptr, world.clock, use, gate}};
  int keys = 0;
};

TEST_F(ApiTest, MetadataComesAsTheDifferenceToWhatTheClientHas) {
  const auto folder = world.place.metadata();
  const auto read = [&](const std::string& name) { return *read_file(system_files(), folder / name, 1_MiB); };
  const auto before = *system_files().list(folder);
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0002");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  const auto newest = [&](const std::string& role) {
    std::string name;
    trust::RoleVersion highest = 0;
    const auto names = *system_files().list(folder);
    for (const auto& one : names) {
      const auto parsed = parse_versioned_name(one);
      if (parsed && parsed->role == role && parsed->version > highest) {
        highest = parsed->version;
        name = one;
      }
    }
    return name;
  };
  const auto now = newest("rel-app");
  const auto earlier = std::ranges::find_if(before, [](const auto& one) { return one.ends_with(".rel-app.json"); });
  ASSERT_NE(earlier, before.end());
  ASSERT_NE(now, *earlier);
  const auto dictionary = dictionary_field(sha256(read(*earlier)));
  const auto answer = get("/metadata/" + now, {{"accept-encoding", "dcz, zstd"}, {"available-dictionary", dictionary}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(header(answer, "Content-Encoding"), "dcz");
  EXPECT_EQ(header(answer, "Vary"), "Accept-Encoding, Available-Dictionary");
  EXPECT_LT(answer.body.size(), read(now).size());
  EXPECT_EQ(*decode_dcz(answer.body, read(*earlier), 1_MiB), read(now));
  const auto plain = get("/metadata/" + now);
  EXPECT_EQ(plain.body, read(now));
  EXPECT_EQ(header(plain, "Content-Encoding"), "");
  EXPECT_NE(header(plain, "ETag"), header(answer, "ETag"));
  EXPECT_EQ(get("/metadata/" + now, {{"if-none-match", header(plain, "ETag")}}).status, 304);
  EXPECT_EQ(header(get("/metadata/timestamp.json", {{"accept-encoding", "zstd"}}), "Content-Encoding"), "");
}

TEST_F(ApiTest, ServesMetadataWithATag) {
  const auto answer = get("/metadata/timestamp.json");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, world.metadata("timestamp.json"));
  const auto tag = header(answer, "ETag");
  const auto again = get("/metadata/timestamp.json", {{"if-none-match", tag}});
  EXPECT_EQ(again.status, 304);
  EXPECT_TRUE(again.body.empty());
  EXPECT_EQ(header(again, "ETag"), tag);
  EXPECT_EQ(header(get("/metadata/1.root.json"), "Cache-Control"), "public, max-age=600");
  EXPECT_EQ(header(answer, "Cache-Control").find("immutable"), std::string::npos);
}

TEST_F(ApiTest, AnswersAnUnchangedPollAtOnceOnceItWasAsked) {
  const auto timestamp = call("GET", "/metadata/timestamp.json");
  const auto next_root = call("GET", "/metadata/2.root.json");
  EXPECT_FALSE(api.answer_at_once(timestamp));
  EXPECT_FALSE(api.answer_at_once(next_root));
  const auto tag = header(api.answer(timestamp), "ETag");
  EXPECT_EQ(api.answer(next_root).status, 404);
  const auto unchanged = api.answer_at_once(call("GET", "/metadata/timestamp.json", {{"if-none-match", tag}}));
  ASSERT_TRUE(unchanged);
  EXPECT_EQ(unchanged->status, 304);
  ASSERT_TRUE(api.answer_at_once(next_root));
  EXPECT_EQ(api.answer_at_once(next_root)->status, 404);
}

TEST_F(ApiTest, NothingOldIsServedAfterAChange) {
  const auto timestamp = call("GET", "/metadata/timestamp.json");
  const auto before = api.answer(timestamp).body;
  world.add_release("1.1.0", "the second package");
  world.write_bundle("0002");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  EXPECT_FALSE(api.answer_at_once(timestamp));
  EXPECT_NE(api.answer(timestamp).body, before);
  EXPECT_EQ(api.answer(timestamp).body, world.metadata("timestamp.json"));
}

TEST_F(ApiTest, ServesNothingElseFromTheFolder) {
  world.folder.write("repository/metadata/secret", "x");
  for (const auto* path :
       {"/metadata/secret", "/metadata/../../keys/timestamp.key", "/metadata/%2e%2e/%2e%2e/seeder.sqlite", "/metadata/",
        "/metadata/2.root.json", "/targets/../metadata/timestamp.json", "/targets/", "/targets/pkg", "/", "/etc/passwd",
        "//metadata/timestamp.json"}) {
    EXPECT_EQ(get(path).status, 404) << path;
  }
  EXPECT_EQ(get("/metadata/%zz").status, 400);
}

TEST_F(ApiTest, ServesTargetsWholeAndInParts) {
  const auto whole = get(package());
  EXPECT_EQ(whole.status, 200);
  EXPECT_EQ(whole.length, 17_B);
  const auto part = get(package(), {{"range", "bytes=4-8"}});
  EXPECT_FALSE(part.is_background);
  EXPECT_TRUE(get(package(), {{"range", "bytes=4-8"}, {"priority", "u=7"}}).is_background);
  EXPECT_FALSE(get(package(), {{"range", "bytes=4-8"}, {"priority", "u=3"}}).is_background);
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.first, 4_B);
  EXPECT_EQ(part.length, 5_B);
  EXPECT_EQ(header(part, "Content-Range"), "bytes 4-8/17");
  const auto beyond = get(package(), {{"range", "bytes=17-"}});
  EXPECT_EQ(beyond.status, 416);
  EXPECT_EQ(header(beyond, "Content-Range"), "bytes */17");
}

TEST_F(ApiTest, RationsPackagesWithoutALease) {
  world.add_release("1.1.0", std::string(200'000, 'x'));
  world.write_bundle("0002");
  ASSERT_EQ(world.incoming().poll()->taken, 1);
  const auto path = "/targets/" + world.stored_name(world.package_path("1.1.0"));
  const std::string hash(20, 'h');
  gate.offer_only({{*digest_in(path), hash}});
  const auto ask = [&](const char* from, std::map<std::string, std::string> headers = {}, const char* method = "GET") {
    auto one = call(method, path, std::move(headers));
    one.remote = boost::asio::ip::make_address(from);
    return api.answer(one);
  };
  EXPECT_EQ(ask("10.0.0.1").status, 200);
  const auto refused = ask("10.0.0.2");
  EXPECT_EQ(refused.status, 429);
  EXPECT_GE(std::stoi(header(refused, "Retry-After")), 2);
  EXPECT_EQ(header(refused, "Cache-Control"), "no-store");
  EXPECT_EQ(ask("10.0.0.2", {{"range", "bytes=0-99999"}}).status, 429);
  EXPECT_EQ(ask("10.0.0.2", {{"range", "bytes=0-9999"}}).status, 206) << "a small part";
  EXPECT_EQ(ask("10.0.0.2", {}, "HEAD").status, 200);
  EXPECT_EQ(ask("10.0.0.2", {{"if-none-match", "*"}}).status, 304);
  const auto lease = leases.begin(hash, "10.0.0.0/24", "machine", world.clock.now() + std::chrono::seconds(15));
  const auto token = to_hex(as_bytes(leases.token(lease)));
  EXPECT_EQ(ask("10.0.0.2", {{"range", "bytes=0-99999"}, {"upswarm-lease", token}}).status, 206);
}

TEST_F(ApiTest, IgnoresARangeForAnotherContent) {
  const auto tag = header(get(package()), "ETag");
  EXPECT_EQ(get(package(), {{"range", "bytes=4-8"}, {"if-range", tag}}).status, 206);
  EXPECT_EQ(get(package(), {{"range", "bytes=4-8"}, {"if-range", "\"other\""}}).status, 200);
}

TEST_F(ApiTest, TakesNoOtherMethods) {
  for (const auto* method : {"POST", "DELETE", "PATCH", "OPTIONS", "BREW"})
    EXPECT_EQ(api.answer(call(method, "/metadata/timestamp.json")).status, 405) << method;
  EXPECT_EQ(api.answer(call("GET", "/v1/reports")).status, 405);
}

TEST_F(ApiTest, AnswersAnnouncesAlwaysInBencode) {
  auto announce = call("GET", "/announce");
  announce.query = "info_hash=x";
  const auto answer = api.answer(announce);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.rfind("d14:failure reason", 0), 0U) << answer.body;
}

TEST_F(ApiTest, AnswersScrapesAtOnceAndInBencode) {
  auto scrape = call("GET", "/scrape");
  EXPECT_EQ(api.answer(scrape).body.rfind("d14:failure reason", 0), 0U);
  scrape.query = "info_hash=" + std::string(20, 'a');
  EXPECT_EQ(api.answer(scrape).body, "d5:filesdee");
  const auto at_once = api.answer_at_once(scrape);
  ASSERT_TRUE(at_once);
  EXPECT_EQ(at_once->body, "d5:filesdee");
  EXPECT_EQ(api.answer(call("POST", "/scrape")).status, 405);
}

TEST_F(ApiTest, StoresReportsOnce) {
  const auto* const report =
      R"({"machine":"m","number":1,"product":"app","from":"","to":"1.0.0","running":"1.0.0","kind":"full","result":"completed","reason":"",)"
      R"("at":"2026-11-21T04:20:00Z","milliseconds":12,"bytes":{"disk":0,"site":1,"origin_bt":2,"origin_http":3,"wasted":0}})";
  const auto first = api.answer(call("POST", "/v1/reports", {}, report));
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.body, R"({"reason":"unsigned","stored":true,"trusted":false})");
  EXPECT_EQ(api.answer(call("POST", "/v1/reports", {}, report)).body,
            R"({"reason":"unsigned","stored":false,"trusted":false})");
  EXPECT_EQ(api.answer(call("POST", "/v1/reports", {}, "{}")).status, 400);
}

TEST_F(ApiTest, ShowsItsStatusToReadersOnly) {
  EXPECT_EQ(get("/v1/status").status, 401);
  EXPECT_EQ(get("/v1/status", {{"authorization", "Bearer nonsense"}}).status, 401);
  EXPECT_EQ(get("/v1/status", bearer({Scope::upload})).status, 403);
  const auto answer = get("/v1/status", bearer({Scope::read}));
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto json = parse_json(answer.body, "status");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->at("torrents"), 1);
  EXPECT_EQ(json->at("reports"), 0);
  EXPECT_EQ(json->at("peers"), 0);
}

TEST_F(ApiTest, TellsItsHealth) {
  EXPECT_EQ(get("/v1/health").status, 200);
  EXPECT_EQ(parse_json(get("/v1/health").body, "health")->at("warnings").size(), 0U);
  world.clock.advance(std::chrono::hours(25));
  EXPECT_EQ(get("/v1/health").status, 503);
  const auto warned = parse_json(get("/v1/health").body, "health");
  ASSERT_TRUE(warned);
  EXPECT_EQ(warned->at("status"), "expired");
  EXPECT_EQ(warned->at("warnings").at(0).at("role"), "timestamp");
  EXPECT_EQ(warned->at("warnings").at(0).at("state"), "expired");
}

TEST_F(ApiTest, TakesUploadsByScope) {
  const auto status = [&](const std::string& path, std::map<std::string, std::string> headers,
                          std::optional<Bytes> length = 2_B) {
    auto begun = api.begin_upload(call("PUT", path, std::move(headers)), length);
    const auto* refused = std::get_if<HttpAnswer>(&begun);
    return refused != nullptr ? refused->status : api.end_upload(*std::get<0>(begun)).status;
  };
  const auto upload = bearer({Scope::upload});
  const auto rollout = bearer({Scope::rollout});
  EXPECT_EQ(status("/v1/bundles/b/bundle.json", {}), 401);
  EXPECT_EQ(status("/v1/bundles/b/bundle.json", bearer({Scope::read})), 403);
  EXPECT_EQ(status("/v1/bundles/b/bundle.json", rollout), 201);
  EXPECT_EQ(status("/v1/bundles/b/metadata/2.root.json", rollout), 403);
  EXPECT_EQ(status("/v1/bundles/b/metadata/2.root.json", upload), 201);
  EXPECT_EQ(status("/v1/bundles/b/../../x", upload), 400);
  EXPECT_EQ(status("/v1/bundles/%2e%2e/bundle.json", upload), 400);
  EXPECT_EQ(status("/v1/bundles/b/bundle.json", upload, 1_MiB), 413);
  EXPECT_EQ(status("/v1/bundles/b/bundle.json", upload, std::nullopt), 411);
  EXPECT_EQ(status("/metadata/1.root.json", upload), 405);
}

TEST_F(ApiTest, AKeyOpensWhatItsScopeSaysAndNothingElse) {
  struct Route {
    std::string method;
    std::string path;
    std::vector<Scope> open_to;
  };
  const std::vector<Route> routes = {{"GET", "/v1/status", {Scope::read}},
                                     {"PUT", "/v1/bundles/b/bundle.json", {Scope::upload, Scope::rollout}},
                                     {"PUT", "/v1/bundles/b/metadata/2.root.json", {Scope::upload}},
                                     {"PUT", "/v1/bundles/b/targets/x", {Scope::upload}},
                                     {"POST", "/v1/bundles/none/commit", {Scope::upload, Scope::rollout}}};
  for (const auto scope : {Scope::read, Scope::upload, Scope::rollout}) {
    const auto key = bearer({scope});
    for (const auto& route : routes) {
      auto request = call(route.method, route.path, key);
      int status = 0;
      if (route.method == "PUT") {
        const auto begun = api.begin_upload(request, 2_B);
        const auto* refused = std::get_if<HttpAnswer>(&begun);
        status = refused == nullptr ? 201 : refused->status;
      } else {
        status = api.answer(request).status;
      }
      const bool may = std::ranges::find(route.open_to, scope) != route.open_to.end();
      EXPECT_EQ(status != 403, may) << route.method << " " << route.path << " " << name_of(scope) << ": " << status;
      EXPECT_NE(status, 401);
    }
  }
}

TEST_F(ApiTest, SaysWhyACommitIsRefused) {
  const auto upload = bearer({Scope::upload});
  EXPECT_EQ(api.answer(call("POST", "/v1/bundles/b/commit")).status, 401);
  EXPECT_EQ(api.answer(call("POST", "/v1/bundles/b/commit", upload)).status, 404);
  auto begun = api.begin_upload(call("PUT", "/v1/bundles/b/bundle.json", upload), 2_B);
  auto& sink = *std::get<0>(begun);
  ASSERT_TRUE(sink.write(as_bytes("{}")));
  ASSERT_EQ(api.end_upload(sink).status, 201);
  const auto answer = api.answer(call("POST", "/v1/bundles/b/commit", upload));
  EXPECT_EQ(answer.status, 422);
  EXPECT_NE(answer.body.find("bundle.json"), std::string::npos) << answer.body;
}

TEST_F(ApiTest, CommitsAGoodUpload) {
  const auto upload = bearer({Scope::upload});
  world.add_release("1.1.0", "the second package");
  const auto bundle = world.write_bundle("made", {world.wish(1, 1000)});
  for (const auto& one : std::filesystem::recursive_directory_iterator(bundle)) {
    if (!one.is_regular_file()) continue;
    const auto path = one.path().lexically_relative(bundle).string();
    const auto content = world.folder.read("incoming/made/" + path);
    auto begun = api.begin_upload(call("PUT", "/v1/bundles/b/" + path, upload), Bytes{content.size()});
    ASSERT_EQ(begun.index(), 0U) << path;
    ASSERT_TRUE(std::get<0>(begun)->write(as_bytes(content)));
    ASSERT_EQ(api.end_upload(*std::get<0>(begun)).status, 201);
  }
  const auto answer = api.answer(call("POST", "/v1/bundles/b/commit", upload));
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.body, R"({"accepted":true})");
  EXPECT_EQ(get("/targets/" + world.stored_name(world.package_path("1.1.0"))).status, 200);
}

TEST_F(ApiTest, AStolenUploadKeyGivesFirstFiltersAndNothingElseUntilItIsRevoked) {
  const auto stolen = bearer({Scope::upload});
  EXPECT_EQ(upload("first", world.write_bundle("w1", {world.wish(0, 1000)}), stolen), 200)
      << "he may hurry a release that has no filter";
  EXPECT_EQ(upload("again", world.write_bundle("w2", {world.wish(0, 0)}), stolen), 422) << "but change none";
  world.release_key = trust::SigningKey::generate();
  world.add_release("6.6.6", "evil");
  EXPECT_EQ(upload("evil", world.write_bundle("w3"), stolen), 422) << "what he signed himself";
  EXPECT_EQ(get("/v1/status", stolen).status, 403);
  ASSERT_TRUE(ApiKeys(records).revoke("key1", world.clock.now()));
  EXPECT_EQ(upload("late", world.place.incoming() / "w2", stolen), 401) << "it ends at once";
}

TEST_F(ApiTest, AStolenRolloutKeySteersAndUploadsNothingUntilItIsRevoked) {
  const auto stolen = bearer({Scope::rollout});
  const auto steer = [&](const std::string& name, std::int64_t permille) {
    world.folder.write(name + "/bundle.json", write_bundle({{world.wish(0, permille)}}));
    return upload(name, world.folder / name, stolen);
  };
  EXPECT_EQ(steer("hurry", 1000), 200);
  EXPECT_EQ(steer("delay", 0), 200);
  EXPECT_EQ(upload("all", world.write_bundle("w1"), stolen), 403) << "no metadata, no packages";
  ASSERT_TRUE(ApiKeys(records).revoke("key1", world.clock.now()));
  EXPECT_EQ(steer("late", 1000), 401) << "it ends at once";
}

}  // namespace
}  // namespace upswarm::seeder
