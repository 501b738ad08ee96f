#include "protocol/messages/installer_messages.hpp"

#include <gtest/gtest.h>

namespace upswarm::messages {
namespace {

TEST(InstallerMessages, HelloComesBackAsItWas) {
  Hello hello;
  hello.root_version = 3;
  hello.machine_id = "machine-1";
  hello.products.push_back({.product = "app",
                            .channel = "stable",
                            .platform = "linux-x64",
                            .version = "1.2.3",
                            .content = sha256("tree"),
                            .before = sha256("older tree"),
                            .counter = {1, 7},
                            .busy = true,
                            .damage = "1 file is altered",
                            .is_best_effort = true});
  hello.products.push_back(
      {.product = "tool", .channel = "beta", .platform = "linux-x64", .version = {}, .content = {}, .counter = {1, 0}});
  const auto back = parse_hello(to_json(hello));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->root_version, 3);
  EXPECT_EQ(back->machine_id, "machine-1");
  ASSERT_EQ(back->products.size(), 2U);
  EXPECT_EQ(back->products[0].version, "1.2.3");
  EXPECT_EQ(back->products[0].content, sha256("tree"));
  EXPECT_EQ(back->products[0].before, sha256("older tree"));
  EXPECT_FALSE(back->products[1].before);
  EXPECT_EQ(back->products[0].counter, (trust::ReleaseCounter{1, 7}));
  EXPECT_TRUE(back->products[0].busy);
  EXPECT_EQ(back->products[0].damage, "1 file is altered");
  EXPECT_TRUE(back->products[0].is_best_effort);
  EXPECT_EQ(back->products[1].damage, "");
  EXPECT_FALSE(back->products[1].is_best_effort);
  EXPECT_FALSE(back->products[1].version);
}

TEST(InstallerMessages, WhatALaterProgramSaysMoreIsLeftAlone) {
  auto json = to_json(Hello{
      .root_version = 1,
      .machine_id = "m",
      .products = {{.product = "app", .channel = "c", .platform = "p", .version = {}, .content = {}, .counter = {}}}});
  json["products"][0]["surprise"] = 1;
  const auto back = parse_hello(json);
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->products.at(0).product, "app");
}

TEST(InstallerMessages, MissingPartsComeBackAsTheyWere) {
  const MissingParts missing{.parts = {{0_B, 5_B}, {7_B, 1_B}}, .needed = 6_B, .from_disk = 77_B};
  const auto back = parse_missing(to_json(missing));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->parts, missing.parts);
  EXPECT_EQ(back->needed, 6_B);
  EXPECT_EQ(back->from_disk, 77_B);
}

TEST(InstallerMessages, MissingFramesComeBackAsTheyWereRiseAndAreBounded) {
  MissingParts missing{.parts = {{0_B, 9_B}}, .needed = 6_B, .from_disk = 77_B, .frames = {}};
  EXPECT_FALSE(to_json(missing).contains("frames")) << "an older agent does not know them";
  missing.frames = {{{0_B, 5_B}, sha256("a")}, {{7_B, 1_B}, sha256("b")}};
  const auto back = parse_missing(to_json(missing));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->frames, missing.frames);
  missing.frames = {{{0_B, 5_B}, sha256("a")}, {{4_B, 1_B}, sha256("b")}};
  EXPECT_FALSE(parse_missing(to_json(missing)));
  auto wrong = to_json(missing);
  wrong["frames"] = Json::array({Json{{"offset", 0}, {"length", 5}, {"sha256", "no digest"}}});
  EXPECT_FALSE(parse_missing(wrong));
  missing.frames.clear();
  for (std::size_t i = 0; i <= kMostMissingFrames; ++i) missing.frames.push_back({{Bytes{2 * i}, 1_B}, {}});
  EXPECT_FALSE(parse_missing(to_json(missing)));
  missing.frames.pop_back();
  EXPECT_TRUE(parse_missing(to_json(missing)));
}

TEST(InstallerMessages, MissingPartsRiseAndAreBounded) {
  EXPECT_FALSE(parse_missing(to_json(MissingParts{.parts = {{7_B, 1_B}, {0_B, 5_B}}, .needed = {}, .from_disk = {}})));
  EXPECT_FALSE(parse_missing(to_json(MissingParts{.parts = {{0_B, 5_B}, {4_B, 5_B}}, .needed = {}, .from_disk = {}})));
  EXPECT_FALSE(parse_missing(to_json(MissingParts{.parts = {{0_B, 0_B}}, .needed = {}, .from_disk = {}})));
  MissingParts many;
  for (std::size_t i = 0; i <= kMostMissingParts; ++i) many.parts.push_back({Bytes{2 * i}, 1_B});
  EXPECT_FALSE(parse_missing(to_json(many)));
  many.parts.pop_back();
  EXPECT_TRUE(parse_missing(to_json(many)));
}

TEST(InstallerMessages, OutcomesComeBackAsTheyWere) {
  Outcome outcome{.number = 4,
                  .product = "app",
                  .from = "1.0.0",
                  .to = "1.1.0",
                  .running = "1.0.0",
                  .kind = "delta",
                  .result = "rolled_back",
                  .reason = "health check failed",
                  .at = Time{std::chrono::seconds(1'700'000'000)},
                  .milliseconds = 1234};
  const auto back = parse_outcomes(Json{{"outcomes", Json::array({to_json(outcome)})}});
  ASSERT_TRUE(back) << back.error().message();
  ASSERT_EQ(back->size(), 1U);
  EXPECT_EQ(to_json(back->front()), to_json(outcome));
}

TEST(InstallerMessages, AWantedReleaseNeedsItsEntry) {
  const Json answer{{"decisions", Json::array({{{"product", "app"}, {"kind", "wanted"}, {"reason", ""}}})}};
  EXPECT_FALSE(parse_decisions(answer));
}

TEST(InstallerMessages, HeldCarriesItsReason) {
  ProductDecision held{.product = "app", .kind = ProductDecision::Kind::held, .entry = {}, .reason = "paused"};
  const auto back = parse_decisions(Json{{"decisions", Json::array({to_json(held)})}});
  ASSERT_TRUE(back);
  EXPECT_EQ(back->at(0).kind, ProductDecision::Kind::held);
  EXPECT_EQ(back->at(0).reason, "paused");
}

TEST(InstallerMessages, AWantedReleaseThatThisProgramCannotReadIsHeldAlone) {
  const Json entry{{"counter", {{"epoch", 1}, {"n", 2}}},
                   {"version", "2.0.0"},
                   {"content", sha256("tree").hex()},
                   {"requires", {"oracle-health"}}};
  const auto back = parse_decisions(
      Json{{"decisions", Json::array({{{"product", "app"}, {"kind", "wanted"}, {"reason", ""}, {"entry", entry}}})}});
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(back->at(0).kind, ProductDecision::Kind::held);
  EXPECT_EQ(back->at(0).reason, "held: 2.0.0: needs a newer agent: oracle-health");
  EXPECT_FALSE(back->at(0).entry);
}

TEST(InstallerMessages, OffersKeepEveryByte) {
  const std::map<std::string, std::string> files{{"metadata/timestamp.json", std::string("a\0b\xff", 4)},
                                                 {"targets/x", ""}};
  const auto back = parse_offer(make_offer(files));
  ASSERT_TRUE(back) << back.error().message();
  EXPECT_EQ(*back, files);
}

TEST(InstallerMessages, TooManyFilesAreRefused) {
  std::map<std::string, std::string> files;
  for (std::size_t i = 0; i <= kMostOfferedFiles; ++i) files[std::to_string(i)] = "x";
  EXPECT_FALSE(parse_offer(make_offer(files)));
}

TEST(InstallerMessages, AnOfferThatIsNotBase64IsRefused) {
  EXPECT_FALSE(parse_offer(Json{{"files", {{"a", "!!!"}}}}));
  EXPECT_FALSE(parse_offer(Json{{"files", {{"a", 5}}}}));
  EXPECT_FALSE(parse_offer(Json{{"files", Json::array()}}));
}

TEST(InstallerMessages, NegativeProgressIsRefused) {
  const Json answer{
      {"products", Json::array({{{"product", "a"}, {"version", "1"}, {"phase", "p"}, {"done", -1}, {"total", 2}}})}};
  EXPECT_FALSE(parse_progress(answer));
}

}  // namespace
}  // namespace upswarm::messages
