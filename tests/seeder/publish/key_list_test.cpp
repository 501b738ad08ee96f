#include "seeder/publish/key_list.hpp"

#include "tests/seeder/publish/desk_fixture.hpp"

namespace upswarm::tests {
namespace {

class KeyListTest : public DeskTest {
 protected:
  KeyListTest() { init(); }
  Json list() const {
    const auto repository = open(publish::Repository::Access::reading);
    auto ring = keys();
    return must(publish::list_keys(repository, ring, clock));
  }
  static Json role(const Json& list, const std::string& name) {
    for (const auto& one : list.at("roles")) {
      if (one.at("role") == name) return one;
    }
    return {};
  }
};

TEST_F(KeyListTest, EachRoleTellsThresholdKeysAndWhichSecretIsHere) {
  must(add_signer("rel-app", new_key("rel-app", "anna")));
  const auto list = this->list();
  EXPECT_EQ(list.at("roles").size(), 6U);
  const auto release = role(list, "rel-app");
  EXPECT_EQ(release.at("threshold"), 1);
  EXPECT_EQ(release.at("keys")[0].at("file"), "rel-app-1.key.json");
  EXPECT_EQ(release.at("keys")[1].at("file"), "") << "anna keeps hers";
  EXPECT_FALSE(role(list, "timestamp").contains("expires")) << "the seeder's own";
  const auto text = publish::key_list_text(list);
  EXPECT_NE(text.find("rel-app  1 of 2 must sign  until "), std::string::npos) << text;
  EXPECT_NE(text.find(key_of("rel-app").substr(0, 16) + "  rel-app-1.key.json"), std::string::npos) << text;
}

TEST_F(KeyListTest, AtHalfOfItsLifeARoleWarns) {
  const auto start = clock.time;
  const auto soon = [&](const std::string& name) { return role(list(), name).at("renew_soon").get<bool>(); };
  clock.time = start + std::chrono::days(91);
  EXPECT_FALSE(soon("targets"));
  clock.time += std::chrono::seconds(1);
  EXPECT_TRUE(soon("targets"));
  EXPECT_TRUE(soon("rel-app"));
  EXPECT_FALSE(soon("root"));
  EXPECT_NE(publish::key_list_text(list()).find("WARNING"), std::string::npos);
  clock.time = start + std::chrono::days(182);
  EXPECT_TRUE(role(list(), "targets").at("expired").get<bool>());
  EXPECT_NE(publish::key_list_text(list()).find("EXPIRED"), std::string::npos);
}

TEST_F(KeyListTest, ChangesThatWaitAreListed) {
  must(add_signer("rel-app", new_key("rel-app", "anna"), 2));
  const auto list = this->list();
  ASSERT_EQ(list.at("changes").size(), 1U);
  EXPECT_EQ(list.at("changes")[0], "00000002-add-signer-rel-app.change.json");
  EXPECT_NE(publish::key_list_text(list).find("waiting for signatures"), std::string::npos);
}

}  // namespace
}  // namespace upswarm::tests
