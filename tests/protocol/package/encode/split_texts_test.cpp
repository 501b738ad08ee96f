#include "protocol/package/encode/split_texts.hpp"

#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

TEST(SplitTexts, WhatHoldsAPartOfNewTextIsItsOrigin) {
  const auto bundle = noise(3'000'000, 1);
  SplitTexts texts;
  EXPECT_TRUE(texts.is_empty());
  EXPECT_FALSE(texts.is_origin(as_bytes(bundle)));
  const auto part = noise(5000, 2) + bundle.substr(2'000'000, 100'000);
  texts.add_new(as_bytes(part));
  EXPECT_FALSE(texts.is_empty());
  EXPECT_TRUE(texts.is_origin(as_bytes(bundle)));
  EXPECT_FALSE(texts.is_origin(as_bytes(noise(3'000'000, 3))));
}

TEST(SplitTexts, ALittleOrOneThingManyTimesIsNoPart) {
  const auto line = noise(600, 1);
  std::string banners = noise(2'000'000, 2);
  for (std::size_t at = 0; at + 10'000 <= banners.size(); at += 10'000) banners.replace(at, line.size(), line);
  SplitTexts texts;
  const auto text = line + noise(5000, 3);
  texts.add_new(as_bytes(text));
  EXPECT_FALSE(texts.is_origin(as_bytes(banners)));
  const auto some = banners.substr(1'000'000, 8000);
  texts.add_new(as_bytes(some));
  EXPECT_FALSE(texts.is_origin(as_bytes(banners))) << "8 KB of 2 MB";
}

}  // namespace
}  // namespace upswarm::package
