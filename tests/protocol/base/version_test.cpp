#include "protocol/base/version.hpp"

#include <gtest/gtest.h>

namespace upswarm {
namespace {

Version version(std::string_view text) {
  const auto read = Version::parse(text);
  EXPECT_TRUE(read) << text;
  return read ? *read : *Version::parse("0.0.0");
}

/// Each is lower than the next: the examples of SemVer 11 and what lies between them.
constexpr const char* kInOrder[] = {
    "0.0.0",
    "0.0.1",
    "0.9.0",
    "1.0.0-0",
    "1.0.0-2",
    "1.0.0-10",
    "1.0.0-18446744073709551615",
    "1.0.0-18446744073709551616",
    "1.0.0--",
    "1.0.0-10a",
    "1.0.0-ALPHA",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.2.0",
    "1.10.0",
    "2.0.0",
    "2.1.0",
    "2.1.1",
    "18446744073709551615.0.0",
};

TEST(Version, PrecedenceFollowsTheSpecification) {
  for (std::size_t i = 0; i < std::size(kInOrder); ++i) {
    for (std::size_t j = 0; j < std::size(kInOrder); ++j) {
      EXPECT_EQ(version(kInOrder[i]) <=> version(kInOrder[j]), static_cast<std::weak_ordering>(i <=> j))
          << kInOrder[i] << " and " << kInOrder[j];
    }
  }
}

TEST(Version, BuildMetadataDoesNotOrderButIsKept) {
  const auto a = version("1.0.0+20130313144700");
  const auto b = version("1.0.0+exp.sha.5114f85");
  EXPECT_EQ(a <=> b, std::weak_ordering::equivalent);
  EXPECT_FALSE(a == b);
  EXPECT_EQ(b.text(), "1.0.0+exp.sha.5114f85");
}

TEST(Version, KnowsPrereleases) {
  EXPECT_TRUE(version("1.0.0-rc.1").is_prerelease());
  EXPECT_FALSE(version("1.0.0").is_prerelease());
  EXPECT_FALSE(version("1.0.0+build-7").is_prerelease()) << "a hyphen in build metadata makes no pre-release";
}

TEST(Version, TakesWhatTheSpecificationAllows) {
  for (const char* text :
       {"0.0.4", "1.1.2-prerelease+meta", "1.0.0-alpha-a.b-c-somethinglong+build.1-aef.1-its-okay", "1.0.0-0A.is.legal",
        "2.0.1-alpha.1227", "1.0.0+0.build.1-rc.10000aaa-kk-0.1", "1.2.3----RC-SNAPSHOT.12.9.1--.12", "1.0.0+001"}) {
    EXPECT_TRUE(Version::parse(text)) << text;
  }
}

TEST(Version, RefusesWhatTheSpecificationDoesNot) {
  for (const char* text : {"",
                           "1",
                           "1.2",
                           "1.2.3.4",
                           "v1.2.3",
                           "01.1.1",
                           "1.01.1",
                           "1.1.01",
                           "1.2.3-",
                           "1.2.3-01",
                           "1.2.3-a..b",
                           "1.2.3+",
                           "1.2.3+a..b",
                           "1.2.3+a+b",
                           "1.2.3-é",
                           "1.2.3 ",
                           " 1.2.3",
                           "-1.2.3",
                           "1.2.x",
                           "1..3",
                           "1.2.3-a_b",
                           "18446744073709551616.0.0",
                           "../../1.2.3",
                           "1.2.3/.."}) {
    const auto read = Version::parse(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid);
  }
}

TEST(Version, HasALongestForm) {
  EXPECT_TRUE(Version::parse("1.0.0-" + std::string(122, 'a')));
  const auto read = Version::parse("1.0.0-" + std::string(123, 'a'));
  ASSERT_FALSE(read);
  EXPECT_LT(read.error().message().size(), 300U) << "the error does not repeat all of it";
}

}  // namespace
}  // namespace upswarm
