#include "protocol/base/json.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace upswarm {
namespace {

using namespace std::chrono_literals;

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

TEST(Json, TakesWhatIsStrict) {
  for (const char* text :
       {"{}", "[]", "null", "true", "0", "-7", "\"\"", " { \"a\" : [ 1 , null , { } ] } \n", "9223372036854775807",
        "-9223372036854775808", R"("\u00e9\ud83d\ude00\n")", "\"\xc3\xa9\"", R"({"a":{"a":1},"b":{"a":2}})"}) {
    const auto value = parse_json(text, "a test");
    EXPECT_TRUE(value) << text << ": " << value.error().message();
  }
}

TEST(Json, RefusesWhatIsNot) {
  for (const char* text : {"",
                           " ",
                           "{",
                           "[1,]",
                           "{\"a\":1,}",
                           "{\"a\" 1}",
                           "{a:1}",
                           "'a'",
                           "[1] 2",
                           "{}{}",
                           "nul",
                           "True",  // broken
                           "1.0",
                           "1e3",
                           "-0.5",
                           "1E400",
                           "[1, 2.5]",
                           "9223372036854775808",
                           "18446744073709551616",  // numbers
                           "-9223372036854775809",
                           "01",
                           "+1",
                           "NaN",
                           "Infinity",
                           "0x1",  //
                           R"({"a":1,"a":1})",
                           R"({"b":{"a":1,"x":0,"a":2}})",
                           R"([{"":1,"":2}])",
                           R"({"a":1,"\u0061":2})",  // keys twice
                           "\"\xff\"",
                           "\"\xc0\xaf\"",
                           "\"\xed\xa0\x80\"",
                           R"("\ud800")",
                           "\"a\nb\"",
                           "\"a",
                           R"("\x41")",  // text
                           "// comment\n1",
                           "/* */ 1",
                           "\xef\xbb\xbf{}"}) {  // a byte order mark
    const auto value = parse_json(text, "a test");
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().kind, ErrorKind::corrupt) << text;
    EXPECT_TRUE(value.error().context.starts_with("a test")) << value.error().message();
  }
}

TEST(Json, KeepsValuesExactly) {
  const auto value = parse_json(
      R"({"least":-9223372036854775808,"most":9223372036854775807,"list":[[1,2],[3]],"text":"a\u0000b"})", "a test");
  ASSERT_TRUE(value);
  EXPECT_EQ((*value)["least"].get<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ((*value)["most"].get<std::int64_t>(), std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ((*value)["list"], (Json{{1, 2}, {3}}));
  EXPECT_EQ((*value)["text"].get<std::string>(), std::string("a\0b", 3));
}

TEST(Json, HasADeepestNesting) {
  EXPECT_TRUE(parse_json(nested(32), "a test"));
  EXPECT_FALSE(parse_json(nested(33), "a test"));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '['), "a test"));
  EXPECT_TRUE(parse_json(nested(3), "a test", {.longest = 1_KiB, .deepest = 3}));
  EXPECT_FALSE(parse_json(nested(4), "a test", {.longest = 1_KiB, .deepest = 3}));
}

TEST(Json, HasALongestDocument) {
  const std::string text = "\"" + std::string(1022, 'a') + "\"";
  EXPECT_TRUE(parse_json(text, "a test", {.longest = 1_KiB}));
  const auto longer = parse_json(text + " ", "a test", {.longest = 1_KiB});
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().reason, "too_long");
}

TEST(Json, SaysWhereItIsBroken) {
  const auto value = parse_json("{\"a\": 1, \"b\" 2}", "a test");
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message().find("byte 14"), std::string::npos) << value.error().message();
}

TEST(ObjectReader, ReadsEachKindOfField) {
  const Json json{{"text", "words"}, {"number", 7},        {"flag", true},        {"time", "90s"},
                  {"size", "2 MiB"}, {"list", {"a", "b"}}, {"object", {{"x", 1}}}};
  ObjectReader in(json, "thing");
  EXPECT_EQ(in.text("text"), "words");
  EXPECT_EQ(in.integer("number", 0, 10), 7);
  EXPECT_TRUE(in.boolean("flag"));
  EXPECT_EQ(in.duration_or("time", 1s, 1s, 1h), 90s);
  EXPECT_EQ(in.bytes_or("size", 1_B, 1_B, 1_GiB), 2_MiB);
  EXPECT_EQ(in.texts_or_none("list", 5), (std::vector<std::string>{"a", "b"}));
  auto inner = in.inside(in.object("object"), "object");
  EXPECT_EQ(inner.integer("x", 0, 1), 1);
  EXPECT_TRUE(inner.finish());
  EXPECT_TRUE(in.finish());
}

TEST(ObjectReader, HasAnotherValueForWhatIsMissing) {
  const Json json = Json::object();
  ObjectReader in(json, "thing");
  EXPECT_EQ(in.text_or("a", "else"), "else");
  EXPECT_EQ(in.integer_or("b", 3, 0, 10), 3);
  EXPECT_TRUE(in.boolean_or("c", true));
  EXPECT_EQ(in.duration_or("d", 5s, 1s, 1h), 5s);
  EXPECT_EQ(in.bytes_or("e", 5_KiB, 1_B, 1_GiB), 5_KiB);
  EXPECT_TRUE(in.texts_or_none("f", 5).empty());
  EXPECT_TRUE(in.array_or_none("h", 5).empty());
  EXPECT_FALSE(in.has("i"));
  EXPECT_TRUE(in.finish());
}

/// What a reader says about {"k": VALUE} when `read` reads it.
template <typename Read>
std::string mistake(const Json& value, Read read) {
  const Json json{{"k", value}};
  ObjectReader in(json, "thing");
  read(in);
  const auto result = in.finish();
  return result ? "no mistake" : result.error().message();
}

TEST(ObjectReader, NamesThePlaceOfEachMistake) {
  EXPECT_EQ(mistake(1, [](auto& in) { in.text("k"); }), "thing.k: text is wanted here");
  EXPECT_EQ(mistake("abc", [](auto& in) { in.text("k", 2); }), "thing.k: longer than 2 bytes");
  EXPECT_EQ(mistake("1", [](auto& in) { in.integer("k", 0, 1); }), "thing.k: a whole number is wanted here");
  EXPECT_EQ(mistake(true, [](auto& in) { in.integer("k", 0, 1); }), "thing.k: a whole number is wanted here");
  EXPECT_EQ(mistake(2, [](auto& in) { in.integer("k", 0, 1); }), "thing.k: it must be from 0 to 1");
  EXPECT_EQ(mistake(-1, [](auto& in) { in.integer("k", 0, 1); }), "thing.k: it must be from 0 to 1");
  EXPECT_EQ(mistake(1, [](auto& in) { in.boolean("k"); }), "thing.k: true or false is wanted here");
  EXPECT_EQ(mistake("2h", [](auto& in) { in.duration_or("k", 1s, 1s, 1h); }),
            "thing.k: it must be from 1.0 s to 60 min");
  EXPECT_EQ(mistake("2 KiB", [](auto& in) { in.bytes_or("k", 1_B, 1_B, 1_KiB); }),
            "thing.k: it must be from 1 B to 1.00 KiB");
  EXPECT_EQ(mistake(1, [](auto& in) { in.object("k"); }), "thing.k: an object is wanted here");
  EXPECT_EQ(mistake(1, [](auto& in) { in.array("k", 5); }), "thing.k: a list is wanted here");
  EXPECT_EQ(mistake({1, 2}, [](auto& in) { in.array("k", 1); }), "thing.k: more than 1 items");
  EXPECT_EQ(mistake({"a", 2}, [](auto& in) { in.texts_or_none("k", 5); }),
            "thing.k: each item must be text of at most 4096 bytes");
  EXPECT_EQ(mistake(nullptr, [](auto& in) { in.text_or("k", "else"); }), "thing.k: text is wanted here");
  EXPECT_EQ(mistake("5 parsecs", [](auto& in) { in.parsed("k", parse_duration); }),
            "thing.k: duration \"5 parsecs\": the unit must be ms, s, m, h or d");
  EXPECT_EQ(mistake(1, [](auto& in) { in.text("other"); }), "thing.other: this key is missing");
  EXPECT_EQ(mistake(1, [](auto&) {}), "thing.k: this key is not known");
}

TEST(ObjectReader, KeepsTheFirstMistakeAndGoesOnHarmlessly) {
  const Json json{{"a", 1}};
  ObjectReader in(json, "thing");
  EXPECT_EQ(in.text("a"), "");
  EXPECT_EQ(in.integer("b", 5, 9), 5);
  EXPECT_FALSE(in.good());
  EXPECT_EQ(in.finish().error().context, "thing.a");
}

TEST(ObjectReader, KeepsUnknownKeysWhenOpen) {
  const Json json{{"a", 1}, {"new", 2}};
  ObjectReader in(json, "thing");
  EXPECT_EQ(in.integer("a", 0, 9), 1);
  EXPECT_TRUE(in.finish_open());
  EXPECT_FALSE(in.finish());
}

TEST(ObjectReader, WantsAnObject) {
  const Json json{1, 2};
  ObjectReader in(json, "thing", ErrorKind::untrusted);
  EXPECT_FALSE(in.has("a"));
  EXPECT_EQ(in.finish().error().kind, ErrorKind::untrusted);
}

TEST(ObjectReader, NamesElementsOfLists) {
  const Json json{{"products", {{{"name", 1}}}}};
  ObjectReader in(json, "");
  const auto& products = in.array("products", 5);
  auto first = in.inside(products.at(0), "products", 0);
  first.text("name");
  EXPECT_EQ(first.finish().error().context, "products[0].name");
}

}  // namespace
}  // namespace upswarm
