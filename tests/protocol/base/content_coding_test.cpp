#include "protocol/base/http/content_coding.hpp"

#include <gtest/gtest.h>

#include "protocol/base/hex.hpp"
#include "protocol/base/http/compressed_request.hpp"

namespace upswarm {
namespace {

/// Like a snapshot: much that no compressor can shrink.
std::string document(int changed) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += sha256("entry " + std::to_string(i == 100 ? 1000 + changed : i)).hex() + "\n";
  return text;
}

TEST(ContentCodings, ComeBackAsTheyWere) {
  for (const auto& bytes : {std::string(), std::string("x"), document(0), std::string(1'000'000, 'a')}) {
    EXPECT_EQ(*decode_zstd(*encode_zstd(bytes), 1_MiB), bytes);
    EXPECT_EQ(*decode_dcz(*encode_dcz(bytes, document(1)), document(1), 1_MiB), bytes);
  }
}

TEST(ContentCodings, OnlyTheDifferenceToTheDictionaryCosts) {
  const auto encoded = *encode_dcz(document(1), document(0));
  EXPECT_LT(encoded.size(), 200U);
  EXPECT_GT(encode_zstd(document(1))->size(), 6000U) << "digests do not shrink by themselves";
}

TEST(ContentCodings, TheHeadIsThatOfTheRfc) {
  const auto encoded = *encode_dcz("new", "old");
  EXPECT_EQ(to_hex(as_bytes(encoded).first(40)), "5e2a4d1820000000" + sha256("old").hex());
  EXPECT_EQ(dictionary_field(sha256("old")), ":y6BrVzb69n5UsHtWHq6UOV53TFF6fZEKVDaeEmPM+9Q=:");
}

TEST(ContentCodings, AnotherDictionaryIsRefused) {
  const auto decoded = decode_dcz(*encode_dcz("new", "old"), "older", 1_MiB);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().kind, ErrorKind::corrupt);
  EXPECT_FALSE(decode_dcz(*encode_zstd("new"), "old", 1_MiB)) << "no head";
  EXPECT_EQ(encode_dcz("new", std::string(kLongestDictionary.count + 1, 'x')).error().kind, ErrorKind::invalid);
}

TEST(ContentCodings, WhatIsCutOffOrHasMoreIsRefused) {
  for (const auto& encoded : {*encode_zstd(document(0)), *encode_dcz(document(0), document(1))}) {
    const auto decode = [](const std::string& bytes) {
      return bytes.starts_with("\x5e\x2a") ? decode_dcz(bytes, document(1), 1_MiB) : decode_zstd(bytes, 1_MiB);
    };
    ASSERT_TRUE(decode(encoded));
    for (std::size_t length = 0; length < encoded.size(); ++length)
      ASSERT_FALSE(decode(encoded.substr(0, length))) << length;
    EXPECT_FALSE(decode(encoded + "x"));
    EXPECT_FALSE(decode(encoded + encoded));
  }
}

TEST(ContentCodings, ContentThatIsTooLongIsNotUnpacked) {
  const auto bomb = *encode_zstd(std::string(1'000'000, 'a'));
  EXPECT_LT(bomb.size(), 1000U);
  const auto decoded = decode_zstd(bomb, Bytes{999'999});
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().reason, "too_long");
  EXPECT_TRUE(decode_zstd(bomb, Bytes{1'000'000}));
}

TEST(ContentCodings, AreAcceptedByNameAndWeight) {
  for (const char* field : {"zstd", "gzip, zstd", " zstd ,br", "dcz,zstd;q=0.5", "zstd; q=1"})
    EXPECT_TRUE(accepts(field, ContentCoding::zstd)) << field;
  for (const char* field : {"", "*", "gzip", "zstd;q=0", "zstd;q=0.000", "xzstd", "zstd2", "dcz"})
    EXPECT_FALSE(accepts(field, ContentCoding::zstd)) << field;
}

TEST(ContentCodings, DictionaryFieldsAreReadStrictly) {
  const auto field = dictionary_field(sha256("x"));
  EXPECT_EQ(*parse_dictionary_field(field), sha256("x"));
  for (const auto& wrong : {std::string(), std::string(":"), std::string("::"), field.substr(1), field + ":",
                            " " + field, field + ", " + field, std::string(":AAAA:")})
    EXPECT_FALSE(parse_dictionary_field(wrong)) << wrong;
}

/// Answers with what it is told, and notes what it was asked.
class OneAnswer final : public HttpClient {
 public:
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token) override {
    asked = request;
    return answer;
  }
  std::string field(const std::string& name) const {
    for (const auto& [key, value] : asked.headers) {
      if (key == name) return value;
    }
    return "";
  }
  void answer_by(const std::string& coding, std::string body) {
    answer = {.status = 200, .headers = {{"content-encoding", coding}}, .body = std::move(body)};
  }
  HttpRequest asked;
  HttpResponse answer{.status = 200, .headers = {}, .body = "as it is"};
};

class CompressedRequestTest : public testing::Test {
 protected:
  Result<HttpResponse> send(const std::string& older) {
    return send_compressed(http, {.url = "https://seeder/metadata/7.snapshot.json", .longest = 64_KiB}, older, {});
  }
  OneAnswer http;
};

TEST_F(CompressedRequestTest, SaysWhatItHas) {
  EXPECT_EQ(send("")->body, "as it is");
  EXPECT_EQ(http.field("Accept-Encoding"), "zstd");
  EXPECT_EQ(http.field("Available-Dictionary"), "");
  EXPECT_EQ(send("old")->body, "as it is");
  EXPECT_EQ(http.field("Accept-Encoding"), "dcz, zstd");
  EXPECT_EQ(http.field("Available-Dictionary"), dictionary_field(sha256("old")));
  EXPECT_TRUE(send(std::string(kLongestDictionary.count + 1, 'x')));
  EXPECT_EQ(http.field("Available-Dictionary"), "") << "too long to be one";
}

TEST_F(CompressedRequestTest, UnpacksWhatComes) {
  http.answer_by("zstd", *encode_zstd(document(0)));
  EXPECT_EQ(send("")->body, document(0));
  http.answer_by("dcz", *encode_dcz(document(1), document(0)));
  EXPECT_EQ(send(document(0))->body, document(1));
  http.answer_by("identity", "plain");
  EXPECT_EQ(send("")->body, "plain");
}

TEST_F(CompressedRequestTest, RefusesWhatItDidNotAskForAndWhatIsTooLong) {
  http.answer_by("gzip", "x");
  EXPECT_EQ(send("").error().kind, ErrorKind::corrupt);
  http.answer_by("dcz", *encode_dcz("new", ""));
  EXPECT_EQ(send("").error().kind, ErrorKind::corrupt);
  http.answer_by("zstd", *encode_zstd(std::string(64 * 1024 + 1, 'a')));
  EXPECT_EQ(send("").error().reason, "too_long");
  http.answer_by("zstd", "damaged");
  EXPECT_NE(send("").error().message().find("7.snapshot.json"), std::string::npos);
}

}  // namespace
}  // namespace upswarm
