// How an installed tree compares with what was signed: the answer to `verify` and `repair` (installer_messages.hpp).
#pragma once

#include <string>
#include <vector>

#include "protocol/base/json.hpp"
#include "protocol/base/units.hpp"

namespace upswarm::messages {

inline constexpr std::size_t kMostToldDamage = 100;  ///< the rest is only counted

enum class DamageKind {
  altered,  ///< other bytes, another type, or a link that leads elsewhere; also what cannot be read
  missing,
  extra,  ///< it does not belong there, or a file system is mounted there; of a folder with all in it, once
  mode,   ///< other rights, or of a folder another owner, and nothing else
};

std::string_view to_string(DamageKind kind);

struct Damage {
  DamageKind kind = DamageKind::altered;
  std::string path = {};  ///< in the tree; ".": its folder
  std::string how = {};   ///< for people
};

struct Verification {
  std::string product = {};
  std::string version = {};         ///< empty: nothing is installed
  std::string link = {};            ///< what is wrong with `current`; empty: nothing
  bool is_list_lost = false;        ///< the installer's list of the tree is gone: nothing was compared
  std::vector<Damage> damage = {};  ///< the first kMostToldDamage, by path
  std::vector<std::int64_t> counts = std::vector<std::int64_t>(4);  ///< of all, by kind
  bool needs_package = false;                                       ///< something must be fetched, or the list
  Bytes read;                                                       ///< of files
  Bytes to_fetch;                 ///< of files, not compressed: what must be fetched is at most that
  std::int64_t last_outcome = 0;  ///< of this product, when the question was answered

  bool is_whole() const;
};

Json to_json(const Verification& verification);
/// Errors: corrupt.
Result<Verification> parse_verification(const Json& value);

}  // namespace upswarm::messages
