// A machine with a fake installer and a real repository, for tests of the update cycle.
#pragma once

#include <gtest/gtest.h>

#include <optional>

#include "agent/machine_key.hpp"
#include "agent/update_cycle.hpp"
#include "tests/agent/signed_repository.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {

/// 1.0.0 is installed; the repository has 1.1.0, too, with a delta of 100 bytes.
class UpdateCycleTest : public testing::Test {
 protected:
  void SetUp() override {
    tests::add_delta(new_, old_, 100_B);
    installer_.add_product("app", &old_);
    repository_.set_release({old_, new_});
    repository_.publish();
    folder_.write("root.json", repository_.first_root());
    start();
  }

  /// As after a start of the agent: only what is on disk is known.
  void start() {
    cycle_.reset();
    folders_.reset();
    identity_.reset();
    store_.reset();
    auto store = StateStore::open(folder_ / "state.db");
    ASSERT_TRUE(store) << store.error().message();
    store_.emplace(*std::move(store));
    auto folders = RepositoryFolders::open(system_files(), folder_.path(), folder_ / "root.json");
    ASSERT_TRUE(folders) << folders.error().message();
    folders_.emplace(*std::move(folders));
    identity_.emplace(IdentityTools{.files = system_files(),
                                    .store = *store_,
                                    .board = board_,
                                    .http = http_,
                                    .clock = clock_,
                                    .random = [](std::uint32_t) { return 0U; },
                                    .rhythm = {std::chrono::minutes(15), 100},
                                    .seeder_url = seeder_of_identity_,
                                    .token_file = token_file_},
                      open_machine_key(system_files(), folder_.path()));
    cycle_.emplace(CycleTools{.installer = installer_,
                              .swarm = swarm_,
                              .store = *store_,
                              .board = board_,
                              .folders = *folders_,
                              .http = http_,
                              .identity = *identity_,
                              .clock = clock_,
                              .pause = pause_by(clock_),
                              .seeder_url = tests::kSeeder,
                              .link = [this] { return link_; },
                              .has_room = [this] { return has_room_; },
                              .confirm_major = confirm_major_,
                              .cache = cache_});
  }
  Result<CycleEnd> run(const CycleRequest& request = {}) { return cycle_->run(request, stop_.get_token()); }
  /// 1.1.0 is installed, and a still newer release, which this returns, is there and wanted.
  trust::Entry take_one_and_publish_the_next() {
    installer_.wants["app"] = new_;
    EXPECT_TRUE(run());
    auto newest = tests::make_entry("1.2.0", 3);
    repository_.set_release({old_, new_, newest});
    repository_.publish();
    installer_.wants["app"] = newest;
    return newest;
  }
  CycleResult result_of_run(const CycleRequest& request = {}) {
    const auto end = run(request);
    EXPECT_TRUE(end) << end.error().message();
    return end ? end->result : CycleResult::failed;
  }
  Error error_of_run() {
    const auto end = run();
    EXPECT_FALSE(end);
    return end ? Error{} : end.error();
  }
  std::string phase() { return board_.snapshot().products.at(0).phase; }
  const trust::PackageFile& delta() { return new_.deltas[0].file; }

  tests::TemporaryFolder folder_;
  tests::FakeClock clock_;
  tests::FakeHttpClient http_;
  tests::FakeSwarm swarm_;
  tests::FakeInstaller installer_;
  tests::SignedRepository repository_{http_, clock_};
  StatusBoard board_{"", tests::kSeeder};
  trust::Entry old_ = tests::make_entry("1.0.0", 1);
  trust::Entry new_ = tests::make_entry("1.1.0", 2);
  std::optional<RepositoryFolders> folders_;
  std::optional<StateStore> store_;
  Path token_file_;
  std::string seeder_of_identity_ = tests::kSecureSeeder;
  std::optional<MachineIdentity> identity_;
  std::optional<UpdateCycle> cycle_;
  Link link_ = Link::normal;
  bool has_room_ = true;
  bool confirm_major_ = false;
  CacheRules cache_;
  std::stop_source stop_;
};

}  // namespace upswarm::agent
