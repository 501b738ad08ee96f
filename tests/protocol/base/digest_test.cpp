#include "protocol/base/digest.hpp"

#include <gtest/gtest.h>

#include <set>

namespace upswarm {
namespace {

constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Sha256, FollowsTheExamplesOfFips180) {
  EXPECT_EQ(sha256("").hex(), kEmpty);
  EXPECT_EQ(sha256("abc").hex(), kAbc);
  EXPECT_EQ(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq").hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256(std::string(1'000'000, 'a')).hex(),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, OfPartsIsThatOfTheWhole) {
  const std::string text(1000, 'x');
  for (const std::size_t part : {1U, 63U, 64U, 65U, 999U}) {
    Sha256Hasher hasher;
    for (std::size_t at = 0; at < text.size(); at += part)
      hasher.update(as_bytes(std::string_view(text).substr(at, part)));
    EXPECT_EQ(hasher.finish(), sha256(text)) << part;
  }
}

TEST(Sha256, HasherStartsAnewAndCanBeMoved) {
  Sha256Hasher hasher;
  hasher.update(as_bytes("something else"));
  static_cast<void>(hasher.finish());
  hasher.update(as_bytes("ab"));
  Sha256Hasher other = std::move(hasher);
  other.update(as_bytes("c"));
  EXPECT_EQ(other.finish().hex(), kAbc);
}

TEST(Sha256, IsReadFromHexadecimal) {
  EXPECT_EQ(*parse_sha256(kAbc), sha256("abc"));
  for (const std::string& text :
       {std::string(), std::string(63, '0'), std::string(65, '0'), std::string(64, 'A'), std::string(64, 'g')}) {
    ASSERT_FALSE(parse_sha256(text)) << text;
    EXPECT_EQ(parse_sha256(text).error().kind, ErrorKind::corrupt);
  }
}

TEST(Random, BytesDiffer) {
  std::set<ByteBuffer> seen;
  for (int i = 0; i < 100; ++i) seen.insert(random_bytes(16));
  EXPECT_EQ(seen.size(), 100U);
  EXPECT_TRUE(random_bytes(0).empty());
}

TEST(Random, NumbersStayBelowTheirBound) {
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(random_below(3));
  EXPECT_EQ(seen, (std::set<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(random_below(1), 0U);
}

}  // namespace
}  // namespace upswarm
