#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <fstream>
#include <functional>
#include <latch>
#include <mutex>
#include <thread>
#include <vector>

#include "protocol/base/files.hpp"
#include "protocol/base/local_socket.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm {
namespace {

using namespace std::chrono_literals;
constexpr auto kPatience = 20s;

/// A server on a thread of its own, as long as the object lives.
class RunningServer {
 public:
  RunningServer(const Path& path, LocalServer::Serve serve, std::size_t most = 8)
      : RunningServer(path, std::move(serve), [most](const PeerIdentity&) { return LocalTerms{.most = most}; }) {}
  RunningServer(const Path& path, LocalServer::Serve serve, LocalServer::Admit admit)
      : serve_(std::move(serve)), admit_(std::move(admit)) {
    auto server = listen_local(path, 0666);
    EXPECT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
    thread_ = std::jthread([this](std::stop_token stop) {
      number_ = ::gettid();
      server_->run(serve_, admit_, stop);
    });
  }

  /// How often its thread went to sleep.
  std::int64_t sleeps() const {
    std::ifstream status("/proc/self/task/" + std::to_string(number_.load()) + "/status");
    const std::string wanted = "voluntary_ctxt_switches:";
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with(wanted)) return std::stoll(line.substr(wanted.size()));
    }
    return -1;
  }

 private:
  LocalServer::Serve serve_;
  LocalServer::Admit admit_;
  std::unique_ptr<LocalServer> server_;
  std::atomic<int> number_{0};
  std::jthread thread_;
};

/// Sends each frame back, until the other side goes.
void echo(LocalConnection& connection, std::stop_token stop) {
  for (;;) {
    auto frame = connection.receive(kPatience, stop);
    if (!frame || !connection.send(frame->text)) return;
  }
}

class LocalSocketTest : public testing::Test {
 protected:
  tests::TemporaryFolder folder;
  Path path = folder / "socket";

  std::unique_ptr<LocalConnection> connect() {
    auto connection = connect_local(path);
    EXPECT_TRUE(connection) << connection.error().message();
    return connection ? std::move(*connection) : nullptr;
  }

  /// A connection without our code on this side: a stranger may send any bytes.
  int connect_raw() const {
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return descriptor;
  }
};

TEST_F(LocalSocketTest, FramesComeBackWhole) {
  const RunningServer server(path, echo);
  const auto connection = connect();
  ASSERT_TRUE(connection);
  for (const auto& text : {std::string("{}"), std::string(), std::string(1, '\0'), std::string(300'000, 'x')}) {
    ASSERT_TRUE(connection->send(text));
    const auto frame = connection->receive(kPatience, {});
    ASSERT_TRUE(frame) << frame.error().message();
    EXPECT_EQ(frame->text, text);
    EXPECT_EQ(frame->file, nullptr);
  }
}

TEST_F(LocalSocketTest, FramesThatWaitStayApart) {
  const RunningServer server(path, echo);
  const auto connection = connect();
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(connection->send(text));
  for (const char* text : {"one", "two", "three"}) EXPECT_EQ(connection->receive(kPatience, {})->text, text);
}

TEST_F(LocalSocketTest, TheKernelSaysWhoIsThere) {
  std::latch seen(1);
  PeerIdentity peer;
  const RunningServer server(path, [&](LocalConnection& connection, const std::stop_token&) {
    peer = connection.peer();
    seen.count_down();
  });
  const auto connection = connect();
  seen.wait();
  EXPECT_EQ(peer.user, ::geteuid());
  EXPECT_EQ(peer.process, ::getpid());
}

TEST_F(LocalSocketTest, AFileComesAlong) {
  folder.write("package", "the content");
  std::latch done(1);
  const RunningServer server(path, [&](LocalConnection& connection, std::stop_token stop) {
    const auto frame = connection.receive(kPatience, stop);
    EXPECT_TRUE(frame && frame->file);
    if (frame && frame->file) {
      ByteBuffer buffer(100);
      buffer.resize(*frame->file->read_at({}, buffer));
      EXPECT_EQ(as_text(buffer), "the content");
      EXPECT_EQ(frame->file->info()->type, FileType::regular);
    }
    done.count_down();
  });
  const auto connection = connect();
  const auto file = folder / "package";
  ASSERT_TRUE(connection->send("take this", &file));
  done.wait();
}

TEST_F(LocalSocketTest, FilesOfThoseWhoMaySendNoneNeverArrive) {
  std::latch done(1);
  const auto serve = [&](LocalConnection& connection, std::stop_token stop) {
    const auto frame = connection.receive(kPatience, stop);
    EXPECT_TRUE(frame && !frame->file && !frame->refused && frame->text == "take this");
    done.count_down();
  };
  const RunningServer server(path, serve, [](const PeerIdentity&) { return LocalTerms{.most = 1, .files = false}; });
  ASSERT_TRUE(connect()->send("take this", &folder.path()));
  done.wait();
}

TEST_F(LocalSocketTest, AFileThatCannotBeOpenedIsNotSent) {
  const RunningServer server(path, echo);
  const auto connection = connect();
  const auto none = folder / "none";
  EXPECT_EQ(connection->send("x", &none).error().kind, ErrorKind::not_found);
  folder.write("target", "");
  ASSERT_TRUE(system_files().make_symlink("target", folder / "link"));
  const auto link = folder / "link";
  EXPECT_EQ(connection->send("x", &link).error().kind, ErrorKind::denied);
  ASSERT_TRUE(connection->send("still here"));
  EXPECT_EQ(connection->receive(kPatience, {})->text, "still here");
}

TEST_F(LocalSocketTest, ALengthTooLargeIsRefusedBeforeItsBytesCome) {
  std::latch done(1);
  Error error;
  const RunningServer server(path, [&](LocalConnection& connection, std::stop_token stop) {
    const auto frame = connection.receive(kPatience, stop);
    if (!frame) error = frame.error();
    done.count_down();
  });
  const int stranger = connect_raw();
  const std::array<unsigned char, 4> head{0xff, 0xff, 0xff, 0xff};
  ASSERT_EQ(::send(stranger, head.data(), head.size(), MSG_NOSIGNAL), 4);
  done.wait();
  ::close(stranger);
  EXPECT_EQ(error.kind, ErrorKind::corrupt);
  EXPECT_EQ(error.reason, "too_long");
}

TEST_F(LocalSocketTest, ATextTooLongIsNotSent) {
  const RunningServer server(path, echo);
  const auto connection = connect();
  EXPECT_EQ(connection->send(std::string(kLongestLocalFrame.count + 1, 'x')).error().reason, "too_long");
}

TEST_F(LocalSocketTest, AHalfFrameIsNoFrame) {
  std::latch done(1);
  ErrorKind kind = ErrorKind::internal;
  const RunningServer server(path, [&](LocalConnection& connection, std::stop_token stop) {
    const auto frame = connection.receive(kPatience, stop);
    if (!frame) kind = frame.error().kind;
    done.count_down();
  });
  const int stranger = connect_raw();
  const std::array<unsigned char, 6> half{0, 0, 0, 9, '{', '"'};
  ASSERT_EQ(::send(stranger, half.data(), half.size(), MSG_NOSIGNAL), 6);
  ::close(stranger);
  done.wait();
  EXPECT_EQ(kind, ErrorKind::unreachable);
}

std::size_t open_descriptors() {
  using Folder = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(Folder("/proc/self/fd"), Folder()));
}

/// Sends one byte with several descriptors in one message.
void send_descriptors(int socket, char byte, std::size_t count, int which = -1) {
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * 8)> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * count);
  const int carried = which < 0 ? socket : which;
  for (std::size_t i = 0; i < count; ++i) std::memcpy(CMSG_DATA(header) + i * sizeof(int), &carried, sizeof(int));
  EXPECT_EQ(::sendmsg(socket, &message, MSG_NOSIGNAL), 1);
}

TEST_F(LocalSocketTest, DescriptorsThatNobodyAskedForAreClosed) {
  const RunningServer server(path, [&](LocalConnection& connection, std::stop_token stop) {
    for (;;) {
      const auto frame = connection.receive(kPatience, stop);
      if (!frame) return;
      const auto open = open_descriptors();
      if (!connection.send(std::to_string(open))) return;
    }
  });
  const int stranger = connect_raw();
  const auto open_after_frame = [&](std::size_t descriptors) {
    const std::array<char, 4> head{0, 0, 0, 1};
    EXPECT_EQ(::send(stranger, head.data(), head.size(), MSG_NOSIGNAL), 4);
    if (descriptors == 0) EXPECT_EQ(::send(stranger, "x", 1, MSG_NOSIGNAL), 1);
    else send_descriptors(stranger, 'x', descriptors);
    std::array<char, 64> answer{};
    const auto count = ::recv(stranger, answer.data(), answer.size(), 0);
    EXPECT_GT(count, 4);
    return std::stoul(std::string(answer.data() + 4, static_cast<std::size_t>(count - 4)));
  };
  const auto before = open_after_frame(0);
  for (const std::size_t descriptors : {2U, 8U, 2U, 8U}) {
    EXPECT_LE(open_after_frame(descriptors), before + 1) << "the one that came along, for as long as its frame lives";
  }
  EXPECT_EQ(open_after_frame(0), before);
  ::close(stranger);
}

TEST_F(LocalSocketTest, OneTooManyIsSentAway) {
  const RunningServer server(path, echo, 1);
  const auto first = connect();
  ASSERT_TRUE(first->send("a"));
  ASSERT_TRUE(first->receive(kPatience, {}));
  const auto second = connect();
  const auto answer = second->receive(kPatience, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::unreachable);
  ASSERT_TRUE(first->send("b")) << "the first is not disturbed";
  EXPECT_EQ(first->receive(kPatience, {})->text, "b");
}

struct HandedOver {
  std::string name;
  std::string reason;
  std::function<int(const Path& folder)> open;
};
std::ostream& operator<<(std::ostream& out, const HandedOver& row) { return out << row.name; }

class HandedOverTest : public LocalSocketTest, public testing::WithParamInterface<HandedOver> {};

TEST_P(HandedOverTest, IsRefusedForItsOwnReason) {
  std::latch done(1);
  std::string reason = "taken";
  const RunningServer server(path, [&](LocalConnection& connection, std::stop_token stop) {
    const auto frame = connection.receive(kPatience, stop);
    if (frame && frame->refused) reason = frame->refused->reason;
    EXPECT_TRUE(frame && (frame->file == nullptr || !frame->refused));
    done.count_down();
  });
  const int carried = GetParam().open(folder / "");
  ASSERT_GE(carried, 0);
  const int stranger = connect_raw();
  const std::array<char, 4> head{0, 0, 0, 1};
  ASSERT_EQ(::send(stranger, head.data(), head.size(), MSG_NOSIGNAL), 4);
  send_descriptors(stranger, 'x', 1, carried);
  done.wait();
  ::close(stranger);
  ::close(carried);
  EXPECT_EQ(reason, GetParam().reason);
}

int open_for_reading(const char* name) { return ::open(name, O_RDONLY | O_CLOEXEC); }

INSTANTIATE_TEST_SUITE_P(
    Files, HandedOverTest,
    testing::Values(
        HandedOver{
            "a file", "taken",
            [](const Path& folder) { return ::open((folder / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600); }},
        HandedOver{"a file without a name", "taken",
                   [](const Path&) { return static_cast<int>(::memfd_create("none", MFD_CLOEXEC)); }},
        HandedOver{"a folder", "no_regular_file", [](const Path& folder) { return open_for_reading(folder.c_str()); }},
        HandedOver{"a FIFO", "no_regular_file",
                   [](const Path& folder) {
                     EXPECT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
                     return ::open((folder / "fifo").c_str(), O_RDWR | O_CLOEXEC);
                   }},
        HandedOver{"a pipe", "no_regular_file",
                   [](const Path&) {
                     std::array<int, 2> ends{};
                     EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
                     ::close(ends[1]);
                     return ends[0];
                   }},
        HandedOver{"a socket", "no_regular_file",
                   [](const Path&) { return ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }},
        HandedOver{"/dev/zero", "no_regular_file", [](const Path&) { return open_for_reading("/dev/zero"); }},
        // Regular by its type. FUSE and NFS are known by the same number of statfs(2), and not believed.
        HandedOver{"/proc/self/status", "not_local",
                   [](const Path&) { return open_for_reading("/proc/self/status"); }}));

/// Everybody is of the kind that the test says now.
class KindsTest : public LocalSocketTest {
 protected:
  LocalTerms admit() {
    const std::lock_guard lock(mutex);
    ++admitted;
    changed.notify_all();
    return terms;
  }
  void await_admitted(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return admitted >= count; });
  }
  void grant(LocalTerms next) {
    const std::lock_guard lock(mutex);
    terms = std::move(next);
  }
  LocalServer::Admit admission() {
    return [this](const PeerIdentity&) { return admit(); };
  }

  std::mutex mutex;
  std::condition_variable changed;
  LocalTerms terms{.kind = "others", .most = 4};
  int admitted = 0;
};

TEST_F(KindsTest, AThousandOfOneKindShutOutNobodyOfAnother) {
  const RunningServer server(path, echo, admission());
  std::vector<std::unique_ptr<LocalConnection>> strangers;
  for (int i = 0; i < 1000; ++i) strangers.push_back(connect());
  await_admitted(1000);
  grant({.kind = "root", .most = 2});
  const auto first = connect();
  const auto second = connect();
  for (const auto* const root : {&first, &second}) {
    ASSERT_TRUE((*root)->send("x"));
    EXPECT_TRUE((*root)->receive(kPatience, {}));
  }
  std::size_t open = 0;
  for (const auto& stranger : strangers) open += stranger->is_gone() ? 0 : 1;
  EXPECT_EQ(open, 4U);
}

TEST_F(KindsTest, AFrameLongerThanGrantedIsRefused) {
  std::latch done(1);
  Error error;
  grant({.kind = "others", .most = 1, .longest_frame = 10_B});
  const RunningServer server(
      path,
      [&](LocalConnection& connection, std::stop_token stop) {
        EXPECT_TRUE(connection.receive(kPatience, stop));
        const auto frame = connection.receive(kPatience, stop);
        if (!frame) error = frame.error();
        done.count_down();
      },
      admission());
  const auto connection = connect();
  ASSERT_TRUE(connection->send("0123456789"));
  ASSERT_TRUE(connection->send("0123456789+"));
  done.wait();
  EXPECT_EQ(error.reason, "too_long");
}

TEST_F(KindsTest, OneLongFrameIsHeldAtATime) {
  std::latch is_held(1);
  std::latch is_enough(1);
  const RunningServer server(
      path,
      [&](LocalConnection& connection, std::stop_token stop) {
        const auto frame = connection.receive(kPatience, stop);
        if (!frame) return;
        if (frame->text[0] == 'a') {
          is_held.count_down();
          is_enough.wait();
        }
        ignore_failure(connection.send("taken"), "the test sees to it");
      },
      admission());
  const auto first = connect();
  const auto second = connect();
  const auto third = connect();
  ASSERT_TRUE(first->send(std::string(kSmallLocalFrame.count + 1, 'a')));
  is_held.wait();
  ASSERT_TRUE(second->send(std::string(kSmallLocalFrame.count + 1, 'b')));
  ASSERT_TRUE(third->send(std::string(kSmallLocalFrame.count, 'c')));
  EXPECT_TRUE(third->receive(kPatience, {})) << "a small one does not wait";
  EXPECT_FALSE(second->receive(100ms, {}));
  is_enough.count_down();
  EXPECT_TRUE(first->receive(kPatience, {}));
  EXPECT_TRUE(second->receive(kPatience, {}));
}

TEST_F(LocalSocketTest, SilenceHasALimit) {
  const RunningServer server(path, echo);
  const auto connection = connect();
  const auto frame = connection->receive(1ms, {});
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().kind, ErrorKind::unreachable);
  EXPECT_EQ(frame.error().cause, "the other side is silent");
}

TEST_F(LocalSocketTest, AServerSleepsWhileNobodyComes) {
  const RunningServer server(path, echo);
  const auto connection = connect();
  ASSERT_TRUE(connection->send("a"));
  ASSERT_TRUE(connection->receive(kPatience, {}));
  const auto before = server.sleeps();
  ASSERT_GT(before, 0);
  EXPECT_FALSE(connection->receive(1s, {})) << "nobody speaks";
  EXPECT_LE(server.sleeps(), before + 1);
}

TEST_F(LocalSocketTest, AStopEndsTheWaiting) {
  const RunningServer server(path, echo);
  const auto connection = connect();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(connection->receive(kPatience, stop.get_token()).error().kind, ErrorKind::cancelled);
}

TEST_F(LocalSocketTest, NobodyThereIsUnreachable) {
  EXPECT_EQ(connect_local(path).error().kind, ErrorKind::unreachable);
  EXPECT_FALSE(connect_local(folder / std::string(200, 'x'))) << "a path longer than a socket's name may be";
}

TEST_F(LocalSocketTest, OneServerAtATime) {
  const RunningServer server(path, echo);
  const auto second = listen_local(path, 0666);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::busy);
  EXPECT_TRUE(connect()->send("x")) << "the first still listens";
}

TEST_F(LocalSocketTest, ALeftOverSocketIsReplaced) {
  const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  const RunningServer server(path, echo);
  const auto connection = connect();
  ASSERT_TRUE(connection->send("x"));
  EXPECT_TRUE(connection->receive(kPatience, {}));
}

TEST_F(LocalSocketTest, AFileInTheWayIsLeftAlone) {
  folder.write("socket", "precious");
  EXPECT_FALSE(listen_local(path, 0666));
  EXPECT_EQ(folder.read("socket"), "precious");
}

TEST_F(LocalSocketTest, TheSocketHasItsModeAndGoesWithTheServer) {
  {
    const auto before = ::umask(077);
    const auto server = listen_local(path, 0660);
    ::umask(before);
    ASSERT_TRUE(server);
    EXPECT_EQ(system_files().info(path)->mode & 0777U, 0660U);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace upswarm
