#include "agent/manners/networkmanager.hpp"

#include <gtest/gtest.h>

#include "protocol/base/local_socket.hpp"
#include "tests/support/fake_networkmanager.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;
using tests::FakeNetworkManager;

class NetworkManagerTest : public testing::Test {
 protected:
  Result<LinkWord> ask(milliseconds limit = std::chrono::seconds(20)) const {
    return ask_network_manager(bus_.address(), limit);
  }
  /// What is asked of one that answers so.
  Result<LinkWord> ask_one_that_says(FakeNetworkManager::Answer answer) const {
    UPSWARM_TRY(const auto service, FakeNetworkManager::start(bus_.address(), std::move(answer)));
    return ask();
  }
  void expect(std::uint32_t metered, Link link, const std::string& by) const {
    const auto word = ask_one_that_says(metered);
    ASSERT_TRUE(word) << word.error().message();
    EXPECT_EQ(word->link, link) << metered;
    EXPECT_EQ(word->by, by) << metered;
  }

  tests::TemporaryFolder folder_;
  tests::PrivateBus bus_{folder_ / "bus"};
};

TEST_F(NetworkManagerTest, SaysWhetherTheLineIsMetered) {
  expect(1, Link::metered, "NetworkManager says so");
  expect(2, Link::normal, "NetworkManager says so");
}

TEST_F(NetworkManagerTest, AGuessThatItIsCountsToo) {
  expect(3, Link::metered, "NetworkManager guesses so");
  expect(4, Link::normal, "NetworkManager guesses so");
}

TEST_F(NetworkManagerTest, WhoDoesNotKnowSaysNothing) { expect(0, Link::normal, ""); }

TEST_F(NetworkManagerTest, AnAnswerOfAnotherFormIsNone) {
  EXPECT_EQ(ask_one_that_says(5U).error().kind, ErrorKind::corrupt);
  EXPECT_EQ(ask_one_that_says("yes").error().kind, ErrorKind::corrupt);
}

TEST_F(NetworkManagerTest, ABusWithoutItIsSaid) {
  const auto word = ask();
  ASSERT_FALSE(word);
  EXPECT_EQ(word.error().kind, ErrorKind::unreachable);
  EXPECT_NE(word.error().cause.find("org.freedesktop.NetworkManager"), std::string::npos) << word.error().cause;
}

TEST_F(NetworkManagerTest, NoBusIsSaid) {
  EXPECT_EQ(ask_network_manager("unix:path=" + (folder_ / "none").string()).error().kind, ErrorKind::unreachable);
  EXPECT_EQ(ask_network_manager("no address").error().kind, ErrorKind::unreachable);
}

/// sd-bus by itself would wait 25 s for an answer, and 90 s for a greeting whatever it is told.
class SilentBusTest : public NetworkManagerTest {
 protected:
  void expect_in_time(const std::string& bus) const {
    const auto begin = std::chrono::steady_clock::now();
    const auto word = ask_network_manager(bus, milliseconds(50));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    ASSERT_FALSE(word);
    EXPECT_EQ(word.error().kind, ErrorKind::unreachable);
  }
};

TEST_F(SilentBusTest, AServiceThatNeverAnswersIsLeftInTime) {
  const auto service = FakeNetworkManager::start(bus_.address(), {});
  ASSERT_TRUE(service) << service.error().message();
  expect_in_time(bus_.address());
}

TEST_F(SilentBusTest, ABusThatNeverGreetsIsLeftInTime) {
  const auto listening = listen_local(folder_ / "mute", 0600);
  ASSERT_TRUE(listening) << listening.error().message();
  expect_in_time("unix:path=" + (folder_ / "mute").string());
}

}  // namespace
}  // namespace upswarm::agent
