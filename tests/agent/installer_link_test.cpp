#include "agent/installer_link.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "protocol/base/local_socket.hpp"
#include "protocol/messages/conversation.hpp"
#include "tests/agent/fakes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

TEST(InstallerLinkTest, SaysWhenNobodyListens) {
  const tests::TemporaryFolder folder;
  const auto link = make_local_installer_link(folder / "none.sock");
  const auto hello = link->hello({});
  ASSERT_FALSE(hello);
  EXPECT_EQ(hello.error().kind, ErrorKind::unreachable);
  EXPECT_EQ(hello.error().reason, "no_installer");
}

/// More than the test asks: each has a connection of its own, whose end the server may see late.
constexpr std::size_t kMostQuestions = 16;

TEST(InstallerLinkTest, TalksOverARealSocket) {
  const tests::TemporaryFolder folder;
  folder.write("package", "bytes of the package");
  const auto server = listen_local(folder / "installer.sock", 0600);
  ASSERT_TRUE(server) << server.error().message();
  tests::FakeInstaller state;
  const auto entry = tests::make_entry("1.0.0", 1);
  state.add_product("app", &entry);
  std::string handed_over;
  std::int64_t forgotten = 0;
  const auto answer = [&](const std::string& word, const Json& question, std::unique_ptr<InputFile> file,
                          const std::stop_token&) -> Result<Json> {
    if (word == "hello") return messages::to_json(state.state);
    if (word == "progress") return Json{{"products", Json::array()}};
    if (word == "outcomes")
      return Json{{"outcomes", Json::array({messages::to_json(tests::make_outcome(5, "1.0.0", "completed"))})}};
    if (word == "forget_outcomes") forgotten = question["up_to"].get<std::int64_t>();
    if (word == "offer_metadata") return Error{ErrorKind::untrusted, "timestamp", "it expired", "expired"};
    if (word == "offer_package") {
      handed_over.resize(100);
      const auto count = file->read_at(0_B, std::as_writable_bytes(std::span(handed_over)));
      if (!count) return count.error();
      handed_over.resize(*count);
    }
    return Json::object();
  };
  std::stop_source stop;
  std::jthread serving([&] {
    (*server)->run(
        [&](LocalConnection& connection, std::stop_token ending) { messages::answer_all(connection, answer, ending); },
        [](const PeerIdentity&) { return LocalTerms{.most = kMostQuestions}; }, stop.get_token());
  });
  const auto link = make_local_installer_link(folder / "installer.sock");
  EXPECT_EQ(link->hello({})->products.at(0).content, entry.content);
  EXPECT_TRUE(link->progress({})->empty());
  EXPECT_EQ(link->outcomes({})->at(0).number, 5);
  EXPECT_TRUE(link->forget_outcomes(5, {}));
  EXPECT_EQ(link->offer_metadata({{"metadata/timestamp.json", "x"}}, {}).error().reason, "expired");
  EXPECT_TRUE(link->offer_package("app", entry.full.sha256, folder / "package", false, {}));
  stop.request_stop();
  serving.join();
  EXPECT_EQ(forgotten, 5);
  EXPECT_EQ(handed_over, "bytes of the package");
}

}  // namespace
}  // namespace upswarm::agent
