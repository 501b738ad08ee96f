// The power goes at every single file operation; the next refresh must go on from what is there.
#include <algorithm>

#include "tests/protocol/trust/client_fixture.hpp"

namespace upswarm::trust {
namespace {

using std::chrono::days;

class ClientStops : public ClientFixture {
 protected:
  static constexpr const char* kPath = "index/app/stable/linux-x64.json";

  Result<void> refresh_and_find() {
    TrustClient fresh(store, simulator, ed25519_verifier(), clock);
    UPSWARM_CHECK(fresh.refresh());
    UPSWARM_CHECK(fresh.find(kPath));
    return {};
  }

  std::map<std::string, std::string> stored() const {
    std::map<std::string, std::string> all;
    const auto names = system_files().list(folder / "trust");
    for (const auto& name : *names) {
      if (name.ends_with(".json")) all[name] = folder.read("trust/" + name);
    }
    return all;
  }

  void put_back(const std::map<std::string, std::string>& all) const {
    const auto names = system_files().list(folder / "trust");
    for (const auto& name : *names) {
      if (name == "lock") continue;  // the store still holds it
      EXPECT_TRUE(system_files().remove_file(folder / "trust" / name)) << name;
    }
    for (const auto& [name, content] : all) folder.write("trust/" + name, content);
  }

  bool was_served(const std::string& content) const {
    return std::ranges::any_of(served, [&](const auto& bytes) { return bytes == content; }) ||
           std::ranges::any_of(simulator.files, [&](const auto& file) { return file.second == content; });
  }

  /// From the store as it is to what a whole refresh makes of it, with every stop on the way; how many there were.
  std::size_t stop_everywhere(tests::StoppingFiles::Mode mode) {
    const auto before = stored();
    for (const auto& [name, content] : before) served.push_back(content);
    EXPECT_EQ(why(refresh_and_find()), "ok");
    const auto after = stored();
    std::size_t n = 1;
    for (;; ++n) {
      put_back(before);
      files.stop_at(n, mode);
      const auto stopped = refresh_and_find();
      const bool was_reached = files.was_reached();
      files.stop_at(std::nullopt);
      if (!was_reached) break;
      EXPECT_FALSE(stopped) << n;
      for (const auto& [name, content] : stored())
        EXPECT_TRUE(was_served(content)) << name << " is a mixture after a stop at " << n;
      EXPECT_EQ(why(refresh_and_find()), "ok") << n;
      EXPECT_EQ(stored(), after) << n;
    }
    return n - 1;
  }

  std::vector<std::string> served;  ///< at other times
};

TEST_F(ClientStops, FirstRefresh) { EXPECT_GT(stop_everywhere(tests::StoppingFiles::Mode::stop), 15U); }

TEST_F(ClientStops, FirstRefreshOnADiskThatFailsOnce) {
  EXPECT_GT(stop_everywhere(tests::StoppingFiles::Mode::fail), 15U);
}

TEST_F(ClientStops, AllRolesNew) {
  ASSERT_EQ(why(refresh_and_find()), "ok");
  simulator.rotate_key("root");
  simulator.publish_root();
  simulator.publish({"targets", "rel-app"});
  EXPECT_GT(stop_everywhere(tests::StoppingFiles::Mode::stop), 20U);
}

TEST_F(ClientStops, RecoveryFromAFastForward) {
  for (const std::string role : {"snapshot", "timestamp"}) {
    const auto timestamp = simulator.timestamp;
    const auto snapshot = simulator.snapshot;
    simulator.snapshot.version = simulator.timestamp.version = 1'000'000;
    simulator.publish_snapshot();
    ASSERT_EQ(why(refresh_and_find()), "ok");
    simulator.timestamp = timestamp;
    simulator.snapshot = snapshot;
    simulator.rotate_key(role);
    simulator.publish_root();
    simulator.publish_root();
    simulator.publish();
    EXPECT_GT(stop_everywhere(tests::StoppingFiles::Mode::stop), 20U) << role;
  }
}

TEST_F(ClientStops, AStoreThatCannotBeReadIsNotTakenForAnEmptyOne) {
  ASSERT_EQ(why(refresh_and_find()), "ok");
  ASSERT_TRUE(remove_tree(system_files(), folder / "trust/timestamp.json"));
  ASSERT_TRUE(system_files().make_folder(folder / "trust/timestamp.json", 0755));
  const auto result = refresh();
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().kind, ErrorKind::not_found);
  EXPECT_NE(result.error().kind, ErrorKind::untrusted);
}

}  // namespace
}  // namespace upswarm::trust
