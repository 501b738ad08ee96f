#include "seeder/publish/products.hpp"

#include "tests/seeder/publish/publish_fixture.hpp"
#include "tests/support/stopping_files.hpp"

namespace upswarm::tests {
namespace {

using publish::NewRepository;
using publish::Repository;

class ProductsTest : public PublishTest {
 protected:
  Result<void> try_init(NewRepository wanted, Files& files = unsynced_files()) const {
    wanted.strength = publish::least_strength();
    return make_repository(files, folder, wanted, clock, [] { return Result<std::string>(kPassphrase); });
  }
  Result<publish::Signed> try_add(const std::string& product, const std::string& passphrase = kPassphrase) const {
    auto repository = open();
    auto ring = keys(passphrase);
    return add_product(unsynced_files(), repository, product, false, clock, ring, publish::least_strength());
  }
  std::uint32_t mode_of(const std::string& name) const { return must(unsynced_files().info(folder / name)).mode; }
};

TEST_F(ProductsTest, InitMakesWhatAClientCanFollow) {
  init({.products = {"app", "tool"}});
  Served served(folder, clock);
  served.take(bundle("00000001-init"));
  Follower follower(top / "store", folder, served, clock);
  const auto refreshed = follower.client.refresh();
  ASSERT_TRUE(refreshed) << refreshed.error().message();
  EXPECT_EQ(follower.client.find("index/app/stable/linux-x64.json").error().kind, ErrorKind::not_found);
}

TEST_F(ProductsTest, InitKeepsSecretsFromOthers) {
  init();
  EXPECT_EQ(mode_of("keys"), 0700U);
  EXPECT_EQ(mode_of("online-keys"), 0700U);
  for (const auto* name : {"keys/root-1.key.json", "keys/targets-1.key.json", "keys/rel-app-1.key.json",
                           "online-keys/timestamp.key", "online-keys/snapshot.key", "online-keys/rollout.key"}) {
    EXPECT_EQ(mode_of(name), 0600U) << name;
  }
}

TEST_F(ProductsTest, InitDelegatesAsTheDesignSays) {
  init();
  const auto repository = open();
  const auto& roles = repository.targets().delegations.roles;
  ASSERT_EQ(roles.size(), 2U);
  EXPECT_EQ(roles[0].name, "rollout");
  EXPECT_TRUE(roles[0].terminating);
  EXPECT_TRUE(is_responsible(roles[0], "rollout/app/stable.linux-x64.json"));
  EXPECT_FALSE(is_responsible(roles[0], "pkg/app/linux-x64/1.0.0/app.upk"));
  EXPECT_EQ(roles[1].name, "rel-app");
  EXPECT_TRUE(is_responsible(roles[1], "pkg/app/linux-x64/1.0.0/app-1.0.0.upk"));
  EXPECT_TRUE(is_responsible(roles[1], "index/app/stable/linux-x64.json"));
  EXPECT_FALSE(is_responsible(roles[1], "index/other/stable/linux-x64.json"));
  EXPECT_FALSE(is_responsible(roles[1], "rollout/app/stable.linux-x64.json"));
  EXPECT_TRUE(repository.root().consistent_snapshot);
  EXPECT_EQ(repository.root().expires, clock.now() + std::chrono::days(365));
  EXPECT_EQ(repository.targets().expires, clock.now() + std::chrono::days(182));
}

TEST_F(ProductsTest, InitSignsTheRootWithAllItsKeys) {
  init({.products = {}, .root_threshold = 2, .root_keys = 3});
  const auto text = must(read_file(unsynced_files(), folder / "metadata/1.root.json", 64_KiB));
  const auto envelope = must(trust::parse_envelope(text, "root", 64_KiB));
  EXPECT_EQ(envelope.signatures.size(), 3U);
  const auto root = must(trust::parse_root(envelope));
  EXPECT_EQ(root.roles.at("root").threshold, 2);
  EXPECT_EQ(root.roles.at("root").key_ids.size(), 3U);
}

TEST_F(ProductsTest, InitTakesAnEmptyFolderAndLeavesAFullOneAlone) {
  std::filesystem::create_directories(folder);
  EXPECT_TRUE(try_init({}));
  const auto before = snapshot_of(folder);
  const auto again = try_init({});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, ErrorKind::denied);
  EXPECT_EQ(snapshot_of(folder), before);
}

TEST_F(ProductsTest, InitRefusesWhatHasNoMeaning) {
  for (const auto& wanted :
       {NewRepository{.products = {"../x"}}, NewRepository{.products = {"app", "app"}},
        NewRepository{.products = {"App"}}, NewRepository{.products = {}, .root_threshold = 2, .root_keys = 1},
        NewRepository{.products = {}, .root_threshold = 0, .root_keys = 0}}) {
    const auto result = try_init(wanted);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().kind, ErrorKind::invalid);
  }
  EXPECT_TRUE(std::filesystem::is_empty(top.path()));
}

TEST_F(ProductsTest, InitThatFailsAnywhereLeavesNothing) {
  StoppingFiles files(unsynced_files());
  for (std::size_t n = 1;; ++n) {
    files.stop_at(n, StoppingFiles::Mode::fail, ErrorKind::no_space);
    const auto result = try_init({.products = {"app"}}, files);
    if (!files.was_reached()) {
      EXPECT_TRUE(result);
      EXPECT_GT(n, 30U);
      return;
    }
    if (result || std::filesystem::exists(folder)) {  // the last operations: it is there, and whole
      EXPECT_TRUE(Repository::open(unsynced_files(), folder, Repository::Access::writing)) << n;
      std::filesystem::remove_all(folder);
    }
    EXPECT_TRUE(std::filesystem::is_empty(top.path())) << "operation " << n;
  }
}

TEST_F(ProductsTest, InitAfterAPowerCutStartsOver) {
  StoppingFiles files(unsynced_files());
  files.stop_at(20);
  EXPECT_FALSE(try_init({.products = {"app"}}, files));
  EXPECT_TRUE(std::filesystem::exists(folder.string() + ".part"));
  EXPECT_TRUE(try_init({.products = {"app"}}));
  EXPECT_FALSE(std::filesystem::exists(folder.string() + ".part"));
}

TEST_F(ProductsTest, InitLeavesAForeignFolderAlone) {
  top.write("repository.part/mine", "precious");
  EXPECT_EQ(try_init({}).error().kind, ErrorKind::denied);
  EXPECT_EQ(top.read("repository.part/mine"), "precious");
}

TEST_F(ProductsTest, AddProductIsFollowedByClients) {
  init();
  Served served(folder, clock);
  served.take(bundle("00000001-init"));
  Follower follower(top / "store", folder, served, clock);
  must(follower.client.refresh());
  const auto name = try_add("tool");
  ASSERT_TRUE(name) << name.error().message();
  served.take(bundle(name->bundle));
  EXPECT_TRUE(follower.client.refresh());
  const auto repository = open();
  EXPECT_EQ(repository.targets().version, 2);
  EXPECT_TRUE(repository.products().contains("tool"));
  EXPECT_TRUE(std::filesystem::exists(bundle(name->bundle) / "metadata/1.rel-app.json"));
}

TEST_F(ProductsTest, AddProductRefusesOneThatIsThere) {
  init();
  EXPECT_EQ(try_add("app").error().kind, ErrorKind::invalid);
  EXPECT_EQ(try_add("a/b").error().kind, ErrorKind::invalid);
}

TEST_F(ProductsTest, AddProductWithAWrongPassphraseChangesNothing) {
  init();
  open();  // the lock file is there from the first writer on
  const auto before = snapshot_of(folder);
  EXPECT_EQ(try_add("tool", "wrong horse").error().kind, ErrorKind::denied);
  EXPECT_EQ(snapshot_of(folder), before);
}

TEST_F(ProductsTest, RenewGivesLaterDatesAndClientsFollow) {
  init({.products = {"app"}, .root_threshold = 1, .root_keys = 3});
  Served served(folder, clock);
  served.take(bundle("00000001-init"));
  Follower follower(top / "store", folder, served, clock);
  must(follower.client.refresh());
  clock.time += std::chrono::days(300);  // targets expired meanwhile
  std::string name;
  {
    auto repository = open();
    auto ring = keys();
    name = must(renew(unsynced_files(), repository, true, clock, ring)).bundle;
  }
  served.take(bundle(name));
  const auto refreshed = follower.client.refresh();
  ASSERT_TRUE(refreshed) << refreshed.error().message();
  EXPECT_EQ(follower.client.root_version(), 2);
  EXPECT_EQ(open().products().at("app").release.version, 2);
}

TEST_F(ProductsTest, WhereTwoMustSignOneCommandSignsOnceAlthoughBothKeysAreHere) {
  init({.products = {}, .root_threshold = 2, .root_keys = 2});
  auto repository = open();
  auto ring = keys();
  const auto result = must(renew(unsynced_files(), repository, true, clock, ring));
  EXPECT_EQ(result.bundle, "");
  ASSERT_EQ(result.missing.size(), 2U);  // the keys before and after the change are the same two
  EXPECT_EQ(result.missing[0].good, 1);
  EXPECT_EQ(result.missing[0].wanted, 2);
  EXPECT_EQ(open(Repository::Access::reading).targets().version, 1);
}

}  // namespace
}  // namespace upswarm::tests
