#include "seeder/publish/repository.hpp"

#include "seeder/publish/status.hpp"
#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::tests {
namespace {

using publish::Repository;

using RepositoryTest = PublishTest;

TEST_F(RepositoryTest, NoRepositoryIsSaidInClearWords) {
  const auto opened = Repository::open(unsynced_files(), top / "nothing", Repository::Access::reading);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::not_found);
  EXPECT_NE(opened.error().message().find("upswarm-publish init"), std::string::npos);
}

TEST_F(RepositoryTest, OneWriterAtATime) {
  init();
  const auto writer = open();
  const auto second = Repository::open(unsynced_files(), folder, Repository::Access::writing);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
  EXPECT_TRUE(Repository::open(unsynced_files(), folder, Repository::Access::reading));
}

TEST_F(RepositoryTest, SettingsAreStrict) {
  EXPECT_TRUE(publish::parse_settings(publish::write_settings({}), "repository.json"));
  const auto unknown = publish::parse_settings(R"({"format": 1, "root_day": 3})", "repository.json");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::invalid);
  EXPECT_NE(unknown.error().message().find("root_day"), std::string::npos);
  EXPECT_FALSE(publish::parse_settings(R"({"format": 2})", "repository.json"));
  EXPECT_FALSE(publish::parse_settings(R"({"format": 1, "root_days": 0})", "repository.json"));
}

TEST_F(RepositoryTest, AnIndexThatRequiresTheUnknownIsNotSignedBlindly) {
  trust::Index index;
  index.entries.resize(2);
  EXPECT_TRUE(publish::check_is_understood(index, "index"));
  index.entries[1].version = "2.0.0";
  index.entries[1].not_known = {"oracle-health"};
  EXPECT_EQ(publish::check_is_understood(index, "index").error().message(),
            "index: 2.0.0 needs a newer upswarm-publish: oracle-health");
}

TEST_F(RepositoryTest, AlteredMetadataIsNeverSignedAgain) {
  init();
  auto text = top.read("repository/metadata/1.rel-app.json");
  const auto at = text.find("\"expires\":\"20");
  ASSERT_NE(at, std::string::npos);
  text[at + 14] = '9';
  top.write("repository/metadata/1.rel-app.json", text);
  const auto opened = Repository::open(unsynced_files(), folder, Repository::Access::reading);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, ErrorKind::untrusted);
}

TEST_F(RepositoryTest, AnAlteredIndexIsRefused) {
  init();
  release("1.0.0", tree("one"));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "targets")) {
    if (!entry.is_regular_file()) continue;
    const auto name = entry.path().lexically_relative(top.path()).string();
    top.write(name, top.read(name) + " ");
  }
  EXPECT_EQ(Repository::open(unsynced_files(), folder, Repository::Access::reading).error().kind, ErrorKind::corrupt);
}

TEST_F(RepositoryTest, AnUnknownProductNamesThoseThereAre) {
  init({.products = {"app", "tool"}});
  const auto repository = open();
  const auto found = repository.product("ap");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::not_found);
  EXPECT_NE(found.error().message().find("app, tool"), std::string::npos);
}

TEST_F(RepositoryTest, OpeningRemovesWhatDidNotEnd) {
  init();
  top.write("repository/work/packages/half", "x");
  top.write("repository/outgoing/00000002-x.part/bundle.json", "x");
  top.write("repository/outgoing/00000003-never-current/metadata/2.rel-app.json", "x");
  top.write("repository/outgoing/00000003-never-current/bundle.json", "{}");
  EXPECT_EQ(*open().outgoing(), (std::vector<std::string>{"00000001-init"}));
  EXPECT_FALSE(std::filesystem::exists(folder / "work"));
}

TEST_F(RepositoryTest, StatusTellsRolesDatesAndReleases) {
  init();
  release("1.0.0", tree("one"));
  clock.time += std::chrono::days(200);
  const auto status = must(publish::status_of(open(), clock));
  ASSERT_EQ(status.at("roles").size(), 3U);
  EXPECT_EQ(status.at("roles")[0].at("role"), "root");
  EXPECT_EQ(status.at("roles")[0].at("days_left"), 165);
  EXPECT_FALSE(status.at("roles")[0].at("expired").get<bool>());
  EXPECT_TRUE(status.at("roles")[1].at("expired").get<bool>());
  EXPECT_EQ(status.at("products")[0].at("indexes")[0].at("releases")[0].at("version"), "1.0.0");
  EXPECT_EQ(status.at("outgoing").size(), 2U);
  const auto text = publish::status_text(status);
  EXPECT_NE(text.find("EXPIRED"), std::string::npos);
  EXPECT_NE(text.find("1.0.0  counter 1.1"), std::string::npos);
}

}  // namespace
}  // namespace upswarm::tests
