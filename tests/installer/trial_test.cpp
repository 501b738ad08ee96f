#include "installer/trial.hpp"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.hpp"

namespace upswarm::installer {
namespace {

TEST(Trial, IsThisText) {
  const std::string text = "upswarm-trial 1\nprevious placed-12ab\ntrying 1.1.0+x.1\nstarts 2\n";
  const auto trial = parse_trial(text);
  ASSERT_TRUE(trial) << trial.error().message();
  EXPECT_EQ(trial->previous, "placed-12ab");
  EXPECT_EQ(trial->trying, "1.1.0+x.1");
  EXPECT_EQ(trial->starts, 2);
  EXPECT_EQ(text_of(*trial), text);
}

TEST(Trial, AnythingElseIsNone) {
  const std::string good = "upswarm-trial 1\nprevious 1.0.0\ntrying 1.1.0\nstarts 0\n";
  ASSERT_TRUE(parse_trial(good));
  for (std::size_t length = 0; length < good.size(); ++length) EXPECT_FALSE(parse_trial(good.substr(0, length)));
  const auto with = [&](const std::string& old, const std::string& now) {
    auto text = good;
    text.replace(text.find(old), old.size(), now);
    return parse_trial(text).has_value();
  };
  EXPECT_FALSE(with("trial 1", "trial 2"));
  EXPECT_FALSE(with("1.0.0", "../1.0.0"));
  EXPECT_FALSE(with("1.0.0", "..")) << "it would be a folder of somebody else";
  EXPECT_FALSE(with("1.0.0", ".staging"));
  EXPECT_FALSE(with("1.0.0", "1.1.0")) << "a release is not its own previous one";
  EXPECT_FALSE(with("1.0.0", std::string(200, '1')));
  EXPECT_FALSE(with("1.0.0", std::string("1\0", 2)));
  EXPECT_FALSE(with("starts 0", "starts 4"));
  EXPECT_FALSE(with("starts 0", "starts -1"));
  EXPECT_FALSE(with("starts 0", "starts 99999999999999999999"));
  EXPECT_FALSE(parse_trial(good + "more\n"));
}

TEST(Trial, TakesNoCountOfAnother) {
  const tests::TemporaryFolder folder;
  const auto file = folder / kTrial;
  ASSERT_TRUE(begin_trial(system_files(), file, "1.0.0", "1.1.0"));
  ASSERT_TRUE(count_start(system_files(), file, {.previous = "1.0.0", .trying = "1.2.0", .starts = 2}));
  EXPECT_EQ((*read_trial(system_files(), file))->trying, "1.2.0");
}

TEST(Trial, IsThereUntilItEnds) {
  const tests::TemporaryFolder folder;
  const auto file = folder / kTrial;
  EXPECT_FALSE(*read_trial(system_files(), file));
  ASSERT_TRUE(begin_trial(system_files(), file, "1.0.0", "1.1.0"));
  EXPECT_EQ((*read_trial(system_files(), file))->starts, 0);
  ASSERT_TRUE(count_start(system_files(), file, {.previous = "1.0.0", .trying = "1.1.0", .starts = 1}));
  EXPECT_EQ((*read_trial(system_files(), file))->starts, 1);
  ASSERT_TRUE(end_trial(system_files(), file));
  EXPECT_TRUE(system_files().list(folder.path())->empty());
  EXPECT_FALSE(*read_trial(system_files(), file));
  EXPECT_TRUE(end_trial(system_files(), file)) << "it is over already";
  folder.write(kTrial, "what?");
  EXPECT_EQ(read_trial(system_files(), file).error().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace upswarm::installer
