#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "protocol/base/tcp_path.hpp"
#include "tests/support/eventually.hpp"

namespace upswarm {
namespace {

/// Two ends of a connection over loopback.
class TcpPathTest : public testing::Test {
 protected:
  void SetUp() override {
    const int listening = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ASSERT_EQ(::bind(listening, reinterpret_cast<const sockaddr*>(&address), length), 0);
    ASSERT_EQ(::listen(listening, 1), 0);
    ASSERT_EQ(::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &length), 0);
    receiver = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int buffer = 256 << 10;  // so that the system does not choose another, and the window with it
    ASSERT_EQ(::setsockopt(receiver, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer), 0);
    ASSERT_EQ(::connect(receiver, reinterpret_cast<const sockaddr*>(&address), length), 0);
    sender = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
    ASSERT_GE(sender, 0);
    ::close(listening);
  }
  void TearDown() override {
    ::close(sender);
    ::close(receiver);
  }

  /// So many bytes go over, and are taken.
  void pass(std::size_t count) const {
    const std::string block(4096, 'x');
    std::array<char, 4096> buffer;
    for (std::size_t done = 0; done < count; done += block.size()) {
      ASSERT_EQ(::send(sender, block.data(), block.size(), MSG_NOSIGNAL), static_cast<ssize_t>(block.size()));
      ASSERT_EQ(::recv(receiver, buffer.data(), buffer.size(), MSG_WAITALL), static_cast<ssize_t>(buffer.size()));
    }
  }
  /// The window that the sender was told last.
  std::uint32_t window() const {
    tcp_info info{};
    socklen_t length = sizeof info;
    EXPECT_EQ(::getsockopt(sender, IPPROTO_TCP, TCP_INFO, &info, &length), 0);
    return info.tcpi_snd_wnd;
  }

  int sender = -1;
  int receiver = -1;
};

TEST_F(TcpPathTest, KnowsTheRoundTripAndWhatCame) {
  pass(64 << 10);
  ASSERT_EQ(::send(receiver, "x", 1, MSG_NOSIGNAL), 1);
  ASSERT_TRUE(tests::eventually([&] { return look_at_path(receiver).has_value(); }));
  const auto path = look_at_path(receiver);
  EXPECT_EQ(path->received, 64_KiB);
  EXPECT_GT(path->least_round_trip.count(), 0);
  EXPECT_LE(path->least_round_trip, path->round_trip * 2);
  EXPECT_LT(path->round_trip, std::chrono::seconds(1));
}

TEST_F(TcpPathTest, TellsTheSenderOfTheLimitAndOfItsEnd) {
  pass(1 << 20);
  EXPECT_GT(window(), 100U << 10);
  limit_window(receiver, 16_KiB);
  pass(1 << 20);  // what the sender was told before is used up
  EXPECT_LE(window(), 16U << 10);
  limit_window(receiver, 1_GiB);
  pass(1 << 20);
  EXPECT_GT(window(), 100U << 10);
}

TEST_F(TcpPathTest, WhatIsNoConnectionSaysNothing) {
  EXPECT_FALSE(look_at_path(-1));
  EXPECT_FALSE(look_at_path(STDIN_FILENO));
  limit_window(-1, 16_KiB);
}

}  // namespace
}  // namespace upswarm
