#include "protocol/package/encode/frame_encoder.hpp"

#include <numeric>

#include "protocol/package/decode/frame_decoder.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

constexpr EncoderSettings kSettings{.level = 19, .chain_log = 20, .hash_log = 18};

std::string words(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) text += "word" + std::to_string(random() % 3000) + " ";
  return text.substr(0, size);
}

FrameJob job_of(const std::string& text, std::size_t before, std::size_t frame) {
  FrameJob job;
  const auto bytes = as_bytes(text);
  job.bytes.assign(bytes.begin(), bytes.end());
  job.before = before;
  for (auto at = before; at < text.size(); at += frame) job.sizes.push_back(std::min(frame, text.size() - at));
  return job;
}

/// Each frame decompressed with all before it as its dictionary gives the content back.
void expect_back(const FrameJob& job, const std::vector<PackedFrame>& frames) {
  ASSERT_EQ(frames.size(), job.sizes.size());
  FrameDecoder decoder;
  auto at = job.before;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ByteBuffer content(job.sizes[i]);
    const auto decoded = decoder.decode(as_bytes(frames[i].bytes), ByteView(job.bytes).first(at), content);
    ASSERT_TRUE(decoded) << i << ": " << decoded.error().message();
    EXPECT_TRUE(std::ranges::equal(content, ByteView(job.bytes).subspan(at, job.sizes[i]))) << i;
    EXPECT_EQ(frames[i].sha256, sha256(frames[i].bytes));
    at += job.sizes[i];
  }
}

std::size_t total(const std::vector<PackedFrame>& frames) {
  return std::accumulate(frames.begin(), frames.end(), std::size_t{0},
                         [](std::size_t sum, const PackedFrame& frame) { return sum + frame.bytes.size(); });
}

TEST(FrameEncoder, FramesOfAnySizeComeBack) {
  FrameEncoder encoder(kSettings);
  for (const auto& text : {words(700'000, 1), noise(300'000, 1), std::string(600'000, 'a'), words(100, 2) + noise(9, 3),
                           std::string("x")}) {
    for (const std::size_t frame : {std::size_t{200}, std::size_t{8191}, std::size_t{131'073}, std::size_t{262'144}}) {
      const auto job = job_of(text, 0, frame);
      const auto frames = encoder.encode(job);
      ASSERT_TRUE(frames) << frames.error().message();
      expect_back(job, *frames);
    }
  }
}

TEST(FrameEncoder, WhatCameBeforeIsADictionary) {
  FrameEncoder encoder(kSettings);
  const auto text = noise(100'000, 1);
  const auto job = job_of(text + text, text.size(), 10'000);
  const auto frames = encoder.encode(job);
  ASSERT_TRUE(frames);
  EXPECT_LT(total(*frames), 500U);
  expect_back(job, *frames);
}

TEST(FrameEncoder, SmallFramesReferToEachOther) {
  FrameEncoder encoder(kSettings);
  const auto text = noise(4'000, 1);
  const auto job = job_of(text + text + text, 0, 4'000);
  const auto frames = encoder.encode(job);
  ASSERT_TRUE(frames);
  EXPECT_LT(total(*frames), 4'200U);
  expect_back(job, *frames);
}

TEST(FrameEncoder, FarReferencesAreUsed) {
  // Its tables are too small to find this by themselves.
  FrameEncoder encoder({.level = 1, .chain_log = 6, .hash_log = 6});
  const auto text = noise(50'000, 1);
  auto job = job_of(text + noise(200'000, 2) + text, 0, 50'000);
  const auto without = encoder.encode(job);
  job.far = {{250'000, 50'000, 250'000}};
  const auto with = encoder.encode(job);
  ASSERT_TRUE(without && with);
  EXPECT_GT(total(*without), 299'000U);
  EXPECT_LT(total(*with), 251'000U);
  expect_back(job, *with);
}

TEST(FrameEncoder, AnEncoderThatWasUsedBeforeGivesTheSame) {
  FrameEncoder used(kSettings);
  ASSERT_TRUE(used.encode(job_of(words(300'000, 5), 1000, 20'000)));
  const auto job = job_of(words(300'000, 6), 5000, 20'000);
  const auto again = used.encode(job);
  const auto fresh = FrameEncoder(kSettings).encode(job);
  ASSERT_TRUE(again && fresh);
  for (std::size_t i = 0; i < fresh->size(); ++i) EXPECT_EQ((*again)[i].bytes, (*fresh)[i].bytes);
}

}  // namespace
}  // namespace upswarm::package
