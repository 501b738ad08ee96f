#include "seeder/compressed_metadata.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::seeder {
namespace {

class CompressedMetadataTest : public testing::Test {
 protected:
  /// A version of the snapshot: entries of which one differs.
  static std::string snapshot(int version) {
    std::string text;
    for (int i = 0; i < 100; ++i) text += sha256("role " + std::to_string(i == 50 ? 1000 + version : i)).hex();
    return text;
  }
  static std::string name(int version) { return std::to_string(version) + ".snapshot.json"; }
  void write(int version) { folder.write(name(version), snapshot(version)); }

  CompressedMetadata::Form ask(int version, int has, const std::string& accepted = "dcz, zstd") {
    return compressed.form_of(name(version), snapshot(version), sha256(snapshot(version)), accepted,
                              has == 0 ? "" : dictionary_field(sha256(snapshot(has))));
  }

  tests::TemporaryFolder folder;
  CompressedMetadata compressed{system_files(), folder.path()};
};

TEST_F(CompressedMetadataTest, AnEarlierVersionIsTheDictionary) {
  for (const int version : {1, 2, 3}) write(version);
  for (const int has : {1, 2}) {
    const auto form = ask(3, has);
    ASSERT_EQ(form.coding, ContentCoding::dcz);
    EXPECT_LT(form.bytes->size(), 200U);
    EXPECT_EQ(*decode_dcz(*form.bytes, snapshot(has), 1_MiB), snapshot(3));
    EXPECT_EQ(ask(3, has).bytes, form.bytes) << "made once";
  }
}

TEST_F(CompressedMetadataTest, WithoutACommonDictionaryItComesByItself) {
  write(3);
  for (const int has : {0, 2, 3}) {
    const auto form = ask(3, has);
    ASSERT_EQ(form.coding, ContentCoding::zstd) << has;
    EXPECT_EQ(*decode_zstd(*form.bytes, 1_MiB), snapshot(3));
  }
  EXPECT_EQ(ask(3, 0).bytes, ask(3, 2).bytes) << "made once";
}

TEST_F(CompressedMetadataTest, AnotherRoleIsNoDictionary) {
  folder.write("2.rel-app.json", snapshot(2));
  write(3);
  EXPECT_EQ(ask(3, 2).coding, ContentCoding::zstd);
}

TEST_F(CompressedMetadataTest, OnlyTheNewestVersionsAreLookedAt) {
  const int newest = static_cast<int>(CompressedMetadata::kEarlierVersions) + 2;
  for (int version = 1; version <= newest; ++version) write(version);
  EXPECT_EQ(ask(newest, 1).coding, ContentCoding::zstd);
  EXPECT_EQ(ask(newest, 2).coding, ContentCoding::dcz);
}

TEST_F(CompressedMetadataTest, WhoDoesNotAskGetsItAsItIs) {
  for (const int version : {1, 2}) write(version);
  for (const char* accepted : {"", "gzip", "br, gzip"}) EXPECT_EQ(ask(2, 1, accepted).bytes, nullptr) << accepted;
  EXPECT_EQ(ask(2, 1, "zstd").coding, ContentCoding::zstd);
}

TEST_F(CompressedMetadataTest, OtherBytesUnderANameThatWasServedHaveTheirOwnForm) {
  write(1);
  for (const char* accepted : {"zstd", "dcz, zstd"}) {
    const auto field = dictionary_field(sha256(snapshot(1)));
    const auto thief = compressed.form_of(name(4), snapshot(6), sha256(snapshot(6)), accepted, field);
    const auto owner = compressed.form_of(name(4), snapshot(7), sha256(snapshot(7)), accepted, field);
    ASSERT_EQ(owner.coding, thief.coding);
    const auto decoded = owner.coding == ContentCoding::dcz ? decode_dcz(*owner.bytes, snapshot(1), 1_MiB)
                                                            : decode_zstd(*owner.bytes, 1_MiB);
    EXPECT_EQ(*decoded, snapshot(7)) << accepted;
  }
}

TEST_F(CompressedMetadataTest, SmallFilesStayAsTheyAre) {
  EXPECT_EQ(compressed.form_of("1.root.json", std::string(100, 'a'), sha256(std::string(100, 'a')), "zstd", "").bytes,
            nullptr);
}

TEST_F(CompressedMetadataTest, WhatIsKeptHasALimit) {
  // Hexadecimal shrinks to a half at best.
  const auto noise = [](int seed) {
    std::string text;
    while (text.size() < 1'000'000) text += sha256(std::to_string(seed) + "/" + std::to_string(text.size())).hex();
    return text;
  };
  const auto first = compressed.form_of(name(1), noise(1), sha256(noise(1)), "zstd", "").bytes;
  for (int version = 2; version < 40; ++version)
    compressed.form_of(name(version), noise(version), sha256(noise(version)), "zstd", "");
  EXPECT_NE(compressed.form_of(name(1), noise(1), sha256(noise(1)), "zstd", "").bytes, first) << "made anew";
}

}  // namespace
}  // namespace upswarm::seeder
