// What tests of the rules of a delta share: one change of a right delta, and what comes of it.
#pragma once

#include "protocol/package/decode/delta_reader.hpp"
#include "tests/protocol/package/raw_delta.hpp"
#include "tests/protocol/package/staging_files.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {

/// One change of sample_delta(), and what the error then says; nothing where it is taken.
struct Rule {
  const char* name;
  void (*change)(RawDelta& delta);
  const char* why = "";
};
inline void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.name; }
inline std::string name_of_rule(const testing::TestParamInfo<Rule>& info) { return info.param.name; }

/// Applies deltas to sample_base(), by files that let it write below "to" alone.
class RawDeltaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!system_files().make_symlink("nowhere", folder / "probe")) GTEST_SKIP() << "no links on this system";
  }
  Result<void> apply(const RawDelta& delta) {
    folder.write("delta", delta.encoded());
    UPSWARM_TRY(auto reader, DeltaReader::open(opened(folder / "delta")));
    const auto base = sample_base();
    for (const auto& [path, content] : base.contents) folder.write("base/" + path, content);
    UPSWARM_CHECK(reader.apply(staging, folder / "base", base.tree, folder / "to", {}, {}));
    return {};
  }
  void expect(const RawDelta& delta, const std::string& why) {
    const auto applied = apply(delta);
    EXPECT_EQ(staging.trespass(), "");
    if (why.empty()) {
      EXPECT_TRUE(applied) << applied.error().message();
      return;
    }
    ASSERT_FALSE(applied);
    const auto& error = applied.error();
    const bool is_of_tomorrow = why.find("not known to this program") != std::string::npos;
    EXPECT_EQ(error.kind, is_of_tomorrow ? ErrorKind::invalid : ErrorKind::corrupt) << error.message();
    EXPECT_NE(error.message().find(why), std::string::npos) << error.message();
  }

  tests::TemporaryFolder folder;
  StagingFiles staging{folder / "to"};
};

class DeltaRules : public RawDeltaTest, public testing::WithParamInterface<Rule> {};

}  // namespace upswarm::package
