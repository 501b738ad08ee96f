#include "seeder/publish/package_commands.hpp"

#include "seeder/publish/package_listing.hpp"
#include "tests/protocol/package/tree_fixture.hpp"
#include "tests/seeder/publish/publish_fixture.hpp"
#include "tests/support/stopping_files.hpp"

namespace upswarm::tests {
namespace {

class PackageCommandsTest : public PublishTest {
 protected:
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& one : std::filesystem::directory_iterator(top.path())) all.insert(one.path().filename().string());
    return all;
  }

  const publish::PackageWork work{unsynced_files(), {}, {}};
};

TEST_F(PackageCommandsTest, PackAndUnpackGiveTheSameTree) {
  const auto from = tree("one");
  const auto packed = must(pack_folder(work, from, top / "one.upk"));
  EXPECT_EQ(packed.at("files"), 3);
  EXPECT_EQ(packed.at("length"), std::filesystem::file_size(top / "one.upk"));
  const auto unpacked = must(unpack_package(work, top / "one.upk", top / "out"));
  EXPECT_EQ(unpacked.at("content"), packed.at("content"));
  EXPECT_EQ(snapshot_of(top / "out"), snapshot_of(from));
}

TEST_F(PackageCommandsTest, DiffAndApplyGiveTheNewTree) {
  const auto old_tree = tree("one");
  const auto new_tree = tree("two", 1, {{"share/new", "x"}});
  must(make_delta(work, old_tree, new_tree, top / "d.upd"));
  must(apply_delta(work, old_tree, top / "d.upd", top / "out"));
  EXPECT_EQ(snapshot_of(top / "out"), snapshot_of(new_tree));
}

TEST_F(PackageCommandsTest, APlanNamesWhatAMachineLacks) {
  const auto from = tree("one");
  must(pack_folder(work, tree("two", 1, {{"share/new", "12345"}}), top / "two.upk"));
  const auto plan = must(plan_fetch(work, from, top / "two.upk", true));
  EXPECT_EQ(plan.at("lacking"), 5);
  EXPECT_EQ(plan.at("chunks"), 1);
  EXPECT_EQ(plan.at("frames"), 1);
  EXPECT_EQ(plan.at("lacking_chunks"), (Json{{{"path", "share/new"}, {"offset", 0}, {"size", 5}}}));
  const auto all = must(plan_fetch(work, tree("three", 3), top / "two.upk", false));
  EXPECT_GT(all.at("fetched"), plan.at("fetched"));
  EXPECT_FALSE(all.contains("lacking_chunks"));
  EXPECT_EQ(plan_fetch(work, top / "nowhere", top / "two.upk", false).error().kind, ErrorKind::not_found);
}

TEST_F(PackageCommandsTest, ADeltaOnTheWrongBaseLeavesNothing) {
  const auto old_tree = tree("one");
  must(make_delta(work, old_tree, tree("two", 2), top / "d.upd"));
  const auto applied = apply_delta(work, tree("three", 3), top / "d.upd", top / "out");
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().reason, "wrong_base");
  EXPECT_FALSE(std::filesystem::exists(top / "out"));
  EXPECT_FALSE(std::filesystem::exists(top / "out.part"));
}

TEST_F(PackageCommandsTest, WhatIsThereIsNeverReplaced) {
  top.write("one.upk", "precious");
  EXPECT_EQ(pack_folder(work, tree("one"), top / "one.upk").error().kind, ErrorKind::denied);
  EXPECT_EQ(top.read("one.upk"), "precious");
}

TEST_F(PackageCommandsTest, CancellingLeavesNothing) {
  const publish::PackageWork stopped{unsynced_files(), {}, already_stopped()};
  EXPECT_EQ(pack_folder(stopped, tree("one"), top / "one.upk").error().kind, ErrorKind::cancelled);
  EXPECT_FALSE(std::filesystem::exists(top / "one.upk"));
  EXPECT_FALSE(std::filesystem::exists(top / "one.upk.part"));
}

TEST_F(PackageCommandsTest, WhatAnEndInTheMidstLeavesCanAllBeRemoved) {
  must(pack_folder(work, tree("one"), top / "one.upk"));
  must(pack_folder(work, tree("two", 2), top / "two.upk"));
  StoppingFiles files(unsynced_files());
  const publish::PackageWork stopping{files, {}, {}};
  const auto before = names();
  std::size_t most_left = 0;
  for (std::size_t n = 1;; ++n) {
    files.stop_at(n);
    const auto made = n % 2 == 0 ? make_delta(stopping, top / "one.upk", top / "two.upk", top / "d.upd")
                                 : pack_folder(stopping, tree("one"), top / "d.upd");
    if (made && n % 2 == 0) break;
    if (!made) most_left = std::max(most_left, names().size() - before.size());
    publish::remove_half_made(unsynced_files(), top / "d.upd");  // the lock alone, when the last step failed
    std::filesystem::remove(top / "d.upd");
    EXPECT_EQ(names(), before) << "at step " << n;
  }
  EXPECT_GE(most_left, 4U) << "both trees, the delta's parts and the lock";
}

/// Does something once, in the midst of the work.
publish::PackageWork doing(std::function<void()> act) {
  auto done = std::make_shared<bool>(false);
  return {unsynced_files(),
          [act = std::move(act), done](const Progress&) {
            if (!std::exchange(*done, true)) act();
          },
          {}};
}

TEST_F(PackageCommandsTest, GivingUpInTheMidstLeavesNothing) {
  const auto from = tree("one");
  const auto before = names();
  publish::Making making;
  std::stop_source stop;
  bool is_given_up = false;
  auto ending = doing([&] {
    is_given_up = making.give_up(unsynced_files());
    EXPECT_EQ(names(), before);
    stop.request_stop();
  });
  ending.making = &making;
  ending.stop = stop.get_token();
  EXPECT_EQ(pack_folder(ending, from, top / "one.upk").error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(is_given_up);
  EXPECT_FALSE(std::filesystem::exists(top / "one.upk"));
}

TEST_F(PackageCommandsTest, WhatIsWholeIsNotGivenUp) {
  publish::Making making;
  auto whole = work;
  whole.making = &making;
  EXPECT_FALSE(making.give_up(unsynced_files())) << "nothing is begun";
  must(pack_folder(whole, tree("one"), top / "one.upk"));
  EXPECT_FALSE(making.give_up(unsynced_files()));
  EXPECT_TRUE(std::filesystem::exists(top / "one.upk"));
  EXPECT_FALSE(std::filesystem::exists(top / "one.upk.part.lock"));
}

TEST_F(PackageCommandsTest, ASecondRunIsRefusedAndTheFirstGoesOn) {
  const auto from = tree("one");
  bool is_refused = false;
  const auto first = doing([&] {
    publish::Making second;
    auto other = work;
    other.making = &second;
    const auto made = pack_folder(other, from, top / "one.upk");
    is_refused = !made && made.error().kind == ErrorKind::busy;
    EXPECT_FALSE(second.give_up(unsynced_files()));
  });
  must(pack_folder(first, from, top / "one.upk"));
  EXPECT_TRUE(is_refused);
  must(unpack_package(work, top / "one.upk", top / "out"));
}

TEST_F(PackageCommandsTest, WhatIsInTheWayIsNotRemoved) {
  top.write("one.upk.part", "precious");
  publish::Making making;
  auto refused = work;
  refused.making = &making;
  EXPECT_EQ(pack_folder(refused, tree("one"), top / "one.upk").error().kind, ErrorKind::denied);
  EXPECT_FALSE(making.give_up(unsynced_files()));
  EXPECT_EQ(top.read("one.upk.part"), "precious");
  EXPECT_FALSE(std::filesystem::exists(top / "one.upk.part.lock"));
}

TEST_F(PackageCommandsTest, OnlyResumeGoesOnFromWhatAStoppedRunLeft) {
  const auto old_tree = tree("one");
  const auto new_tree = tree("two", 1, {{"share/new", "x"}});
  must(make_delta(work, old_tree, new_tree, top / "d.upd"));
  std::filesystem::copy(new_tree, top / "out.part", std::filesystem::copy_options::recursive);
  std::filesystem::remove(top / "out.part/share/new");
  const auto refused = apply_delta(work, old_tree, top / "d.upd", top / "out");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().cause.find("--resume"), std::string::npos) << refused.error().cause;
  const publish::PackageWork stopped{unsynced_files(), {}, already_stopped()};
  EXPECT_EQ(apply_delta(stopped, old_tree, top / "d.upd", top / "out", true).error().kind, ErrorKind::cancelled);
  EXPECT_TRUE(std::filesystem::exists(top / "out.part")) << "for the next run";
  const auto made = must(apply_delta(work, old_tree, top / "d.upd", top / "out", true));
  EXPECT_EQ(snapshot_of(top / "out"), snapshot_of(new_tree));
  EXPECT_EQ(made.at("kept").at("files").get<int>() + 1, made.at("files").get<int>());
  EXPECT_FALSE(std::filesystem::exists(top / "out.part"));
}

TEST_F(PackageCommandsTest, ApplySaysWhatItsPartsTook) {
  const auto old_tree = tree("one");
  must(make_delta(work, old_tree, tree("two", 2), top / "d.upd"));
  const auto made = must(apply_delta(work, old_tree, top / "d.upd", top / "out"));
  for (const char* part : {"base", "digests", "rest"}) EXPECT_GE(made.at("cpu_ms").at(part).get<int>(), 0) << part;
  EXPECT_FALSE(made.contains("kept"));
}

TEST_F(PackageCommandsTest, InspectTellsWhichItIs) {
  const auto from = tree("one");
  must(pack_folder(work, from, top / "one.upk"));
  must(make_delta(work, from, tree("two", 2), top / "d.upd"));
  EXPECT_EQ(must(publish::inspect(unsynced_files(), top / "one.upk")).at("kind"), "full");
  EXPECT_EQ(must(publish::inspect(unsynced_files(), top / "d.upd")).at("kind"), "delta");
  top.write("junk", "neither of the two");
  EXPECT_EQ(publish::inspect(unsynced_files(), top / "junk").error().kind, ErrorKind::corrupt);
  EXPECT_EQ(publish::inspect(unsynced_files(), top / "nowhere").error().kind, ErrorKind::not_found);
  // A delta alone does not hold the names of what is kept.
  EXPECT_EQ(publish::inspect(unsynced_files(), top / "d.upd", {.base = {}, .files = true}).error().kind,
            ErrorKind::invalid);
}

TEST_F(PackageCommandsTest, InspectListsTheFilesOfAPackage) {
  const auto content = package::noise(20'000, 3);
  top.write("tree/a/first", content);
  top.write("tree/a/same", content);
  top.write("tree/program", "runs");
  std::filesystem::permissions(top / "tree/program", std::filesystem::perms(0755));
  must(pack_folder(work, top / "tree", top / "t.upk"));
  const auto told = must(publish::inspect(unsynced_files(), top / "t.upk", {.base = {}, .files = true}));
  const auto& listing = told.at("tree");
  ASSERT_EQ(listing.size(), 4U);
  EXPECT_EQ(listing[0], (Json{{"path", "a"}, {"type", "folder"}}));
  EXPECT_EQ(listing[1].at("sha256"), sha256(content).hex());
  EXPECT_EQ(listing[1].at("size"), 20000);
  EXPECT_EQ(listing[2].at("cost"), 0);  // the same content is stored once
  EXPECT_EQ(listing[3].at("path"), "program");
  EXPECT_EQ(listing[3].at("mode"), "0755");
  // The costs are what the frames take, which is what comes after the index.
  const auto frames = told.at("length").get<int>() - told.at("index_length").get<int>();
  EXPECT_NEAR(listing[1].at("cost").get<int>() + listing[3].at("cost").get<int>(), frames, 1);
  EXPECT_FALSE(must(publish::inspect(unsynced_files(), top / "t.upk")).contains("tree"));
  EXPECT_NE(publish::listing_text(listing).find("program  0755, 4 B"), std::string::npos)
      << publish::listing_text(listing);
}

}  // namespace
}  // namespace upswarm::tests
