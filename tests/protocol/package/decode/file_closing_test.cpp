#include "protocol/package/decode/file_closing.hpp"

#include <gtest/gtest.h>

#include "tests/protocol/package/archive_fixture.hpp"

namespace upswarm::package {
namespace {

const std::string kContent = prose(100'000, 1);
const std::string kFile =
    "before" + deflated(kContent, kZlib) + deflated("", kZlib) + "between" + deflated(kContent, kGzip) + "behind";
const std::string kOpened = "before" + kContent + "between" + kContent + "behind";
const OpenedNew kTold{0,
                      Bytes{kOpened.size()},
                      {{6_B, Bytes{kContent.size()}, kZlib}, {0_B, 0_B, kZlib}, {7_B, Bytes{kContent.size()}, kGzip}}};

Result<std::string> closed_form(Bytes size, std::size_t part, const OpenedNew& told = kTold) {
  std::string out;
  FileClosing closing(told, size, [&](ByteView bytes) -> Result<void> {
    out += as_text(bytes);
    return {};
  });
  for (std::size_t at = 0; at < kOpened.size(); at += part)
    UPSWARM_CHECK(closing.write(as_bytes(std::string_view(kOpened).substr(at, part))));
  UPSWARM_CHECK(closing.finish());
  return out;
}

TEST(FileClosingTest, StreamsAreDeflatedInTheirPlace) {
  for (const std::size_t part : {1U, 7U, 4096U, 1'000'000U}) {
    const auto closed = closed_form(Bytes{kFile.size()}, part);
    ASSERT_TRUE(closed) << closed.error().message();
    EXPECT_EQ(*closed, kFile) << part;
  }
}

TEST(FileClosingTest, AStreamAtTheVeryEnd) {
  const OpenedNew told{0, Bytes{kOpened.size()}, {{0_B, Bytes{kOpened.size()}, kGzip}, {0_B, 0_B, kGzip}}};
  const auto wanted = deflated(kOpened, kGzip) + deflated("", kGzip);
  const auto closed = closed_form(Bytes{wanted.size()}, 5000, told);
  ASSERT_TRUE(closed) << closed.error().message();
  EXPECT_EQ(*closed, wanted);
}

TEST(FileClosingTest, ItMustComeOutAsLongAsIsTold) {
  for (const auto size : {kFile.size() - 1, kFile.size() + 1, std::size_t{0}}) {
    const auto closed = closed_form(Bytes{size}, 4096);
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().kind, ErrorKind::corrupt);
  }
}

}  // namespace
}  // namespace upswarm::package
