#include "seeder/publish/delta_explanation.hpp"

#include "seeder/publish/package_commands.hpp"
#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/program_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::tests {
namespace {

using How = publish::FileOrigin::How;
using package::noise;

class DeltaExplanationTest : public testing::Test {
 protected:
  std::map<std::string, publish::FileOrigin> explain(const package::TreeFiles& from, const package::TreeFiles& to,
                                                     const package::DeltaOptions& options = {}) {
    const auto old_tree = package::write_tree(top, "old", from);
    const auto made = package::write_delta(unsynced_files(), old_tree, package::write_tree(top, "new", to), top / "d",
                                           {}, {}, options);
    EXPECT_TRUE(made) << made.error().message();
    length = made->length;
    const auto reader = package::DeltaReader::open(package::opened(top / "d"));
    EXPECT_TRUE(reader) << reader.error().message();
    plan = reader->info().plan_length;
    const auto origins = publish::explain_delta(*reader, package::scanned(old_tree));
    EXPECT_TRUE(origins) << origins.error().message();
    expect_the_same_without_base(*reader, package::scanned(old_tree), *origins);
    std::map<std::string, publish::FileOrigin> by_path;
    for (const auto& one : *origins) by_path[one.path] = one;
    return by_path;
  }

  /// But for the names of old files, and why.
  static void expect_the_same_without_base(const package::DeltaReader& reader, const package::Tree& base,
                                           const std::vector<publish::FileOrigin>& with_base) {
    const auto alone = publish::explain_made_files(reader);
    ASSERT_TRUE(alone) << alone.error().message();
    auto next = alone->begin();
    for (const auto& one : with_base) {
      if (one.how == How::kept || one.how == How::moved) continue;
      ASSERT_NE(next, alone->end());
      EXPECT_EQ(next->old_entry ? base.entries.at(*next->old_entry).path : next->path, one.path);
      EXPECT_EQ(next->how, one.how) << one.path;
      EXPECT_EQ(std::tie(next->size, next->made, next->streams, next->copied, next->altered, next->fresh, next->cost),
                std::tie(one.size, one.made, one.streams, one.copied, one.altered, one.fresh, one.cost))
          << one.path;
      EXPECT_TRUE(next->from.empty());
      EXPECT_EQ(next->why.empty(), one.why.empty()) << one.path << ": " << one.why;
      ++next;
    }
    EXPECT_EQ(next, alone->end());
  }

  TemporaryFolder top;
  Bytes length;
  Bytes plan;
};

TEST_F(DeltaExplanationTest, SaysHowEachFileComesAndFromWhat) {
  auto changed = noise(50'000, 1);
  changed.insert(20'000, noise(3'000, 9));
  changed[100] = static_cast<char>(changed[100] ^ 1);
  const auto files = explain(
      {{"kept", noise(3'000, 4)}, {"old/place", noise(9'000, 2)}, {"lib", noise(50'000, 1)}, {"t", "a\nb\n"}},
      {{"kept", noise(3'000, 4)}, {"new/place", noise(9'000, 2)}, {"lib", changed}, {"t", "a\nc\n"}, {"none", ""}});
  EXPECT_EQ(files.at("kept").how, How::kept);
  EXPECT_EQ(files.at("kept").cost, 0_B);
  EXPECT_EQ(files.at("new/place").how, How::moved);
  ASSERT_EQ(files.at("new/place").from.size(), 1U);
  EXPECT_EQ(files.at("new/place").from[0].first, "old/place");
  const auto& lib = files.at("lib");
  EXPECT_EQ(lib.how, How::patched);
  EXPECT_EQ(lib.copied + lib.fresh, lib.size);
  EXPECT_NEAR(static_cast<double>(lib.fresh.count), 3'000, 20);
  EXPECT_EQ(lib.altered, 4_B);
  ASSERT_EQ(lib.from.size(), 1U);
  EXPECT_EQ(lib.from[0].first, "lib");
  EXPECT_EQ(lib.from[0].second, lib.copied);
  EXPECT_EQ(lib.why, "");
  EXPECT_EQ(files.at("t").how, How::text);
  EXPECT_EQ(files.at("none").how, How::made_anew);
  EXPECT_EQ(files.at("none").why, "") << "nothing to copy";
}

TEST_F(DeltaExplanationTest, TheCostsAddUpToTheStreams) {
  package::TreeFiles from;
  package::TreeFiles to;
  for (unsigned i = 0; i < 20; ++i) {
    from["f" + std::to_string(i)] = noise(30'000, i);
    to["f" + std::to_string(i)] = noise(100 * i, 100 + i) + noise(30'000, i);
    to["t" + std::to_string(i)] = std::string(i, 't');
  }
  const auto files = explain(from, to);
  Bytes sum;
  for (const auto& [path, one] : files) sum += one.cost;
  const auto streams = (length - plan - 96_B).count;
  EXPECT_NEAR(static_cast<double>(sum.count), static_cast<double>(streams), 2.0 * static_cast<double>(files.size()));
}

TEST_F(DeltaExplanationTest, SaysWhyAFileCouldNotBePatched) {
  std::string program;
  for (int i = 0; i < 20'000; ++i) program += "word" + std::string(1, '\0') + std::to_string(i * 7919);
  const auto files =
      explain({{"secret.gz", noise(20'000, 1)}, {"program", noise(20'000, 5)}},
              {{"secret.gz", noise(20'000, 2)}, {"program", program}, {"extra", program.substr(50'000)}});
  const auto& secret = files.at("secret.gz");
  EXPECT_EQ(secret.how, How::made_anew);
  EXPECT_NE(secret.why.find("compressed or encrypted"), std::string::npos) << secret.why;
  EXPECT_GE(secret.cost, 20'000_B);
  EXPECT_NE(files.at("program").why.find("little of it is in its old version"), std::string::npos);
  EXPECT_NE(files.at("extra").why.find("no old version"), std::string::npos);
}

TEST_F(DeltaExplanationTest, SaysWhichFilesAreOpenedAndWhyOneIsNot) {
  using package::prose;
  const auto log = prose(200'000, 1);
  const auto files = explain({{"log.gz", package::gzip_member(log)}, {"secret.gz", noise(20'000, 1)}},
                             {{"log.gz", package::gzip_member("new\n" + log)}, {"secret.gz", noise(20'000, 2)}});
  const auto& opened = files.at("log.gz");
  EXPECT_EQ(opened.streams, 1U);
  EXPECT_EQ(opened.made, Bytes{log.size() + 4 + 18}) << "and gzip's header and trailer";
  EXPECT_LT(opened.size, opened.made);
  EXPECT_EQ(opened.why, "");
  EXPECT_EQ(files.at("secret.gz").streams, 0U);
  EXPECT_NE(files.at("secret.gz").why.find("it was not opened"), std::string::npos);
  Json described;
  std::vector<publish::FileOrigin> origins;
  for (const auto& [path, one] : files) origins.push_back(one);
  publish::describe_origins(origins, true, described);
  EXPECT_EQ(described.at("files").at(0).at("opened").at("streams"), 1U);
  EXPECT_FALSE(described.at("files").at(1).contains("opened"));
}

TEST_F(DeltaExplanationTest, SaysThatThereWasNothingToCompareWith) {
  const auto files = explain({}, {{"a", noise(1'000, 1)}});
  EXPECT_NE(files.at("a").why.find("nothing to compare it with"), std::string::npos);
}

TEST_F(DeltaExplanationTest, SaysThatTheOldVersionWasLeftOut) {
  // A window of 1 MiB, which the old version of another file fills.
  package::TreeFiles from;
  package::TreeFiles to;
  for (unsigned i = 0; i < 6; ++i) from["f" + std::to_string(i)] = noise(1U << 20U, i);
  to["f0"] = noise(900'000, 10);
  to["f1"] = noise(120'000, 11);
  const auto files = explain(from, to, {.memory = 9_MiB});
  EXPECT_NE(files.at("f1").why.find("not all of its old version is in the part of the old tree"), std::string::npos)
      << files.at("f1").why;
}

TEST_F(DeltaExplanationTest, ProgramsThatMovedAreCopied) {
  const auto functions = package::random_functions(2000, 7);
  auto order = package::in_order(2000);
  const auto from = package::link_program(functions, order);
  std::rotate(order.begin() + 500, order.begin() + 900, order.begin() + 1500);
  const auto files = explain({{"p", from}}, {{"p", package::link_program(functions, order)}});
  EXPECT_EQ(files.at("p").how, How::patched);
  EXPECT_LT(files.at("p").fresh, 100_B);
  EXPECT_LT(files.at("p").altered, 1'000_B) << "references are predicted, not altered";
}

TEST_F(DeltaExplanationTest, InspectSaysOfTheDeltaAloneWhyAFileCouldNotBePatched) {
  explain({{"lib", noise(50'000, 1)}, {"same", "s"}},
          {{"lib", noise(40'000, 2)}, {"new", noise(9'000, 3)}, {"same", "s"}});
  const auto told = publish::inspect(unsynced_files(), top / "d");
  ASSERT_TRUE(told) << told.error().message();
  EXPECT_FALSE(told->at("ways").contains("kept")) << "nobody knows without the base";
  EXPECT_EQ(told->at("ways").at("made anew"), (Json{{"files", 2}, {"size", 49'000}, {"cost", 49'000}}));
  const auto& files = told->at("files");
  ASSERT_EQ(files.size(), 2U);
  EXPECT_FALSE(files[0].contains("path"));
  EXPECT_EQ(files[0].at("old_entry"), 0);
  EXPECT_EQ(files[0].at("new"), 40'000);
  EXPECT_EQ(files[1].at("path"), "new");
  for (const auto& file : files)
    EXPECT_NE(file.at("why").get<std::string>().find("does not compress"), std::string::npos) << file.dump();
  const auto text = publish::origins_text(files);
  EXPECT_NE(text.find("entry 0 of the old release (--base names it)\n    made anew, 39.1 KiB"), std::string::npos)
      << text;
}

TEST_F(DeltaExplanationTest, InspectSaysItForAFolderAndForAPackage) {
  explain({{"same", "s"}, {"x", noise(5'000, 1)}}, {{"same", "s"}, {"x", noise(5'000, 1) + "more"}});
  auto& files = unsynced_files();
  ASSERT_TRUE(package::write_package(files, top / "old", top / "old.upk", {}, {}));
  for (const auto* base : {"old", "old.upk"}) {
    const auto told = publish::inspect(files, top / "d", {.base = top / base});
    ASSERT_TRUE(told) << told.error().message();
    EXPECT_EQ(told->at("ways").at("kept").at("files"), 1);
    ASSERT_EQ(told->at("files").size(), 1U) << "what is kept is only counted";
    EXPECT_EQ(told->at("files")[0].at("path"), "x");
    EXPECT_EQ(told->at("files")[0].at("new"), 4);
    const auto text = publish::origins_text(told->at("files"));
    EXPECT_NE(text.find("patched, 4.89 KiB"), std::string::npos) << text;
    EXPECT_NE(text.find("from x"), std::string::npos) << text;
  }
  const auto wrong = publish::inspect(files, top / "d", {.base = top / "new"});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().reason, "wrong_base");
  EXPECT_EQ(publish::inspect(files, top / "old.upk", {.base = top / "old"}).error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace upswarm::tests
