// Deltas that look into archives.
#include <algorithm>

#include "protocol/package/decode/delta_reader.hpp"
#include "protocol/package/decode/format.hpp"
#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/program_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/stopping_files.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::package {
namespace {

constexpr DeflateRecipe kFast{.level = 1, .memory = 8};

class OpeningTest : public testing::Test {
 protected:
  void make(const TreeFiles& from, const TreeFiles& to, const DeltaOptions& options = {}) {
    old_tree = write_tree(folder, "old", from);
    new_tree = write_tree(folder, "new", to);
    base = scanned(old_tree);
    const auto made = write_delta(system_files(), old_tree, new_tree, folder / "d", {}, {}, options);
    ASSERT_TRUE(made) << made.error().message();
    length = made->length;
    auto reader = DeltaReader::open(opened(folder / "d"));
    ASSERT_TRUE(reader) << reader.error().message();
    info = reader->info();
  }
  Result<void> apply(const std::string& name = "d", const OutputOptions& options = {}, std::stop_token stop = {}) {
    UPSWARM_TRY(auto reader, DeltaReader::open(opened(folder / name)));
    UPSWARM_CHECK(reader.apply(system_files(), old_tree, base, folder / "out", {}, std::move(stop), options));
    return {};
  }
  void expect_round_trip(const TreeFiles& from, const TreeFiles& to, const DeltaOptions& options = {}) {
    make(from, to, options);
    const auto applied = apply();
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_EQ(scanned(folder / "out"), scanned(new_tree)) << "nothing else is left, either";
  }
  void expect_opened(std::size_t old_files, std::size_t new_files) {
    EXPECT_EQ(info.opened.old_files.size(), old_files);
    EXPECT_EQ(info.opened.new_files.size(), new_files);
    const bool is_named = std::ranges::find(info.filters, kDeflateFilter) != info.filters.end();
    EXPECT_EQ(is_named, old_files + new_files > 0);
  }

  tests::TemporaryFolder folder;
  Path old_tree;
  Path new_tree;
  Tree base;
  Bytes length;
  DeltaInfo info;
};

/// `content` with a line in its middle.
std::string edited(std::string content, const std::string& line = "a line that was not there\n") {
  return content.insert(content.size() / 2, line);
}

TEST_F(OpeningTest, AChangelogThatWasCompressed) {
  const auto log = prose(600'000, 1);
  expect_round_trip({{"doc/changelog.gz", gzip_member(log)}}, {{"doc/changelog.gz", gzip_member("new\n" + log)}});
  expect_opened(1, 1);
  EXPECT_LT(length, 400_B);
}

TEST_F(OpeningTest, ALargeOneThatIsCopied) {
  const auto log = prose(1'500'000, 1);
  expect_round_trip({{"changelog.gz", gzip_member(log)}}, {{"changelog.gz", gzip_member("new\n" + log)}});
  expect_opened(1, 1);
  EXPECT_EQ(info.groups.size(), 1U);
  EXPECT_FALSE(info.groups[0].is_prefixed);
  EXPECT_LT(length, 500_B);
}

std::map<std::string, ZipMember> sample_members() {
  auto functions = random_functions(300, 1);
  return {{"META-INF/MANIFEST.MF", {.content = prose(300, 1), .recipe = kZlib, .flags = 8}},
          {"app/Main.class", {.content = prose(60'000, 2), .recipe = kZlib, .flags = 8}},
          {"app/Same.class", {.content = prose(60'000, 3), .recipe = kZlib, .flags = 8}},
          {"app/image.png", {.content = noise(30'000, 4), .method = 0}},
          {"lib/native.so", {.content = link_program(functions, in_order(300)), .recipe = kZlib}},
          {"empty", {.content = "", .recipe = kZlib}}};
}

TEST_F(OpeningTest, AnArchiveWhoseMembersChange) {
  const auto before = sample_members();
  auto after = before;
  after["app/Main.class"].content = edited(after["app/Main.class"].content);
  auto functions = random_functions(300, 1);
  functions[9].seed = 77;
  after["lib/native.so"].content = link_program(functions, in_order(300));
  after["app/More.class"] = {.content = prose(2000, 9), .recipe = kFast};
  expect_round_trip({{"app.jar", zip_file(before)}}, {{"app.jar", zip_file(after)}});
  expect_opened(1, 1);
  EXPECT_EQ(info.opened.old_files[0].gaps.size(), 2U) << "what is the same in both stays closed";
  EXPECT_EQ(info.opened.new_files[0].streams.size(), 3U);
  ASSERT_EQ(info.groups.size(), 1U);
  EXPECT_EQ(info.groups[0].layout.old_images.size(), 1U) << "the program inside of it is seen";
  EXPECT_LT(length, 3500_B);
}

TEST_F(OpeningTest, ArchivesThatAreNamedByTheirVersion) {
  const auto before = sample_members();
  auto after = before;
  after["app/Main.class"].content = edited(after["app/Main.class"].content);
  expect_round_trip({{"lib/app-1.0.jar", zip_file(before)}, {"lib/other", prose(5000, 1)}},
                    {{"lib/app-1.1.jar", zip_file(after)}, {"lib/other", prose(5000, 1)}});
  expect_opened(1, 1);
  EXPECT_LT(length, 1000_B);
}

TEST_F(OpeningTest, AnArchiveThatComesAlong) {
  expect_round_trip({{"a", "x"}}, {{"a", "x"}, {"new.gz", gzip_member(prose(300'000, 1), kFast)}});
  expect_opened(0, 1);
}

TEST_F(OpeningTest, WhatOpeningDoesNotHelpStaysClosed) {
  // The same inside, deflated in another way: nothing can be copied but what is inside. And noise stays noise.
  expect_round_trip({{"a.zip", zip_file({{"m", {noise(50'000, 1)}}})}},
                    {{"a.zip", zip_file({{"m", {noise(50'000, 2)}}})}});
  expect_opened(0, 0);
}

TEST_F(OpeningTest, TheSameInsideDeflatedInAnotherWay) {
  const auto text = prose(300'000, 1);
  expect_round_trip({{"a.gz", gzip_member(text, kFast)}}, {{"a.gz", gzip_member(text, kGzip)}});
  expect_opened(1, 1);
  EXPECT_LT(length, 400_B);
}

TEST_F(OpeningTest, StreamsOfAnotherProgramStayClosed) {
  // A stream of two stored blocks, which is right, and which neither zlib nor gzip makes of text.
  const auto text = prose(60'000, 1);
  const auto foreign = std::string("\0\x64\0\x9b\xff", 5) + text.substr(0, 100) + deflated(text.substr(100), kZlib);
  const auto other = edited(text);
  const auto foreign_other =
      std::string("\0\x64\0\x9b\xff", 5) + other.substr(0, 100) + deflated(other.substr(100), kZlib);
  const auto before = sample_members();
  auto after = before;
  auto with = before;
  with["x"] = {.content = text, .packed = foreign};
  after["x"] = {.content = other, .packed = foreign_other};
  after["app/Main.class"].content = edited(after["app/Main.class"].content);
  expect_round_trip({{"a.zip", zip_file(with)}}, {{"a.zip", zip_file(after)}});
  expect_opened(1, 1);
  EXPECT_EQ(info.opened.new_files[0].streams.size(), 1U);
  EXPECT_EQ(info.opened.old_files[0].gaps.size(), 1U);
}

TEST_F(OpeningTest, TheSameAtAnyNumberOfThreads) {
  auto before = sample_members();
  for (unsigned i = 0; i < 300; ++i) before["m/" + std::to_string(i)] = {.content = prose(500 + 11 * i, i)};
  auto after = before;
  for (unsigned i = 0; i < 300; i += 2) after["m/" + std::to_string(i)].content += "end";
  const TreeFiles from{{"a.zip", zip_file(before)}, {"b.gz", gzip_member(prose(90'000, 1))}};
  const TreeFiles to{{"a.zip", zip_file(after)}, {"b.gz", gzip_member("a new line\n" + prose(90'000, 1))}};
  make(from, to, {.threads = 1});
  expect_opened(2, 2);
  const auto one = folder.read("d");
  for (const std::size_t threads : {2U, 5U}) {
    std::filesystem::remove(folder / "d");
    make(from, to, {.threads = threads});
    EXPECT_EQ(folder.read("d"), one) << threads;
  }
}

TEST_F(OpeningTest, LargerThanTheWindowTheyStayClosed) {
  const auto log = prose(2'500'000, 1);
  const TreeFiles from{{"a.gz", gzip_member(log)}, {"b.gz", gzip_member(prose(700'000, 2))}};
  const TreeFiles to{{"a.gz", gzip_member(edited(log))}, {"b.gz", gzip_member(edited(prose(700'000, 2)))}};
  expect_round_trip(from, to, {.memory = 9_MiB});
  expect_opened(1, 1);
}

TEST_F(OpeningTest, OpenedFilesThatAreTornOverGroups) {
  TreeFiles from;
  TreeFiles to;
  for (unsigned i = 0; i < 6; ++i) {
    const auto name = std::to_string(i) + ".gz";
    from[name] = gzip_member(std::string(1, '\0') + prose(600'000, i));
    to[name] = gzip_member(std::string(1, '\0') + edited(prose(600'000, i)));
  }
  expect_round_trip(from, to, {.memory = 9_MiB});
  expect_opened(6, 6);
  EXPECT_GT(info.groups.size(), 1U);
  EXPECT_LT(length, 3000_B);
}

TEST_F(OpeningTest, TheScratchFileTakesNoNameOfTheTree) {
  const auto log = prose(100'000, 1);
  expect_round_trip({{"a.gz", gzip_member(log)}},
                    {{".Upswarm-opened", "x"}, {".upswarm-opened_", "y"}, {"a.gz", gzip_member(edited(log))}});
  expect_opened(1, 1);
}

TEST_F(OpeningTest, AnAlteredBaseIsNamed) {
  const auto log = prose(100'000, 1);
  make({{"a.gz", gzip_member(log)}}, {{"a.gz", gzip_member(edited(log))}});
  const auto right = folder.read("old/a.gz");
  for (const std::size_t at : {std::size_t{10}, right.size() / 3, right.size() / 2}) {
    auto wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x55);
    folder.write("old/a.gz", wrong);
    std::filesystem::remove_all(folder / "out");
    const auto applied = apply();
    ASSERT_FALSE(applied);
    EXPECT_EQ(applied.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(applied.error().reason, "wrong_base") << applied.error().message();
  }
  folder.write("old/a.gz", right.substr(0, right.size() / 2));
  std::filesystem::remove_all(folder / "out");
  EXPECT_EQ(apply().error().reason, "wrong_base");
}

TEST_F(OpeningTest, EachByteOfASmallDeltaChanged) {
  const auto text = prose(3000, 1);
  make({{"a.zip", zip_file({{"m", {text}}, {"n", {prose(900, 2)}}})}},
       {{"a.zip", zip_file({{"m", {edited(text)}}, {"n", {prose(900, 2)}}})}});
  expect_opened(1, 1);
  const auto whole = folder.read("d");
  const auto wanted = scanned(new_tree);
  for (const int flip : {1, 0x80, 0xff}) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      folder.write("bad", bytes);
      std::filesystem::remove_all(folder / "out");
      if (apply("bad")) {
        EXPECT_EQ(scanned(folder / "out"), wanted) << at;
      }
    }
  }
}

TEST_F(OpeningTest, StoppedAtEveryOperationItGoesOn) {
  const auto log = prose(120'000, 1);
  make({{"a.gz", gzip_member(log)}, {"b.gz", gzip_member(std::string(1, '\0') + log)}, {"c", "x"}},
       {{"a.gz", gzip_member("a new line\n" + log)},
        {"b.gz", gzip_member(std::string(5, '\0') + "a new line\n" + log)},
        {"c", "y"}});
  expect_opened(2, 2);
  const auto wanted = scanned(new_tree);
  tests::StoppingFiles files(tests::unsynced_files());
  const auto apply_by = [&]() -> Result<void> {
    UPSWARM_TRY(auto reader, DeltaReader::open(opened(folder / "d")));
    UPSWARM_CHECK(reader.apply(files, old_tree, base, folder / "out", {}, {}, {.resume = true}));
    return {};
  };
  ASSERT_TRUE(apply_by());
  const auto all = files.operations();
  for (std::size_t n = 1; n <= all; ++n) {
    SCOPED_TRACE("operation " + std::to_string(n));
    std::filesystem::remove_all(folder / "out");
    files.stop_at(n);
    EXPECT_FALSE(apply_by());
    files.stop_at({});
    const auto applied = apply_by();
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_EQ(scanned(folder / "out"), wanted);
  }
}

TEST_F(OpeningTest, ProgressEndsAtTheWholeAndGoesNoFurther) {
  const auto log = prose(400'000, 1);
  make({{"a.gz", gzip_member(log)}}, {{"a.gz", gzip_member(edited(log))}});
  auto reader = DeltaReader::open(opened(folder / "d"));
  ASSERT_TRUE(reader);
  Bytes done;
  Bytes total;
  const auto sink = [&](const Progress& progress) {
    EXPECT_LE(done, progress.done);
    done = progress.done;
    total = progress.total;
  };
  ASSERT_TRUE(reader->apply(system_files(), old_tree, base, folder / "out", sink, {}));
  EXPECT_EQ(done, total);
  EXPECT_EQ(total, scanned(new_tree).total_size());
}

TEST_F(OpeningTest, BothWaysCanBeCancelled) {
  const auto log = prose(400'000, 1);
  make({{"a.gz", gzip_member(log)}}, {{"a.gz", gzip_member(edited(log))}});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(apply("d", {}, stop.get_token()).error().kind, ErrorKind::cancelled);
  const auto made = write_delta(system_files(), old_tree, new_tree, folder / "e", {}, stop.get_token());
  EXPECT_EQ(made.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace upswarm::package
