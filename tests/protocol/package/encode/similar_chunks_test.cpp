#include "protocol/package/encode/similar_chunks.hpp"

#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

TEST(SimilarChunks, WhatHasMostInCommonComesFirst) {
  SimilarChunks similar(10_MiB);
  const auto one = noise(200'000, 1);
  const auto two = noise(200'000, 2);
  similar.add(0, similar.sample(as_bytes(one)));
  similar.add(1, similar.sample(as_bytes(two)));
  similar.add(2, similar.sample(as_bytes(noise(200'000, 3))));
  const auto found = similar.find(similar.sample(as_bytes(one.substr(0, 50'000) + two)));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].chunk, 1U);
  EXPECT_EQ(found[1].chunk, 0U);
  EXPECT_GT(found[0].common, found[1].common);
}

TEST(SimilarChunks, NextToNothingInCommonIsNothing) {
  SimilarChunks similar(10_MiB);
  const auto one = noise(200'000, 1);
  similar.add(0, similar.sample(as_bytes(one)));
  EXPECT_TRUE(similar.find(similar.sample(as_bytes(one.substr(0, 500) + noise(50'000, 2)))).empty());
}

TEST(SimilarChunks, ALargeTreeHasFewerSamples) {
  const auto content = noise(1'000'000, 1);
  EXPECT_LT(SimilarChunks(100_GiB).sample(as_bytes(content)).size(),
            SimilarChunks(1_MiB).sample(as_bytes(content)).size() / 100);
}

}  // namespace
}  // namespace upswarm::package
