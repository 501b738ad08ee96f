#include "seeder/publish/package_use.hpp"

#include <gtest/gtest.h>

#include "seeder/publish/status.hpp"
#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::tests {
namespace {

/// A seeder with one answer.
class OneAnswer final : public HttpClient {
 public:
  explicit OneAnswer(HttpResponse answer) : answer_(std::move(answer)) {}
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token /*stop*/) override {
    seen = request;
    return answer_;
  }
  HttpRequest seen;

 private:
  HttpResponse answer_;
};

class PackageUseOfPublisherTest : public PublishTest {};

TEST_F(PackageUseOfPublisherTest, StatusTellsHowMuchEachDeltaIsUsed) {
  init();
  const auto one = release("1.0.0", tree("one")).entry;
  const auto two = release("1.1.0", tree("two", 1, {{"share/new", "x"}})).entry;
  ASSERT_EQ(two.deltas.size(), 1U);
  const auto packages = Json{{{"path", two.deltas[0].file.path}, {"machines", 34}, {"http_bytes", 2048}, {"last", ""}},
                             {{"path", one.full.path}, {"machines", 2}, {"http_bytes", 0}, {"last", ""}}};
  OneAnswer http({200, {}, to_text(Json{{"packages", packages}, {"roles", Json::array()}})});
  const auto uses = publish::ask_package_use(http, "https://seeder:8443/", "secret", {});
  ASSERT_TRUE(uses) << uses.error().message();
  EXPECT_EQ(http.seen.url, "https://seeder:8443/v1/status");
  EXPECT_EQ(http.seen.headers.at(0).second, "Bearer secret");
  auto status = must(publish::status_of(open(), clock));
  publish::add_package_use(*uses, status);
  const auto& releases = status.at("products")[0].at("indexes")[0].at("releases");
  EXPECT_EQ(releases[0].at("used"), (Json{{"machines", 2}, {"http_bytes", 0}}));
  EXPECT_FALSE(releases[1].contains("used")) << "the seeder does not know it";
  EXPECT_EQ(releases[1].at("deltas")[0].at("used"), (Json{{"machines", 34}, {"http_bytes", 2048}}));
  const auto text = publish::status_text(status);
  EXPECT_NE(text.find(" (whole on 34 machines, 2.00 KiB by HTTP)"), std::string::npos) << text;
}

TEST_F(PackageUseOfPublisherTest, WhatIsNoAnswerIsSaid) {
  const auto kind_of = [](int status, const std::string& body) {
    OneAnswer http({status, {}, body});
    const auto uses = publish::ask_package_use(http, "https://seeder", "secret", {});
    EXPECT_FALSE(uses) << status << " " << body;
    return uses ? ErrorKind::internal : uses.error().kind;
  };
  EXPECT_EQ(kind_of(401, ""), ErrorKind::denied);
  EXPECT_EQ(kind_of(403, ""), ErrorKind::denied);
  EXPECT_EQ(kind_of(502, ""), ErrorKind::unreachable);
  for (const auto* bad : {"", "{}", R"({"packages":{}})", R"({"packages":[{}]})",
                          R"({"packages":[{"path":"p","machines":-1,"http_bytes":0}]})",
                          R"({"packages":[{"path":"p","machines":1,"http_bytes":"0"}]})"})
    EXPECT_EQ(kind_of(200, bad), ErrorKind::corrupt) << bad;
}

}  // namespace
}  // namespace upswarm::tests
