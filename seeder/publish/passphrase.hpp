// Where the passphrase of the offline keys comes from.
#pragma once

#include <functional>
#include <string>

#include "protocol/base/files.hpp"

namespace upswarm::publish {

inline constexpr std::size_t kShortestPassphrase = 8;  ///< bytes; of new ones

/// Gives the passphrase when it is needed; asked at most once a command.
using PassphraseSource = std::function<Result<std::string>()>;

/// The passphrase: the first line of `file` when one is given, else the environment variable UPSWARM_PASSPHRASE, else
/// what a person types at the terminal (twice when `is_new`).
/// Errors: invalid  empty, or new and shorter than kShortestPassphrase, or typed differently the second time
///         denied   there is no terminal to ask at; as read_file
Result<std::string> obtain_passphrase(Files& files, const Path& file, bool is_new);

/// The first line of a file that holds one secret, without white space at its ends.   Errors: invalid  empty.
Result<std::string> read_secret_line(Files& files, const Path& file);

}  // namespace upswarm::publish
