// "I run": the word of the product itself, given by `upswarm confirm`.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "installer/release_runner.hpp"

namespace upswarm::installer {

/// One-time tokens by product. A token is written to FOLDER/<product>.env as UPSWARM_TOKEN=..., 0600 root, for a
/// service manager to put into the product's start environment. Any thread.
class TokenConfirmations final : public Confirmations {
 public:
  TokenConfirmations(Files& files, Path folder) : files_(files), folder_(std::move(folder)) {}

  Result<void> expect(const std::string& product, const std::string& account) override;
  bool is_confirmed(const std::string& product) override;

  /// `user` is who the kernel says asks.
  /// Errors: not_found  nothing is being awaited; denied  another account, or another token.
  Result<void> confirm(const std::string& product, const std::string& token, std::uint32_t user);

 private:
  struct Awaited {
    std::string token;
    std::uint32_t user = 0;
    bool confirmed = false;
  };

  Files& files_;
  Path folder_;
  std::mutex mutex_;
  std::map<std::string, Awaited> awaited_;
};

}  // namespace upswarm::installer
