#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "protocol/base/local_file.hpp"
#include "protocol/base/local_socket.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/process.hpp"

namespace upswarm {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kSendLimit{std::chrono::seconds(20)};
constexpr std::chrono::milliseconds kLookAround{100};  // how late a stop is noticed
constexpr std::chrono::minutes kTellAgain{1};

Error failure(ErrorKind kind, const std::string& context) {
  return {kind, context, std::generic_category().message(errno)};
}

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  int get() const { return number_; }
  int release() { return std::exchange(number_, -1); }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

/// Where a server holds its one long frame: those that many send at once must not add up.
class LongFrame {
 public:
  /// Nothing: it was not free in time, or a stop came.
  static std::shared_ptr<const void> wait_for(const std::shared_ptr<LongFrame>& here, SteadyClock::time_point deadline,
                                              const std::stop_token& stop) {
    std::unique_lock lock(here->mutex_);
    if (!here->changed_.wait_until(lock, stop, deadline, [&here] { return !here->is_taken_; })) return nullptr;
    here->is_taken_ = true;
    return {here.get(), [here](const LongFrame*) { here->leave(); }};
  }

 private:
  void leave() {
    const std::lock_guard lock(mutex_);
    is_taken_ = false;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool is_taken_ = false;
};

/// 0 where it has ended: its number may be another's by now. Kernels before 6.5 cannot say.
std::uint64_t start_of_peer(int socket, pid_t process) {
  constexpr int kPeerPidFd = 77;  // SO_PEERPIDFD: not in the headers of Debian 12
  const auto started = process_start(process);
  int number = -1;
  socklen_t length = sizeof number;
  if (::getsockopt(socket, SOL_SOCKET, kPeerPidFd, &number, &length) != 0) return errno == ENOPROTOOPT ? started : 0;
  const Descriptor handle(number);
  pollfd ended{handle.get(), POLLIN, 0};
  return ::poll(&ended, 1, 0) == 0 ? started : 0;
}

class PosixLocalConnection final : public LocalConnection {
 public:
  /// `long_frame`: of the server; nothing where the other side is one.
  explicit PosixLocalConnection(Descriptor socket, std::shared_ptr<LongFrame> long_frame = nullptr)
      : socket_(std::move(socket)), long_frame_(std::move(long_frame)) {
    ucred who{};
    socklen_t length = sizeof who;
    // A failure leaves "nobody": such a peer may do nothing.
    peer_.user = 65534;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &who, &length) == 0) peer_ = {who.uid, who.pid};
    peer_.started = start_of_peer(socket_.get(), who.pid);
  }

  PeerIdentity peer() const override { return peer_; }
  const LocalTerms& terms() const override { return terms_; }
  void grant(LocalTerms terms) { terms_ = std::move(terms); }

  Result<void> send(std::string_view text, const std::filesystem::path* file) override {
    if (text.size() > kLongestLocalFrame.count)
      return Error{ErrorKind::invalid, "send a local frame", "too long", "too_long"};
    Descriptor carried;
    if (file != nullptr) {
      carried = Descriptor(::open(file->c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!carried)
        return failure(errno == ENOENT ? ErrorKind::not_found : ErrorKind::denied, "open " + file->string());
    }
    const auto length = static_cast<std::uint32_t>(text.size());
    std::string frame{static_cast<char>(length >> 24U), static_cast<char>(length >> 16U),
                      static_cast<char>(length >> 8U), static_cast<char>(length)};
    frame += text;
    return send_all(frame, carried.get());
  }

  Result<LocalFrame> receive(std::chrono::milliseconds limit, std::stop_token stop) override {
    const auto deadline = SteadyClock::now() + limit;
    std::array<unsigned char, 4> head{};
    Descriptor carried;
    UPSWARM_CHECK(receive_all(std::as_writable_bytes(std::span(head)), deadline, stop, carried));
    const auto length =
        std::uint32_t{head[0]} << 24U | std::uint32_t{head[1]} << 16U | std::uint32_t{head[2]} << 8U | head[3];
    if (length > terms_.longest_frame.count) {
      return Error{ErrorKind::corrupt, "receive a local frame",
                   "longer than the " + to_string(terms_.longest_frame) + " that are granted to " + terms_.kind,
                   "too_long"};
    }
    LocalFrame frame;
    if (long_frame_ && length > kSmallLocalFrame.count) {
      frame.place = LongFrame::wait_for(long_frame_, deadline, stop);
      if (!frame.place) return Error{ErrorKind::busy, "receive a local frame", "another long one is not answered yet"};
      frame.text.reserve(length);  // or it would be there twice whenever it grows
    }
    // Grows as bytes come: a length alone must not make us allocate.
    while (frame.text.size() < length) {
      const auto had = frame.text.size();
      frame.text.resize(std::min<std::size_t>(length, had + 64 * 1024));
      auto space = std::as_writable_bytes(std::span(frame.text).subspan(had));
      UPSWARM_CHECK(receive_all(space, deadline, stop, carried));
    }
    if (!carried) return frame;
    const auto fit = check_local_file(carried.get());
    if (fit) frame.file = adopt_input_file(carried.release());
    else frame.refused = fit.error();
    return frame;
  }

  bool is_gone() const override {
    pollfd look{socket_.get(), POLLRDHUP, 0};
    return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
  }

 private:
  Result<void> send_all(std::string_view bytes, int carried) {
    const auto deadline = SteadyClock::now() + kSendLimit;
    while (!bytes.empty()) {
      const auto count = send_some(bytes, carried);
      if (count < 0 && errno != EINTR && errno != EAGAIN) return failure(ErrorKind::unreachable, "send a local frame");
      if (count > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
        carried = -1;
        continue;
      }
      if (SteadyClock::now() > deadline)
        return Error{ErrorKind::unreachable, "send a local frame", "the other side does not read"};
      pollfd wait{socket_.get(), POLLOUT, 0};
      ::poll(&wait, 1, static_cast<int>(kLookAround.count()));
    }
    return {};
  }

  ssize_t send_some(std::string_view bytes, int carried) {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT: sendmsg's type
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (carried >= 0) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      auto* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(header), &carried, sizeof carried);
    }
    return ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  Result<void> receive_all(std::span<std::byte> space, SteadyClock::time_point deadline, const std::stop_token& stop,
                           Descriptor& carried) {
    while (!space.empty()) {
      if (stop.stop_requested()) return Error{ErrorKind::cancelled, "receive a local frame", "stopped"};
      const auto count = receive_some(space, carried);
      if (count == 0) return Error{ErrorKind::unreachable, "receive a local frame", "the other side is gone"};
      if (count > 0) {
        space = space.subspan(static_cast<std::size_t>(count));
        continue;
      }
      if (errno != EINTR && errno != EAGAIN) return failure(ErrorKind::unreachable, "receive a local frame");
      if (SteadyClock::now() > deadline)
        return Error{ErrorKind::unreachable, "receive a local frame", "the other side is silent"};
      pollfd wait{socket_.get(), POLLIN, 0};
      ::poll(&wait, 1, static_cast<int>(kLookAround.count()));
    }
    return {};
  }

  ssize_t receive_some(std::span<std::byte> space, Descriptor& carried) {
    iovec part{space.data(), space.size()};
    msghdr message{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    // Without room for descriptors the kernel drops them. Closing one here could wait for a file system of its owner's.
    if (terms_.files) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
    }
    const auto count = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (count < 0) return count;
    for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
      if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
      // The padding of `control` has room for a second descriptor; one that nobody closes would be ours for ever.
      const auto numbers = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < numbers; ++i) {
        int number = -1;
        std::memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
        carried = Descriptor(number);
      }
    }
    return count;
  }

  Descriptor socket_;
  std::shared_ptr<LongFrame> long_frame_;
  PeerIdentity peer_;
  LocalTerms terms_;
};

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto text = path.string();
  if (text.size() >= sizeof address.sun_path) {
    return Error{ErrorKind::invalid, "local socket " + text,
                 "the path is longer than " + std::to_string(sizeof address.sun_path - 1) + " bytes"};
  }
  std::memcpy(address.sun_path, text.c_str(), text.size() + 1);
  return address;
}

class PosixLocalServer final : public LocalServer {
 public:
  /// `wake`: an eventfd.
  PosixLocalServer(Descriptor socket, Descriptor wake, std::filesystem::path path)
      : socket_(std::move(socket)), wake_(std::move(wake)), path_(std::move(path)) {}
  ~PosixLocalServer() override { ::unlink(path_.c_str()); }

  void run(const Serve& serve, const Admit& admit, std::stop_token stop) override {
    std::vector<Conversation> conversations;
    const std::stop_callback wake(stop, [this] { (void)::eventfd_write(wake_.get(), 1); });
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> wait{{{socket_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
      if (::poll(wait.data(), wait.size(), -1) <= 0 || wait[0].revents == 0) continue;
      Descriptor accepted(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!accepted) {
        // Out of descriptors, poll() would call at once again: let conversations end first.
        if (errno == EMFILE || errno == ENFILE) ::poll(nullptr, 0, static_cast<int>(kLookAround.count()));
        continue;
      }
      auto connection = std::make_unique<PosixLocalConnection>(std::move(accepted), long_frame_);
      auto terms = admit(connection->peer());
      std::erase_if(conversations, [](const auto& one) { return one.ended->load(); });
      const auto of_its_kind = std::ranges::count(conversations, terms.kind, &Conversation::kind);
      if (static_cast<std::size_t>(of_its_kind) >= terms.most) {
        refuse(*connection, terms);
        continue;
      }
      auto kind = terms.kind;
      connection->grant(std::move(terms));
      auto ended = std::make_shared<std::atomic<bool>>(false);
      conversations.push_back({std::jthread([&serve, stop, ended, held = std::move(connection)]() mutable {
                                 serve(*held, stop);
                                 ended->store(true);
                                 held.reset();
                               }),
                               ended, std::move(kind)});
    }
  }

 private:
  struct Conversation {
    std::jthread thread;
    std::shared_ptr<std::atomic<bool>> ended;
    std::string kind;
  };

  /// Says so now and then: who fills a server must not fill its log.
  void refuse(const LocalConnection& connection, const LocalTerms& terms) {
    auto& told = told_[terms.kind];
    ++told.refused;
    const auto now = SteadyClock::now();
    if (told.refused > 1 && now - told.at < kTellAgain) return;
    log::warning("local connection refused: too many at once", {{"socket", path_.string()},
                                                                {"of", terms.kind},
                                                                {"most", terms.most},
                                                                {"user", connection.peer().user},
                                                                {"refused", told.refused}});
    told.at = now;
  }
  struct Told {
    std::uint64_t refused = 0;
    SteadyClock::time_point at;
  };

  Descriptor socket_;
  Descriptor wake_;
  std::filesystem::path path_;
  std::shared_ptr<LongFrame> long_frame_ = std::make_shared<LongFrame>();
  std::map<std::string, Told> told_;  ///< by kind
};

}  // namespace

Result<std::unique_ptr<LocalConnection>> connect_local(const std::filesystem::path& path) {
  UPSWARM_TRY(const auto address, address_of(path));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return failure(ErrorKind::internal, "make a socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failure(errno == EACCES ? ErrorKind::denied : ErrorKind::unreachable, "connect to " + path.string());
  }
  return std::unique_ptr<LocalConnection>(std::make_unique<PosixLocalConnection>(std::move(socket)));
}

Result<std::unique_ptr<LocalServer>> listen_local(const std::filesystem::path& path, std::uint32_t mode) {
  UPSWARM_TRY(const auto address, address_of(path));
  if (connect_local(path)) return Error{ErrorKind::busy, "listen on " + path.string(), "another program listens there"};
  struct stat left_over {};
  if (::lstat(path.c_str(), &left_over) == 0 && S_ISSOCK(left_over.st_mode)) ::unlink(path.c_str());
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return failure(ErrorKind::internal, "make a socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return failure(errno == EADDRINUSE ? ErrorKind::busy : ErrorKind::denied, "listen on " + path.string());
  }
  if (::chmod(path.c_str(), mode) != 0 || ::listen(socket.get(), 64) != 0)
    return failure(ErrorKind::denied, "listen on " + path.string());
  Descriptor wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return failure(ErrorKind::internal, "make an event");
  return std::unique_ptr<LocalServer>(std::make_unique<PosixLocalServer>(std::move(socket), std::move(wake), path));
}

}  // namespace upswarm
