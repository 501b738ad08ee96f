// --self-test and --probe: what one installer asks another.
#include <thread>

#include "installer/self_update.hpp"
#include "protocol/messages/conversation.hpp"
#include "tests/installer/service_fixture.hpp"

namespace upswarm::installer {
namespace {

class SelfTestTest : public ServiceFixture {
 protected:
  /// Everything below the state folder, by name.
  std::map<std::string, std::string> state() const {
    std::map<std::string, std::string> all;
    for (const auto& one : std::filesystem::recursive_directory_iterator(config.state_folder)) {
      if (one.is_regular_file()) all[one.path().string()] = read_file(system_files(), one.path(), 64_MiB).value();
    }
    return all;
  }
};

TEST_F(SelfTestTest, ReadsAllThatARunningInstallerKeepsAndWritesNothing) {
  EXPECT_EQ(wants(), "wanted 1.3.0") << "so that there is trust state";
  const auto before = state();
  const auto tested = test_self(system_files(), config);
  EXPECT_TRUE(tested) << tested.error().message();
  EXPECT_EQ(state(), before);
}

TEST_F(SelfTestTest, SaysWhatItCannotRead) {
  EXPECT_EQ(wants(), "wanted 1.3.0");
  for (const char* const name : {"trust/root.json", "trust/timestamp.json", "products/app.json"}) {
    const auto file = config.state_folder / name;
    const auto good = read_file(system_files(), file, 64_MiB);
    ASSERT_TRUE(good) << name;
    ASSERT_TRUE(write_file_atomically(system_files(), file, R"({"format": 2})"));
    EXPECT_FALSE(test_self(system_files(), config)) << "a later format of " << name;
    ASSERT_TRUE(write_file_atomically(system_files(), file, *good));
  }
  EXPECT_TRUE(test_self(system_files(), config));
  config.agent_account = "no-such-account";
  EXPECT_FALSE(test_self(system_files(), config));
}

TEST_F(SelfTestTest, AProbeWantsAnAnswerOfThisMachine) {
  const auto limit = std::chrono::milliseconds(1);
  EXPECT_EQ(probe_installer(system_files(), config, limit).error().kind, ErrorKind::unreachable);
  auto server = listen_local(config.socket, 0666);
  ASSERT_TRUE(server) << server.error().message();
  std::stop_source end;
  std::string machine_id = read_file(system_files(), config.state_folder / "machine-id", 1_KiB).value();
  const std::jthread serving([&] {
    (*server)->run(
        [&](LocalConnection& connection, const std::stop_token& ending) {
          messages::answer_all(
              connection,
              [&](const std::string& /*word*/, const Json& /*question*/, std::unique_ptr<InputFile> /*file*/,
                  const std::stop_token& /*stop*/) -> Result<Json> {
                return messages::to_json(messages::Hello{.machine_id = machine_id, .products = {}});
              },
              ending);
        },
        [](const PeerIdentity& /*peer*/) { return LocalTerms{.most = 4}; }, end.get_token());
  });
  const auto patience = std::chrono::seconds(20);
  const auto probed = probe_installer(system_files(), config, patience);
  EXPECT_TRUE(probed) << probed.error().message();
  machine_id = "another";
  EXPECT_EQ(probe_installer(system_files(), config, patience).error().kind, ErrorKind::corrupt);
  end.request_stop();
}

TEST_F(SelfTestTest, AnInstallerFromElsewhereCannotUpdateItself) {
  config.products[0].self = true;
  service.reset();
  const auto opened = InstallerService::open(config, system_files(), clock);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().reason, "not_own_root");
}

}  // namespace
}  // namespace upswarm::installer
