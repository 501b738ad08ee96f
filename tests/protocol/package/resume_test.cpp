// A tree that is made in a folder, stopped anywhere, and made again from what is there.
#include "protocol/package/decode/delta_reader.hpp"
#include "protocol/package/decode/format.hpp"
#include "tests/protocol/package/program_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/stopping_files.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::package {
namespace {

enum class Way { delta, full };

class ResumeTest : public testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    auto functions = random_functions(200, 1);
    const auto program = link_program(functions, in_order(200));
    functions[9].seed = 5;
    write_tree(folder, "old",
               {{"bin/p", program},
                {"share/same", noise(300'000, 1)},
                {"share/large", noise(700'000, 2)},
                {"text/a", std::string(5000, 'a')},
                {"text/b", std::string(3000, 'b')}});
    write_tree(folder, "new",
               {{"bin/p", link_program(functions, in_order(200))},
                {"empty", ""},
                {"moved/same", noise(300'000, 1)},
                {"share/large", noise(700'000, 2) + "end"},
                {"text/a", std::string(5000, 'a') + "1"},
                {"text/b", std::string(3000, 'b') + "2"}});
    std::filesystem::permissions(folder / "new/bin/p", std::filesystem::perms(0755));
    if (!system_files().make_symlink("large", folder / "new/share/link")) GTEST_SKIP() << "no links on this system";
    EXPECT_TRUE(write_delta(system_files(), folder / "old", folder / "new", folder / "d", {}, {}));
    EXPECT_TRUE(write_package(system_files(), folder / "new", folder / "p", {}, {}));
    base = scanned(folder / "old");
    wanted = scanned(folder / "new");
  }

  Result<OutputReport> make(Files& files, bool resume = true) {
    OutputReport report;
    const OutputOptions options{.resume = resume, .report = &report};
    if (GetParam() == Way::full) {
      UPSWARM_TRY(auto reader, PackageReader::open(opened(folder / "p"), nullptr));
      UPSWARM_CHECK(reader.unpack(files, folder / "out", {}, {}, options));
      return report;
    }
    UPSWARM_TRY(auto reader, DeltaReader::open(opened(folder / "d")));
    UPSWARM_CHECK(reader.apply(files, folder / "old", base, folder / "out", {}, {}, options));
    return report;
  }

  /// Files of `out` that are as they should be.
  OutputReport whole_there() {
    OutputReport whole;
    if (!std::filesystem::exists(folder / "out")) return whole;
    const auto there = scanned(folder / "out");
    for (const auto& entry : there.entries) {
      const auto* const right = wanted.find(entry.path);
      if (entry.type != FileType::regular || right == nullptr || *right != entry) continue;
      ++whole.kept_files;
      whole.kept += entry.size;
    }
    return whole;
  }

  /// A whole tree that `spoil` was done to gives a whole tree, of which `lost` files were made again.
  void expect_made_again(std::size_t lost, const std::function<void(const Path& out)>& spoil) {
    std::filesystem::remove_all(folder / "out");
    ASSERT_TRUE(make(system_files()));
    spoil(folder / "out");
    const auto again = make(system_files());
    ASSERT_TRUE(again) << again.error().message();
    EXPECT_EQ(scanned(folder / "out"), wanted);
    EXPECT_EQ(again->kept_files, 6 - lost);
    EXPECT_EQ(std::filesystem::hard_link_count(folder / "out/share/large"), 1U);
  }

  void spoil_from(const std::string& name, Bytes offset) {
    const auto bytes = folder.read(name);
    folder.write(name, bytes.substr(0, offset.count) + std::string(bytes.size() - offset.count, 'x'));
  }

  tests::TemporaryFolder folder;
  Tree base;
  Tree wanted;
};

TEST_P(ResumeTest, StoppedAtEveryOperationItGoesOnFromTheWholeFiles) {
  tests::StoppingFiles files(tests::unsynced_files());
  ASSERT_TRUE(make(files));
  const auto all = files.operations();
  EXPECT_GT(all, 25U);
  for (std::size_t n = 1; n <= all; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    std::filesystem::remove_all(folder / "out");
    files.stop_at(n);
    EXPECT_FALSE(make(files));
    const auto whole = whole_there();
    files.stop_at({});
    const auto made = make(files);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(scanned(folder / "out"), wanted);
    EXPECT_EQ(made->kept_files, whole.kept_files);
    EXPECT_EQ(made->kept, whole.kept);
    if (whole.kept > 0_B) {
      EXPECT_LT(files.operations(), all) << "there is less to do";
    }
  }
}

TEST_P(ResumeTest, AndAgainWhenTheSecondRunIsStoppedToo) {
  tests::StoppingFiles files(tests::unsynced_files());
  ASSERT_TRUE(make(files));
  const auto half = files.operations() / 2;
  for (std::size_t n = 1; n <= half; ++n) {
    std::filesystem::remove_all(folder / "out");
    files.stop_at(half);
    EXPECT_FALSE(make(files));
    files.stop_at(n);
    ignore_failure(make(files), "it may be stopped");
    files.stop_at({});
    ASSERT_TRUE(make(files)) << n;
    EXPECT_EQ(scanned(folder / "out"), wanted) << n;
  }
}

TEST_P(ResumeTest, WhatIsNotWholeIsMadeAgain) {
  auto& files = system_files();
  expect_made_again(0, [](const Path&) {});
  expect_made_again(1, [&](const Path&) { folder.write("out/text/a", std::string(5000, 'a') + "2"); });
  expect_made_again(1, [](const Path& out) { std::filesystem::resize_file(out / "share/large", 699'999); });
  expect_made_again(1, [](const Path& out) { std::filesystem::resize_file(out / "share/large", 700'004); });
  expect_made_again(1, [&](const Path&) { folder.write("out/empty", "x"); });
  expect_made_again(1, [&](const Path& out) { ASSERT_TRUE(files.set_mode(out / "bin/p", 0644)); });
  expect_made_again(1, [&](const Path& out) { ASSERT_TRUE(files.set_mode(out / "text/a", 0666)); });
  expect_made_again(2, [](const Path& out) { std::filesystem::remove_all(out / "text"); });
}

TEST_P(ResumeTest, WhatDoesNotBelongThereIsRemoved) {
  auto& files = system_files();
  expect_made_again(0, [&](const Path&) { folder.write("out/more/deep/file", "x"); });
  expect_made_again(0, [&](const Path&) { folder.write("out/text/more", "x"); });
  expect_made_again(1, [&](const Path& out) {
    std::filesystem::remove(out / "text/a");
    ASSERT_TRUE(files.make_symlink("b", out / "text/a"));
  });
  expect_made_again(1, [&](const Path& out) {
    std::filesystem::remove(out / "text/a");
    folder.write("out/text/a/file", "x");
  });
  expect_made_again(2, [&](const Path& out) {
    std::filesystem::remove_all(out / "text");
    ASSERT_TRUE(files.make_symlink("share", out / "text"));
  });
  expect_made_again(0, [&](const Path& out) {
    std::filesystem::remove(out / "share/link");
    ASSERT_TRUE(files.make_symlink("../bin/p", out / "share/link"));
  });
  expect_made_again(1, [&](const Path& out) { ASSERT_TRUE(files.hard_link(out / "share/large", folder / "second")); });
  std::filesystem::remove(folder / "second");
  expect_made_again(6, [&](const Path& out) {
    std::filesystem::rename(out, folder / "elsewhere");
    ASSERT_TRUE(files.make_symlink("elsewhere", out));
  });
  EXPECT_EQ(scanned(folder / "elsewhere"), wanted) << "behind a link nothing was touched";
}

TEST_P(ResumeTest, OnlyWhenAskedItTouchesAFolderThatIsThere) {
  folder.write("out/mine", "x");
  const auto refused = make(system_files(), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::denied);
  EXPECT_EQ(folder.read("out/mine"), "x");
}

TEST_P(ResumeTest, WhatIsThereIsNotDecodedAgain) {
  ASSERT_TRUE(make(system_files()));
  // Of where content comes from nothing is left: neither base nor streams, nor frames.
  std::filesystem::rename(folder / "old", folder / "gone");
  spoil_from("d", DeltaReader::open(opened(folder / "d"))->info().plan_length + Bytes{kDeltaHeader});
  spoil_from("p", PackageReader::open(opened(folder / "p"), nullptr)->index_length());
  const auto again = make(system_files());
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(again->kept_files, 6U);
}

INSTANTIATE_TEST_SUITE_P(Ways, ResumeTest, testing::Values(Way::delta, Way::full),
                         [](const auto& way) { return way.param == Way::delta ? "Delta" : "Full"; });

}  // namespace
}  // namespace upswarm::package
