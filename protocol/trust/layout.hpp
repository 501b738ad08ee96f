// How the tree of a release lies on machines, and, where another program installs it, how that is asked to.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "protocol/base/digest.hpp"
#include "protocol/trust/command.hpp"

namespace upswarm::trust {

/// What an entry's layout may be.
inline constexpr const char* kVersionedLayout = "versioned";  ///< in a folder of its own, and `current` names it
inline constexpr const char* kInPlaceLayout = "in_place";     ///< at fixed paths in ROOT
inline constexpr const char* kForeignLayout = "foreign";      ///< as a package for another installer, beside others

inline constexpr std::size_t kMostExitCodes = 32;
inline constexpr std::size_t kLongestExpected = 256;

/// How to tell whether a release is what is installed.
struct Detection {
  enum class Kind { command, file };
  Kind kind = Kind::command;
  Command command = {};                    ///< for Kind::command: it ends with 0
  std::optional<std::string> output = {};  ///< and, where this is given, prints this, blanks around it apart
  std::string path = {};                   ///< for Kind::file: absolute
  Sha256 sha256 = {};                      ///< of that file
};

/// What an exit code of another installer means. Any that is not named, but 0 (done), has failed.
enum class ExitMeaning {
  done,
  reboot,  ///< done, and the machine should start anew
  retry,   ///< not now: nobody's fault
};

/// A release whose tree holds the package of another installer. In the arguments of its commands `{release}` is the
/// folder of the tree on the machine, `{version}` the version.
struct Foreign {
  Command install;  ///< also to put this release back in place of a later one
  std::map<std::int64_t, ExitMeaning> exit_codes;
  Detection detection;
};

/// Errors: of the kind of `in`.
Result<Foreign> read_foreign(ObjectReader in);
Json to_json(const Foreign& foreign);

}  // namespace upswarm::trust
