#include "protocol/package/decode/delta_reader.hpp"

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/stream_source.hpp"
#include "protocol/package/encode/compress.hpp"
#include "tests/protocol/package/object_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

class DeltaTest : public testing::Test {
 protected:
  PackedDelta make(const TreeFiles& from, const TreeFiles& to) {
    old_tree = write_tree(folder, "old", from);
    new_tree = write_tree(folder, "new", to);
    auto made = write_delta(system_files(), old_tree, new_tree, folder / "d", {}, {});
    EXPECT_TRUE(made) << made.error().message();
    return *made;
  }
  Result<void> apply(const std::string& name = "d") {
    std::filesystem::remove_all(folder / "out");
    UPSWARM_TRY(auto reader, DeltaReader::open(opened(folder / name)));
    UPSWARM_CHECK(reader.apply(system_files(), old_tree, base, folder / "out", {}, {}));
    return {};
  }
  void expect_round_trip(const TreeFiles& from, const TreeFiles& to) {
    make(from, to);
    expect_new_tree();
  }
  /// Of what was made last.
  void expect_new_tree() {
    base = scanned(old_tree);
    const auto applied = apply();
    ASSERT_TRUE(applied) << applied.error().message();
    EXPECT_EQ(scanned(folder / "out"), scanned(new_tree));
  }

  /// Of the delta "d", with each byte in turn changed by `flip`.
  void expect_right_tree_or_error(int flip) {
    base = scanned(old_tree);
    const auto whole = folder.read("d");
    const auto right = scanned(new_tree);
    for (std::size_t at = 0; at < whole.size(); ++at) {
      auto bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      folder.write("bad", bytes);
      if (apply("bad")) {
        EXPECT_EQ(scanned(folder / "out"), right) << at;
      }
    }
  }
  Bytes must_size(const std::string& name) const { return Bytes{std::filesystem::file_size(folder / name)}; }

  tests::TemporaryFolder folder;
  Path old_tree;
  Path new_tree;
  Tree base;
};

TEST_F(DeltaTest, ChangedAddedRemovedAndMovedFiles) {
  auto to = sample_files(2);
  to.erase("empty");
  to["moved/large"] = to["share/large"];
  to.erase("share/large");
  to["new"] = "came along";
  expect_round_trip(sample_files(1), to);
}

TEST_F(DeltaTest, FromNothingToSomethingAndBack) {
  expect_round_trip({}, {{"a/b", "x"}});
  std::filesystem::remove_all(folder / "old");
  std::filesystem::remove_all(folder / "new");
  std::filesystem::remove(folder / "d");
  expect_round_trip({{"a/b", "x"}}, {});
}

TEST_F(DeltaTest, AFileBecomesAFolder) { expect_round_trip({{"a", "file"}}, {{"a/b", "in a folder"}}); }

TEST_F(DeltaTest, AFileGrowsFarPastItsBase) {
  expect_round_trip({{"a", noise(1000, 1)}}, {{"a", noise(1000, 1) + noise(3'000'000, 2)}});
}

TEST_F(DeltaTest, AnEmptyFileFillsAndAFullOneEmpties) {
  expect_round_trip({{"a", ""}, {"b", "x"}}, {{"a", "x1"}, {"b", ""}});
}

TEST_F(DeltaTest, RandomTreesComeBack) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    std::mt19937 random(seed);
    const auto random_tree = [&] {
      TreeFiles files;
      for (unsigned i = 0; i < 8; ++i)
        files["f" + std::to_string(random() % 12)] = noise(random() % 9000, static_cast<unsigned>(random() % 5));
      return files;
    };
    std::filesystem::remove_all(folder / "old");
    std::filesystem::remove_all(folder / "new");
    std::filesystem::remove(folder / "d");
    expect_round_trip(random_tree(), random_tree());
  }
}

TEST_F(DeltaTest, ASmallChangeMakesASmallDelta) {
  auto to = sample_files(1);
  to["share/large"].replace(1'000'000, 100, std::string(100, 'z'));
  const auto made = make(sample_files(1), to);
  EXPECT_LT(made.length, 2_KiB) << "of 5 MB";
}

TEST_F(DeltaTest, TheSameTreesGiveTheSameBytes) {
  make(sample_files(1), sample_files(2));
  ASSERT_TRUE(write_delta(system_files(), old_tree, new_tree, folder / "again", {}, {}));
  EXPECT_EQ(folder.read("d"), folder.read("again"));
}

TEST_F(DeltaTest, TreesThatAreKnownGiveTheSameBytes) {
  make(sample_files(1), sample_files(2));
  const auto from = *scan_tree(system_files(), old_tree);
  const auto to = *scan_tree(system_files(), new_tree);
  ASSERT_TRUE(
      write_delta(system_files(), old_tree, new_tree, folder / "again", {}, {}, {.old_tree = &from, .new_tree = &to}));
  EXPECT_EQ(folder.read("d"), folder.read("again"));
}

TEST_F(DeltaTest, WhatIsNotAsAKnownTreeSaysIsNoticed) {
  make(sample_files(1), sample_files(2));
  auto to = *scan_tree(system_files(), new_tree);
  for (auto& entry : to.entries) {
    if (entry.path == "share/large") entry.digest = sha256("something else");
  }
  const auto made =
      write_delta(system_files(), old_tree, new_tree, folder / "again", {}, {}, {.old_tree = nullptr, .new_tree = &to});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::busy);
}

TEST_F(DeltaTest, AWrongBaseIsRefusedBeforeAnythingIsWritten) {
  make(sample_files(1), sample_files(2));
  base = scanned(new_tree);
  const auto refused = apply();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "wrong_base");
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_F(DeltaTest, ABaseThatWasAlteredOnDiskIsNoticed) {
  make({{"same", "unchanged"}, {"patched", noise(5000, 1)}},
       {{"same", "unchanged"}, {"patched", noise(5000, 1) + "x"}});
  base = scanned(old_tree);
  folder.write("old/same", "unchangeD");
  EXPECT_EQ(apply().error().reason, "wrong_base");
  folder.write("old/same", "unchanged and longer");
  EXPECT_EQ(apply().error().reason, "wrong_base");
  folder.write("old/same", "unchanged");
  folder.write("old/patched", noise(5000, 2));
  EXPECT_EQ(apply().error().reason, "wrong_base");
}

TEST_F(DeltaTest, EveryFlippedByteGivesTheRightTreeOrAnError) {
  make({{"a", noise(600, 1)}, {"b", "same"}}, {{"a", noise(600, 1) + "more"}, {"b", "same"}, {"c", "new"}});
  expect_right_tree_or_error(0x55);
}

TEST_F(DeltaTest, AStreamHoldsOneFrameAndNothingElse) {
  const std::string content(1000, 'c');
  const auto packed = compress_bare(as_bytes(content), 3, 21);
  ASSERT_TRUE(packed);
  const auto read = [&](const std::string& bytes) {
    folder.write("stream", bytes);
    const auto file = opened(folder / "stream");
    StreamSource source(*file, {}, {Bytes{content.size()}, Bytes{bytes.size()}, true}, Stream::extra);
    std::string back(content.size(), '\0');
    source.read(std::as_writable_bytes(std::span(back)));
    const auto end = source.check_end();
    return end && back == content;
  };
  EXPECT_TRUE(read(*packed));
  EXPECT_FALSE(read(*packed + "x")) << "bytes behind the frame";
  for (std::size_t length = 0; length < packed->size(); ++length)
    EXPECT_FALSE(read(packed->substr(0, length))) << length;
}

TEST_F(DeltaTest, EveryTruncationIsRefused) {
  make({{"a", "one"}}, {{"a", "two"}});
  base = scanned(old_tree);
  const auto whole = folder.read("d");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    folder.write("bad", whole.substr(0, length));
    EXPECT_FALSE(apply("bad")) << length;
  }
}

TEST_F(DeltaTest, AnUnknownVersionIsRefusedByNumber) {
  make({}, {});
  auto bytes = folder.read("d");
  bytes[8] = 9;
  folder.write("bad", bytes);
  const auto refused = apply("bad");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().cause.find("version 9"), std::string::npos);
}

TEST_F(DeltaTest, ItTellsWhatItDoes) {
  make({{"same", "s"}, {"patched", noise(5000, 1)}}, {{"same", "s"}, {"patched", noise(5000, 1) + "x"}, {"new", "n"}});
  const auto reader = DeltaReader::open(opened(folder / "d"));
  ASSERT_TRUE(reader) << reader.error().message();
  const auto& info = reader->info();
  EXPECT_EQ(info.unpacked, 5003_B);
  EXPECT_EQ(info.made, 5002_B);
  ASSERT_EQ(info.groups.size(), 2U);
  EXPECT_TRUE(info.groups[0].is_prefixed) << "text";
  EXPECT_EQ(info.groups[1].copies, 1U);
  EXPECT_TRUE(info.filters.empty());
}

TEST_F(DeltaTest, AnUnknownFilterIsRefusedByName) {
  const auto functions = random_functions(300, 1);
  auto order = in_order(300);
  const auto from = link_program(functions, order);
  std::swap(order[3], order[200]);
  make({{"program", from}}, {{"program", link_program(functions, order)}});
  const auto reader = DeltaReader::open(opened(folder / "d"));
  ASSERT_TRUE(reader) << reader.error().message();
  EXPECT_EQ(reader->info().filters, std::vector<std::string>{"x86-64"});
  // The same delta by a program of tomorrow: the plan is one zstd frame behind the header.
  std::string plan;
  ByteWriter out(plan);
  out.u8(1);
  out.u8(5);
  out.raw("arm64");
  auto packed = compress(as_bytes(plan));
  ASSERT_TRUE(packed);
  auto head = folder.read("d").substr(0, kDeltaHeader - 16);
  ByteWriter header(head);
  header.u64(packed->size());
  header.u64(plan.size());
  folder.write("tomorrow", head + *packed);
  const auto refused = DeltaReader::open(opened(folder / "tomorrow"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().cause.find("\"arm64\""), std::string::npos);
}

TEST_F(DeltaTest, CodeThatOnlyMovedCostsNextToNothing) {
  const auto functions = random_functions(4000, 7);
  auto order = in_order(4000);
  const auto from = link_program(functions, order);
  // A third of the functions goes elsewhere: every call changes.
  std::rotate(order.begin() + 500, order.begin() + 1500, order.begin() + 3500);
  const auto to = link_program(functions, order);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < from.size(); ++i) changed += from[i] == to[i] ? 0 : 1;
  EXPECT_GT(changed, 100'000U);
  const auto made = make({{"program", from}}, {{"program", to}});
  EXPECT_LT(made.length, 600_B) << "of 350 KB";
  expect_new_tree();
}

/// A table of records that name others by number, and what became of it when `inserted` numbers came before `from`.
std::string numbered(std::size_t records, std::uint32_t from, std::uint32_t inserted) {
  std::string table;
  ByteWriter out(table);
  std::mt19937 random(5);
  for (std::size_t i = 0; i < records; ++i) {
    const auto number = static_cast<std::uint32_t>(random() % 2000);
    out.u32(static_cast<std::uint32_t>(random()));
    out.u32(number < from ? number : number + inserted);
    out.u8(static_cast<std::uint8_t>(i));
  }
  return table;
}

TEST_F(DeltaTest, WhatANumberBecameIsRemembered) {
  const auto made = make({{"table", numbered(100'000, 1000, 0)}}, {{"table", numbered(100'000, 1000, 3)}});
  // Half of the numbers change, at places that nothing tells: a bit for each would be 12 KB.
  EXPECT_LT(made.length, 8_KiB);
  expect_new_tree();
}

TEST_F(DeltaTest, EveryFlippedByteOfADeltaWithAMemoryGivesTheRightTreeOrAnError) {
  make({{"table", numbered(3000, 20, 0)}}, {{"table", numbered(3000, 20, 3)}});
  expect_right_tree_or_error(0x11);
}

TEST_F(DeltaTest, AnObjectWhoseFunctionsOnlyMovedCostsNextToNothing) {
  const auto functions = random_functions(2000, 7);
  auto order = in_order(2000);
  const auto from = make_object(functions, order);
  std::rotate(order.begin() + 250, order.begin() + 750, order.begin() + 1750);
  const auto to = make_object(functions, order);
  std::size_t changed = 0;
  for (std::size_t i = 0; i < from.size(); ++i) changed += from[i] == to[i] ? 0 : 1;
  EXPECT_GT(changed, 100'000U) << "relocations, symbols";
  const auto made = make({{"module.ko", from}}, {{"module.ko", to}});
  EXPECT_LT(made.length, 1000_B) << "of " << from.size();
  expect_new_tree();
}

TEST_F(DeltaTest, ObjectsThatChangedComeBack) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    std::mt19937 random(seed);
    auto functions = random_functions(200, 1);
    const auto from = make_object(functions, in_order(200));
    auto order = in_order(200);
    for (unsigned i = 0; i < 5; ++i) {
      functions[random() % 200].calls[0] = random() % 200;
      std::swap(order[random() % 200], order[random() % 200]);
    }
    functions.push_back(random_functions(1, seed)[0]);
    for (auto& call : functions.back().calls) call %= 200;
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(random() % 200), 200);
    for (const auto* name : {"old", "new", "d"}) std::filesystem::remove_all(folder / name);
    expect_round_trip({{"a.ko", from}, {"b.o", make_object(functions, in_order(150))}},
                      {{"a.ko", make_object(functions, order)}, {"c.o", make_object(functions, in_order(160))}});
  }
}

TEST_F(DeltaTest, ProgramsThatChangedComeBack) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    std::mt19937 random(seed);
    auto functions = random_functions(300, 1);
    const auto from = link_program(functions, in_order(300));
    auto order = in_order(300);
    for (unsigned i = 0; i < 5; ++i) {
      functions[random() % 300].seed = static_cast<unsigned>(random());
      functions[random() % 300].calls[0] = random() % 300;
      std::swap(order[random() % 300], order[random() % 300]);
    }
    functions.push_back(random_functions(1, seed)[0]);
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(random() % 300), 300);
    for (const auto* name : {"old", "new", "d"}) std::filesystem::remove_all(folder / name);
    expect_round_trip({{"bin/p", from}, {"bin/q", noise(3000, seed)}},
                      {{"bin/p", link_program(functions, order)}, {"lib/q", noise(3100, seed)}});
  }
}

TEST_F(DeltaTest, TheSameDeltaAtAnyNumberOfThreads) {
  // Parts of 4 MiB are compared at once.
  const auto once = noise(500'000, 1);
  std::string often = noise(100'000, 3);
  while (often.size() < 9'000'000) often += once;
  make({{"a", once}}, {{"a", often}});
  for (const std::size_t threads : {1U, 2U, 5U}) {
    std::filesystem::remove(folder / "again");
    ASSERT_TRUE(write_delta(system_files(), old_tree, new_tree, folder / "again", {}, {}, {.threads = threads}));
    EXPECT_EQ(folder.read("d"), folder.read("again")) << threads;
  }
}

TEST_F(DeltaTest, LittleMemoryMakesGroupsAndTheSameTree) {
  TreeFiles from;
  TreeFiles to;
  for (unsigned i = 0; i < 12; ++i) {
    from["f" + std::to_string(i)] = noise(300'000, i);
    to["f" + std::to_string(i)] = noise(1000, 100 + i) + noise(300'000, i);
  }
  from["large"] = noise(2'500'000, 50);
  to["large"] = noise(2'500'000, 50) + "end";
  old_tree = write_tree(folder, "old", from);
  new_tree = write_tree(folder, "new", to);
  ASSERT_TRUE(write_delta(system_files(), old_tree, new_tree, folder / "d", {}, {}, {.memory = 9_MiB}));
  const auto reader = DeltaReader::open(opened(folder / "d"));
  ASSERT_TRUE(reader);
  EXPECT_GE(reader->info().groups.size(), 6U);
  expect_new_tree();
  EXPECT_LT(must_size("d"), 30_KiB) << "each file finds its old version";
}

/// Lines that nothing compresses much.
std::string text_lines(std::size_t size, unsigned seed) {
  std::string text;
  for (const auto byte : noise(size, seed))
    text += text.size() % 80 == 79 ? '\n' : static_cast<char>('0' + (byte & 63));
  return text;
}

TEST_F(DeltaTest, TextThatShrinksToTheLimitOfTextsIsStillKnown) {
  const auto long_text = text_lines(1'100'000, 1);
  make({{"a.js", long_text}}, {{"a.js", long_text.substr(0, 400'000) + long_text.substr(500'000)}});
  EXPECT_LT(must_size("d"), 1_KiB);
  expect_new_tree();
}

TEST_F(DeltaTest, LargeTextThatIsSplitIsStillKnown) {
  const auto bundle = text_lines(3'000'000, 2);
  make({{"bundle.js", bundle}, {"noise", noise(2'000'000, 5)}}, {{"core.js", bundle.substr(0, 1'000'000)},
                                                                 {"extra.js", bundle.substr(1'000'000, 1'000'000)},
                                                                 {"more.js", bundle.substr(2'000'000)}});
  EXPECT_LT(must_size("d"), 1_KiB);
  expect_new_tree();
}

TEST_F(DeltaTest, TextThatChangesALittleInManyPlacesIsMadeByCopies) {
  auto table = text_lines(400'000, 3);
  const auto before = table;
  for (std::size_t i = 0; i < table.size(); i += 40) table[i] = static_cast<char>(table[i] + 1);
  make({{"table.csv", before}}, {{"table.csv", table}});
  EXPECT_LT(must_size("d"), 2_KiB);
  expect_new_tree();
}

TEST_F(DeltaTest, MakingCanBeCancelled) {
  old_tree = write_tree(folder, "old", {{"a", noise(100'000, 1)}});
  new_tree = write_tree(folder, "new", {{"a", noise(100'000, 2)}});
  std::stop_source stop;
  stop.request_stop();
  const auto made = write_delta(system_files(), old_tree, new_tree, folder / "d", {}, stop.get_token());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::cancelled);
  EXPECT_FALSE(std::filesystem::exists(folder / "d"));
}

TEST_F(DeltaTest, MakingCanBeCancelledAtEachStep) {
  auto functions = random_functions(40, 1);
  const auto program = link_program(functions, in_order(40));
  functions[7].calls[2] = 3;
  const auto text = text_lines(20'000, 1);
  old_tree = write_tree(folder, "old", {{"program", program}, {"text", text}});
  new_tree = write_tree(folder, "new", {{"program", link_program(functions, in_order(40))}, {"text", text + "more"}});
  // The progress told, and whether it was made, when the stop is asked for at the n-th word of it.
  const auto make_until = [&](std::size_t n) {
    std::filesystem::remove(folder / "d");
    std::stop_source stop;
    std::vector<Bytes> told;
    const auto sink = [&](const Progress& progress) {
      told.push_back(progress.done);
      if (told.size() == n) stop.request_stop();
    };
    const auto made =
        write_delta(system_files(), old_tree, new_tree, folder / "d", sink, stop.get_token(), {.threads = 1});
    EXPECT_TRUE(made || made.error().kind == ErrorKind::cancelled) << made.error().message();
    EXPECT_EQ(std::filesystem::exists(folder / "d"), made.has_value());
    return std::pair(told, made.has_value());
  };
  const auto [whole, is_made] = make_until(0);
  ASSERT_TRUE(is_made);
  EXPECT_TRUE(std::ranges::is_sorted(whole)) << "progress never goes back";
  // Each of the two made by copies: two reads, a sort, a search, two ways and their costs, and eight streams.
  EXPECT_GE(whole.size(), 32U);
  for (std::size_t n = 1; n < whole.size(); ++n) {
    const auto [told, is_done] = make_until(n);
    EXPECT_FALSE(is_done) << n;
    EXPECT_EQ(told.size(), n) << "nothing goes on after it";
  }
}

TEST_F(DeltaTest, EveryFlippedByteOfAProgramsDeltaGivesTheRightTreeOrAnError) {
  auto functions = random_functions(40, 1);
  const auto from = link_program(functions, in_order(40));
  functions[7].calls[2] = 3;
  functions[9].seed = 5;
  auto order = in_order(40);
  std::swap(order[3], order[30]);
  make({{"p", from}}, {{"p", link_program(functions, order)}});
  expect_right_tree_or_error(0x11);
}

TEST_F(DeltaTest, EveryFlippedByteOfAnObjectsDeltaGivesTheRightTreeOrAnError) {
  const auto functions = random_functions(40, 1);
  auto order = in_order(40);
  const auto from = make_object(functions, order);
  std::rotate(order.begin(), order.begin() + 7, order.end());
  make({{"m.o", from}}, {{"m.o", make_object(functions, order)}});
  expect_right_tree_or_error(0x11);
}

}  // namespace
}  // namespace upswarm::package
