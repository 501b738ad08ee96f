#include "protocol/trust/canonical_json.hpp"

#include <gtest/gtest.h>

namespace upswarm::trust {
namespace {

std::string canonical(std::string_view text) {
  const auto json = parse_json(text, "test");
  EXPECT_TRUE(json) << json.error().message();
  return to_canonical(*json);
}

TEST(CanonicalJson, KeysAreSortedAndSpaceIsGone) {
  EXPECT_EQ(canonical(R"( { "b" : 1 , "a" : [ true , null ] } )"), R"({"a":[true,null],"b":1})");
}

TEST(CanonicalJson, OnlyQuoteAndBackslashAreEscaped) {
  EXPECT_EQ(canonical(R"({"k":"a\"b\\c\/d\u0041\n\té"})"), "{\"k\":\"a\\\"b\\\\c/dA\n\t\xc3\xa9\"}");
}

TEST(CanonicalJson, IntegersHaveNoOtherForm) {
  EXPECT_EQ(canonical("[0,-1,9223372036854775807]"), "[0,-1,9223372036854775807]");
}

TEST(CanonicalJson, EmptyContainersStay) { EXPECT_EQ(canonical("{\"a\":{},\"b\":[]}"), "{\"a\":{},\"b\":[]}"); }

TEST(CanonicalJson, KeysSortByCodePoint) {
  EXPECT_EQ(canonical(R"({"é":1,"z":2,"Z":3})"), "{\"Z\":3,\"z\":2,\"\xc3\xa9\":1}");
}

TEST(CanonicalJson, UnknownFieldsSurvive) {
  EXPECT_EQ(canonical(R"({"x-new":{"deep":[1]}})"), R"({"x-new":{"deep":[1]}})");
}

}  // namespace
}  // namespace upswarm::trust
