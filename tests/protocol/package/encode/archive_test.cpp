#include "protocol/package/encode/archive.hpp"

#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

constexpr Bytes kEnough = 10_MiB;

std::vector<std::string> found_in(const std::string& file, Bytes most = kEnough) {
  std::vector<std::string> contents;
  std::size_t end = 0;
  for (const auto& stream : find_streams(as_bytes(file), most)) {
    EXPECT_GE(stream.begin, end);
    end = stream.begin + stream.length;
    EXPECT_LE(end, file.size());
    contents.push_back(stream.name + ":" + std::string(as_text(stream.content)));
  }
  return contents;
}

std::string sample_zip(const ZipMember& odd) {
  return zip_file({{"a", {prose(500, 1)}}, {"m", odd}, {"z", {prose(700, 2)}}});
}
using Found = std::vector<std::string>;
const Found kAll{"a:" + prose(500, 1), "m:" + prose(600, 3), "z:" + prose(700, 2)};
const Found kWithoutOdd{"a:" + prose(500, 1), "z:" + prose(700, 2)};

TEST(ArchiveTest, MembersOfAZipFile) {
  EXPECT_EQ(found_in(sample_zip({prose(600, 3)})), kAll);
  EXPECT_EQ(found_in(sample_zip({.content = prose(600, 3), .flags = 8})), kAll) << "sizes behind the stream";
  EXPECT_EQ(found_in(zip_file({{"a", {prose(500, 1)}}}, "a comment with PK\x05\x06 in it")),
            Found{"a:" + prose(500, 1)});
  EXPECT_EQ(found_in(zip_file({})), Found{});
}

TEST(ArchiveTest, ContentIsKeptOnlyWhereItIsWanted) {
  const auto zip = sample_zip({prose(600, 3)});
  const auto gzip = gzip_member(prose(500, 1)) + gzip_member(prose(600, 3)) + gzip_member(prose(700, 2));
  for (const auto& file : {zip, gzip}) {
    std::vector<std::size_t> asked;
    const auto found = find_streams(as_bytes(file), kEnough, [&](const FoundStream& stream) {
      asked.push_back(stream.size);
      EXPECT_NE(stream.length, 0U);
      return stream.size == 600;
    });
    EXPECT_EQ(asked, (std::vector<std::size_t>{500, 600, 700}));
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0].size, 500U);
    EXPECT_EQ(found[0].content.capacity(), 0U);
    EXPECT_EQ(as_text(found[1].content), prose(600, 3));
    EXPECT_EQ(found[2].content.capacity(), 0U);
  }
}

TEST(ArchiveTest, MembersOfAGzipFile) {
  const auto one = gzip_member(prose(5000, 1));
  EXPECT_EQ(found_in(one), Found{":" + prose(5000, 1)});
  EXPECT_EQ(found_in(one + gzip_member("")), (Found{":" + prose(5000, 1), ":"}));
  EXPECT_EQ(found_in(one + std::string(1000, '\0')), Found{":" + prose(5000, 1)}) << "padding";
}

TEST(ArchiveTest, HeadersOfGzipFiles) {
  const auto with = [](char flags, const std::string& fields) {
    auto file = gzip_member(prose(5000, 1));
    file[3] = flags;
    return file.insert(10, fields);
  };
  const Found content{":" + prose(5000, 1)};
  EXPECT_EQ(found_in(with(8, std::string("name\0", 5))), content);
  EXPECT_EQ(found_in(with(16, std::string("comment\0", 8))), content);
  EXPECT_EQ(found_in(with(4, std::string("\x03\0abc", 5))), content);
  EXPECT_EQ(found_in(with(2, "xx")), content);
  EXPECT_EQ(found_in(with(1, "")), content) << "text";
  EXPECT_EQ(found_in(with(30, std::string("\x01\0xn\0c\0dd", 9))), content) << "all of them";
  EXPECT_EQ(found_in(with(32, "")), Found{}) << "nobody knows what that is";
}

TEST(ArchiveTest, OddMembersAreLeftOut) {
  const auto content = prose(600, 3);
  const auto packed = deflated(content, kZlib);
  EXPECT_EQ(found_in(sample_zip({.content = content, .method = 0})), kWithoutOdd) << "stored";
  EXPECT_EQ(found_in(sample_zip({.content = content, .method = 14})), kWithoutOdd) << "LZMA";
  EXPECT_EQ(found_in(sample_zip({.content = content, .flags = 1})), kWithoutOdd) << "encrypted";
  EXPECT_EQ(found_in(sample_zip({.content = content, .packed = noise(300, 1)})), kWithoutOdd) << "no stream";
  EXPECT_EQ(found_in(sample_zip({.content = content, .packed = packed + "x"})), kWithoutOdd) << "a byte more";
  EXPECT_EQ(found_in(sample_zip({.content = content, .packed = packed.substr(0, packed.size() - 1)})), kWithoutOdd);
  EXPECT_EQ(found_in(sample_zip({.content = content, .size_told = 599})), kWithoutOdd);
  EXPECT_EQ(found_in(sample_zip({.content = content, .size_told = 601})), kWithoutOdd);
  EXPECT_EQ(found_in(sample_zip({.content = "tiny"})), kWithoutOdd) << "not worth it";
}

TEST(ArchiveTest, WhatWouldBeTooMuchIsNotOpened) {
  const auto zip = sample_zip({prose(600, 3)});
  EXPECT_EQ(found_in(zip, 1800_B), kAll);
  EXPECT_EQ(found_in(zip, 1799_B), Found{});
  EXPECT_EQ(found_in(sample_zip({.content = prose(600, 3), .size_told = ~0U - 1})), Found{}) << "4 GiB told";
  const auto bomb = gzip_member(std::string(5'000'000, '\0'));
  EXPECT_LT(bomb.size(), 10'000U);
  EXPECT_EQ(found_in(bomb, 5'000'000_B).size(), 1U);
  EXPECT_EQ(found_in(bomb, 4'999'999_B), Found{});
  EXPECT_EQ(found_in(gzip_member("") + bomb, 4'999'999_B), Found{});
}

TEST(ArchiveTest, NoArchiveHasStreams) {
  EXPECT_EQ(found_in(""), Found{});
  EXPECT_EQ(found_in("PK"), Found{});
  EXPECT_EQ(found_in("PK\x03\x04 and so on"), Found{});
  EXPECT_EQ(found_in("\x1f\x8b\x08"), Found{});
  EXPECT_EQ(found_in(std::string("\x1f\x8b\x08\0\0\0\0\0\0\0", 10)), Found{});
  EXPECT_EQ(found_in("#!/bin/sh\n" + sample_zip({prose(600, 3)})), Found{}) << "it begins as something else";
  EXPECT_FALSE(may_hold_streams(as_bytes("PK\x05\x06")));
}

TEST(ArchiveTest, AnythingWithOneByteChangedOrCutOff) {
  for (const auto& whole :
       {sample_zip({.content = prose(600, 3), .flags = 8}), gzip_member(prose(300, 1)) + gzip_member(prose(300, 2))}) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (const int flip : {1, 0x80, 0xff}) {
        auto bytes = whole;
        bytes[at] = static_cast<char>(bytes[at] ^ flip);
        EXPECT_LE(found_in(bytes).size(), 3U);
      }
      EXPECT_LE(found_in(whole.substr(0, at)).size(), 1U);
    }
  }
}

TEST(ArchiveTest, TwoEntriesOfOneStreamAreOne) {
  auto zip = zip_file({{"a", {prose(500, 1)}}, {"b", {prose(500, 1)}}});
  // The second entry of the directory names the first one's header.
  const auto entry = zip.rfind("PK\x01\x02");
  for (std::size_t i = 0; i < 4; ++i) zip[entry + 42 + i] = 0;
  EXPECT_EQ(found_in(zip).size(), 1U);
}

}  // namespace
}  // namespace upswarm::package
