#include "seeder/names.hpp"

#include <gtest/gtest.h>

namespace upswarm::seeder {
namespace {

TEST(Names, TakesOnlyPlainParts) {
  for (const auto* good : {"a", "app-1.0.0+b5.upk", "x_y~z", "1.rel%2Fapp.json"})
    EXPECT_TRUE(is_path_part(good)) << good;
  for (const auto* bad : {"", ".", "..", ".hidden", "a/b", "a\\b", "a b", "a:b", "\xc3\xa4"})
    EXPECT_FALSE(is_path_part(bad)) << bad;
  EXPECT_FALSE(is_path_part(std::string(256, 'a')));
  EXPECT_FALSE(is_path_part(std::string_view("a\0b", 3)));
}

TEST(Names, RefusesPathsThatLeaveTheirFolder) {
  EXPECT_EQ(*parse_relative_path("pkg/app/x"), Path("pkg/app/x"));
  for (const auto* bad : {"", "/", "/etc/passwd", "../x", "a/../b", "a//b", "a/", "a/.", "1/2/3/4/5/6/7/8/9"}) {
    EXPECT_FALSE(parse_relative_path(bad)) << bad;
  }
}

TEST(Names, ReadsVersionedNames) {
  const auto name = parse_versioned_name("17.rel-app.json");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->version, 17);
  EXPECT_EQ(name->role, "rel-app");
  EXPECT_EQ(versioned_name("rel-app", 17), "17.rel-app.json");
}

TEST(Names, RefusesOddVersionedNames) {
  for (const auto* bad : {"root.json", "0.root.json", "01.root.json", "-1.root.json", "1..json", "1.json", "1.root.txt",
                          "99999999999999999999.root.json", "1.a/b.json", "timestamp.json", "+1.root.json"}) {
    EXPECT_FALSE(parse_versioned_name(bad)) << bad;
  }
}

TEST(Names, FindsTheDigestInAConsistentName) {
  const std::string hex(64, 'a');
  ASSERT_TRUE(digest_in("pkg/app/" + hex + ".file"));
  EXPECT_EQ(digest_in("pkg/app/" + hex + ".file")->hex(), hex);
  EXPECT_FALSE(digest_in("pkg/app/file"));
  EXPECT_FALSE(digest_in(hex));
  EXPECT_FALSE(digest_in(hex + "."));
  EXPECT_FALSE(digest_in(hex + "/file"));
  EXPECT_FALSE(digest_in(std::string(64, 'G') + ".file"));
}

TEST(Names, DecodesPercentSigns) {
  EXPECT_EQ(percent_decoded("a%2Fb%00").value(), std::string("a/b\0", 4));
  EXPECT_EQ(percent_decoded("a+b").value(), "a+b");
  for (const auto* bad : {"%", "%1", "%g0", "a%", "%%41"}) EXPECT_FALSE(percent_decoded(bad)) << bad;
}

}  // namespace
}  // namespace upswarm::seeder
