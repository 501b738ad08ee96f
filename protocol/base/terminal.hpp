// The terminal, where there is one.
#pragma once

#include <string>

#include "protocol/base/result.hpp"

namespace upswarm {

bool is_terminal_error();   ///< standard error is a terminal
bool is_terminal_output();  ///< standard output is a terminal

/// Asks for a secret without showing it.   Errors: denied  there is no terminal to ask at.
Result<std::string> ask_secret(const std::string& prompt);

/// Asks for a word that may be seen.   Errors: denied  there is no terminal to ask at.
Result<std::string> ask_line(const std::string& prompt);

}  // namespace upswarm
