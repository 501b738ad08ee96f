#include "agent/http_repository.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/base/http/content_coding.hpp"

#include "tests/agent/fakes.hpp"

namespace upswarm::agent {
namespace {

using tests::kSeeder;

class HttpRepositoryTest : public testing::Test {
 protected:
  std::string url(const std::string& path) { return kSeeder + path; }

  tests::FakeHttpClient http_;
  HttpRepository repository_{http_, kSeeder, {}};
};

TEST_F(HttpRepositoryTest, FetchesMetadataAndTargetsFromTheirFolders) {
  http_.bodies[url("/metadata/3.root.json")] = "root";
  http_.bodies[url("/targets/index/app/stable/abc.linux-x64.json")] = "index";
  EXPECT_EQ(*repository_.metadata("3.root.json", 100_B), "root");
  EXPECT_EQ(*repository_.target("index/app/stable/abc.linux-x64.json", 200_B), "index");
  EXPECT_EQ(http_.requests[0].longest, 100_B);
  EXPECT_EQ(http_.requests[1].longest, 200_B);
}

TEST_F(HttpRepositoryTest, TellsWhatItHasOfARole) {
  std::vector<std::string> asked;
  HttpRepository repository(http_, kSeeder, {}, [&](const std::string& name) {
    asked.push_back(name);
    return std::string("the old snapshot");
  });
  http_.bodies[url("/metadata/7.snapshot.json")] = "snapshot";
  EXPECT_EQ(*repository.metadata("7.snapshot.json", 100_B), "snapshot");
  EXPECT_EQ(asked, std::vector<std::string>{"7.snapshot.json"});
  const auto field = std::pair(std::string("Available-Dictionary"), dictionary_field(sha256("the old snapshot")));
  EXPECT_EQ(std::ranges::count(http_.requests[0].headers, field), 1);
}

TEST_F(HttpRepositoryTest, MissingAndForbiddenAreNotFound) {
  http_.statuses[url("/metadata/4.root.json")] = 403;
  EXPECT_EQ(repository_.metadata("4.root.json", 100_B).error().kind, ErrorKind::not_found);
  EXPECT_EQ(repository_.metadata("5.root.json", 100_B).error().kind, ErrorKind::not_found);
}

TEST_F(HttpRepositoryTest, OtherAnswersAreUnreachable) {
  for (const int status : {204, 302, 429, 500, 503}) {
    http_.statuses[url("/metadata/timestamp.json")] = status;
    EXPECT_EQ(repository_.metadata("timestamp.json", 100_B).error().kind, ErrorKind::unreachable) << status;
  }
}

TEST_F(HttpRepositoryTest, ErrorsOfTheClientPassThrough) {
  http_.down = Error{ErrorKind::untrusted, "GET", "the certificate is not good", "certificate"};
  EXPECT_EQ(repository_.metadata("timestamp.json", 100_B).error().reason, "certificate");
}

TEST_F(HttpRepositoryTest, AnUnchangedTimestampCostsNoBody) {
  http_.bodies[url("/metadata/timestamp.json")] = "timestamp";
  const auto first = repository_.poll("");
  ASSERT_TRUE(first);
  EXPECT_FALSE(first->unchanged);
  EXPECT_TRUE(http_.requests[0].headers.empty());
  EXPECT_TRUE(repository_.poll(first->etag)->unchanged);
  http_.bodies[url("/metadata/timestamp.json")] = "newer";
  EXPECT_FALSE(repository_.poll(first->etag)->unchanged);
}

TEST_F(HttpRepositoryTest, A304ThatNobodyAskedForIsNoAnswer) {
  http_.statuses[url("/metadata/timestamp.json")] = 304;
  EXPECT_EQ(repository_.poll("").error().kind, ErrorKind::unreachable);
}

TEST_F(HttpRepositoryTest, EncodesWhatAUrlCannotHold) {
  EXPECT_EQ(encode_path("pkg/app/1.0.0+b1/a b%.upk"), "pkg/app/1.0.0+b1/a%20b%25.upk");
}

}  // namespace
}  // namespace upswarm::agent
