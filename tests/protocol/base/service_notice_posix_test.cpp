#include "protocol/base/service_notice.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

/// A service manager that listens at `name`.
class Manager {
 public:
  explicit Manager(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(name, address.sun_path);
    if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    const auto bound = ::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length);  // NOLINT: bind's type
    EXPECT_EQ(bound, 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);  // NOLINT: one thread
  }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  ~Manager() {
    ::close(socket_);
    ::unsetenv("NOTIFY_SOCKET");  // NOLINT: one thread
  }
  std::string heard() const {
    std::array<char, 100> words{};
    const auto count = ::recv(socket_, words.data(), words.size(), MSG_DONTWAIT);
    return {words.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  }

 private:
  int socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
};

TEST(ServiceNotice, ReachesAPath) {
  const tests::TemporaryFolder folder;
  const Manager manager(folder / "notify");
  ASSERT_TRUE(tell_service_manager(kReady));
  EXPECT_EQ(manager.heard(), "READY=1");
}

TEST(ServiceNotice, ReachesAnAbstractName) {
  const Manager manager("@upswarm-test-notice-" + std::to_string(::getpid()));
  ASSERT_TRUE(tell_service_manager("STATUS=two words"));
  EXPECT_EQ(manager.heard(), "STATUS=two words");
}

TEST(ServiceNotice, IsNotSentWhereNobodyAsked) {
  ::unsetenv("NOTIFY_SOCKET");  // NOLINT: one thread
  EXPECT_TRUE(tell_service_manager(kReady));
}

TEST(ServiceNotice, SaysThatNobodyListens) {
  const tests::TemporaryFolder folder;
  ::setenv("NOTIFY_SOCKET", (folder / "nobody").c_str(), 1);  // NOLINT: one thread
  const auto told = tell_service_manager(kReady);
  ::setenv("NOTIFY_SOCKET", std::string(200, 'x').c_str(), 1);  // NOLINT: one thread
  const auto too_long = tell_service_manager(kReady);
  ::unsetenv("NOTIFY_SOCKET");  // NOLINT: one thread
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().kind, ErrorKind::denied);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().cause, "the name is too long");
}

}  // namespace
}  // namespace upswarm
