// "I run": the word of the product itself, given by `upswarm confirm`.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "installer/release_runner.hpp"
#include "protocol/base/local_socket.hpp"

namespace upswarm::installer {

/// One-time tokens by product. A token is written to FOLDER/<product>.env as UPSWARM_TOKEN=..., for a service manager
/// to put into the product's start environment. Beside it, in FOLDER/<product>.awaited, is what a restart of the
/// installer must not lose: the token's digest, who may confirm, and whether he did. Both 0600. Any thread.
class TokenConfirmations final : public Confirmations {
 public:
  using ProgramOf = std::function<Result<Path>(const PeerIdentity& peer)>;
  /// `files` must outlive the object. `program_of` tells the program of who confirms (program_of.hpp).
  TokenConfirmations(Files& files, Path folder, ProgramOf program_of);

  Result<void> expect(const std::string& product, const Expectation& from) override;
  Result<bool> resume(const std::string& product, const Expectation& from) override;
  bool is_confirmed(const std::string& product) override;
  void forget(const std::string& product) override;

  /// Whether `user` has yet to confirm anything, as far as it was asked about since this program began.
  bool is_awaited_from(std::uint32_t user) const;

  /// `peer` is who the kernel says asks. After success the confirmation survives a restart.
  /// Errors: not_found  nothing is being awaited; denied  another account or program, or another token; disk.
  Result<void> confirm(const std::string& product, const std::string& token, const PeerIdentity& peer);

 private:
  struct Awaited {
    Sha256 token;
    std::uint32_t user = 0;
    std::string programs;  ///< folder that the program must be in; empty: any
    bool confirmed = false;
  };

  static Result<Awaited> parse(std::string_view text, const std::string& what);
  Path file_of(const std::string& product) const { return folder_ / (product + ".awaited"); }
  Result<void> keep(const std::string& product, const Awaited& awaited);
  Awaited* find(const std::string& product);

  Files& files_;
  Path folder_;
  ProgramOf program_of_;
  mutable std::mutex mutex_;
  std::map<std::string, Awaited> awaited_;
};

}  // namespace upswarm::installer
