// Conversations between programs on one machine: frames of text over a local socket.
//
// A frame is a 32-bit big-endian length and that many bytes (one JSON object). A frame may carry one open file.
//   Linux    Unix stream socket; who is there comes from the kernel (SO_PEERCRED), files by SCM_RIGHTS.
//   Windows  comes with the Windows services.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "protocol/base/files.hpp"
#include "protocol/base/result.hpp"

namespace upswarm {

inline constexpr Bytes kLongestLocalFrame = 12_MiB;  ///< in base64, 9 MiB of metadata
/// Of longer ones a server holds one at a time, over all its conversations, from its first byte to the end of its
/// answer.
inline constexpr Bytes kSmallLocalFrame = 64_KiB;

/// Who is at the other end, from the kernel.
struct PeerIdentity {
  std::uint32_t user = 0;
  std::int64_t process = 0;
  std::uint64_t started = 0;  ///< process_start (process.hpp) of it, when the conversation began; 0: not known
};

/// What a server grants to peers of one kind. It goes by their account alone, before a byte of theirs is read.
struct LocalTerms {
  std::string kind = "everybody";                           ///< its peers share `most`
  std::size_t most = 0;                                     ///< conversations at once; a further one is closed unheard
  Bytes longest_frame = kLongestLocalFrame;                 ///< that they may send
  std::chrono::milliseconds idle{std::chrono::minutes(5)};  ///< within which a question must come, and be whole
  bool files = true;                                        ///< that they may hand over; else they never arrive
};

struct LocalFrame {
  std::string text;
  std::unique_ptr<InputFile> file;    ///< what came along, if anything did that check_local_file takes
  std::optional<Error> refused;       ///< why it does not
  std::shared_ptr<const void> place;  ///< of a long frame: for as long as it is held, no other is received
};

/// One conversation. Not for use by two threads at once.
class LocalConnection {
 public:
  virtual ~LocalConnection() = default;
  virtual PeerIdentity peer() const = 0;
  /// What the server granted; the widest where we opened the conversation.
  virtual const LocalTerms& terms() const = 0;
  /// `file`: the path of a file to open and hand over, readable by us.
  /// Errors: unreachable  the other side is gone or does not read; not_found, denied  the file.
  virtual Result<void> send(std::string_view text, const std::filesystem::path* file = nullptr) = 0;
  /// Errors: unreachable  the other side is gone, or silent for `limit`; corrupt (too_long)  for terms(); cancelled;
  ///         busy  another long frame was not answered within `limit`.
  virtual Result<LocalFrame> receive(std::chrono::milliseconds limit, std::stop_token stop) = 0;
  /// Whether the other side has closed its end. At once; a question of it that was not received yet changes nothing.
  virtual bool is_gone() const = 0;
};

/// Errors: unreachable  nobody listens there; denied.
Result<std::unique_ptr<LocalConnection>> connect_local(const std::filesystem::path& socket);

/// Listens, and serves each connection on a thread of its own.
class LocalServer {
 public:
  virtual ~LocalServer() = default;
  using Serve = std::function<void(LocalConnection&, std::stop_token)>;
  using Admit = std::function<LocalTerms(const PeerIdentity&)>;
  /// Serves whom `admit` admits until `stop`, then waits for the conversations to end. To be called once.
  virtual void run(const Serve& serve, const Admit& admit, std::stop_token stop) = 0;
};

/// `mode`: permission bits of the socket (0666 where every user may talk; the identity of each is checked per request).
/// A left-over socket of a dead program is replaced; one that somebody listens on is not.
/// Errors: busy  another program listens; denied; disk.
Result<std::unique_ptr<LocalServer>> listen_local(const std::filesystem::path& socket, std::uint32_t mode);

}  // namespace upswarm
