#include "installer/confirmations.hpp"

#include <algorithm>
#include <limits>

#include "installer/guard.hpp"
#include "installer/program_of.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/json.hpp"
#include "protocol/base/log.hpp"
#include "protocol/base/process.hpp"

namespace upswarm::installer {
namespace {

constexpr Bytes kLongestAwaited = 16_KiB;

Result<std::uint32_t> user_of(const Expectation& from) {
  if (from.account.empty()) return own_user();
  auto user = user_id_of(from.account);
  if (user) return user;
  return Error{ErrorKind::denied, "await a confirmation", user.error().message(), "no_account"};
}

}  // namespace

TokenConfirmations::TokenConfirmations(Files& files, Path folder, ProgramOf program_of)
    : files_(files), folder_(std::move(folder)), program_of_(std::move(program_of)) {}

Result<void> TokenConfirmations::expect(const std::string& product, const Expectation& from) {
  const auto token = to_hex(random_bytes(16));
  Awaited awaited{.token = sha256(token), .programs = from.programs.string()};
  UPSWARM_TRY(awaited.user, user_of(from));
  const std::lock_guard lock(mutex_);
  awaited_.erase(product);
  UPSWARM_CHECK(keep(product, awaited));
  UPSWARM_CHECK(write_file_atomically(files_, folder_ / (product + ".env"), "UPSWARM_TOKEN=" + token + "\n", 0600));
  awaited_[product] = std::move(awaited);
  return {};
}

Result<bool> TokenConfirmations::resume(const std::string& product, const Expectation& from) {
  UPSWARM_TRY(const auto user, user_of(from));
  {
    const std::lock_guard lock(mutex_);
    const auto* const kept = find(product);
    if (kept != nullptr && kept->user == user && kept->programs == from.programs.string()) return false;
  }
  UPSWARM_CHECK(expect(product, from));
  return true;
}

bool TokenConfirmations::is_confirmed(const std::string& product) {
  const std::lock_guard lock(mutex_);
  const auto* const found = find(product);
  return found != nullptr && found->confirmed;
}

void TokenConfirmations::forget(const std::string& product) {
  const std::lock_guard lock(mutex_);
  awaited_.erase(product);
  ignore_failure(files_.remove_file(file_of(product)), "the next probation writes it anew");
}

bool TokenConfirmations::is_awaited_from(std::uint32_t user) const {
  const std::lock_guard lock(mutex_);
  return std::ranges::any_of(awaited_,
                             [user](const auto& one) { return one.second.user == user && !one.second.confirmed; });
}

Result<void> TokenConfirmations::confirm(const std::string& product, const std::string& token,
                                         const PeerIdentity& peer) {
  const auto doing = "confirm " + product;
  const std::lock_guard lock(mutex_);
  auto* const found = find(product);
  if (found == nullptr) return Error{ErrorKind::not_found, doing, "no confirmation is being awaited"};
  if (found->user != peer.user) return Error{ErrorKind::denied, doing, "another account must confirm"};
  // Digests are compared, so that the time it takes says nothing about the token.
  if (found->token != sha256(token)) return Error{ErrorKind::denied, doing, "the token is not the one of this start"};
  if (!found->programs.empty()) {
    const auto program = program_of_(peer);
    if (!program) return Error{ErrorKind::denied, doing, program.error().message()};
    if (!is_below(*program, found->programs) || was_replaced(*program))
      return Error{ErrorKind::denied, doing, program->string() + " is no program of the release"};
  }
  auto confirmed = *found;
  confirmed.confirmed = true;
  UPSWARM_CHECK(keep(product, confirmed));
  *found = std::move(confirmed);
  return {};
}

Result<TokenConfirmations::Awaited> TokenConfirmations::parse(std::string_view text, const std::string& what) {
  UPSWARM_TRY(const auto json, parse_json(text, what, {.longest = kLongestAwaited, .deepest = 2}));
  ObjectReader in(json, what);
  Awaited awaited;
  in.integer("format", 1, 1);
  awaited.token = in.parsed("token", parse_sha256).value_or(Sha256{});
  awaited.user = static_cast<std::uint32_t>(in.integer("user", 0, std::numeric_limits<std::uint32_t>::max()));
  awaited.programs = in.text("programs");
  awaited.confirmed = in.boolean("confirmed");
  UPSWARM_CHECK(in.finish());
  return awaited;
}

Result<void> TokenConfirmations::keep(const std::string& product, const Awaited& awaited) {
  const Json json{{"format", 1},
                  {"token", awaited.token.hex()},
                  {"user", awaited.user},
                  {"programs", awaited.programs},
                  {"confirmed", awaited.confirmed}};
  return write_file_atomically(files_, file_of(product), to_text(json), 0600);
}

/// In memory, else what a run of the installer before this one kept. A file that is no such file counts as none.
TokenConfirmations::Awaited* TokenConfirmations::find(const std::string& product) {
  if (const auto found = awaited_.find(product); found != awaited_.end()) return &found->second;
  const auto text = read_file(files_, file_of(product), kLongestAwaited);
  if (!text) return nullptr;
  auto awaited = parse(*text, file_of(product).string());
  if (awaited) return &(awaited_[product] = *std::move(awaited));
  log::warning("what was awaited cannot be read", {{"product", product}, {"error", awaited.error().message()}});
  return nullptr;
}

}  // namespace upswarm::installer
