#include "installer/confirmations.hpp"

#include "installer/guard.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/process.hpp"

namespace upswarm::installer {

Result<void> TokenConfirmations::expect(const std::string& product, const std::string& account) {
  Awaited awaited;
  awaited.token = to_hex(random_bytes(16));
  awaited.user = own_user();
  if (!account.empty()) {
    UPSWARM_TRY(awaited.user, user_id_of(account));
  }
  UPSWARM_CHECK(
      write_file_atomically(files_, folder_ / (product + ".env"), "UPSWARM_TOKEN=" + awaited.token + "\n", 0600));
  const std::lock_guard lock(mutex_);
  awaited_[product] = std::move(awaited);
  return {};
}

bool TokenConfirmations::is_confirmed(const std::string& product) {
  const std::lock_guard lock(mutex_);
  const auto found = awaited_.find(product);
  return found != awaited_.end() && found->second.confirmed;
}

Result<void> TokenConfirmations::confirm(const std::string& product, const std::string& token, std::uint32_t user) {
  const auto doing = "confirm " + product;
  const std::lock_guard lock(mutex_);
  const auto found = awaited_.find(product);
  if (found == awaited_.end()) return Error{ErrorKind::not_found, doing, "no confirmation is being awaited"};
  if (found->second.user != user) return Error{ErrorKind::denied, doing, "another account must confirm"};
  // Digests are compared, so that the time it takes says nothing about the token.
  if (sha256(found->second.token) != sha256(token))
    return Error{ErrorKind::denied, doing, "the token is not the one of this start"};
  found->second.confirmed = true;
  return {};
}

}  // namespace upswarm::installer
