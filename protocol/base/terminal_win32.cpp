#include <io.h>
#include <windows.h>

#include "protocol/base/terminal.hpp"

namespace upswarm {

bool is_terminal_error() { return _isatty(2) != 0; }
bool is_terminal_output() { return _isatty(1) != 0; }

namespace {

Result<std::string> ask(const std::string& prompt, bool is_shown) {
  const HANDLE console =
      CreateFileA("CONIN$", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  if (console == INVALID_HANDLE_VALUE) {
    return Error{ErrorKind::denied, "ask for " + prompt, "there is no console; give a file or an environment variable"};
  }
  DWORD before = 0;
  GetConsoleMode(console, &before);
  if (!is_shown) SetConsoleMode(console, before & ~static_cast<DWORD>(ENABLE_ECHO_INPUT));
  const auto question = prompt + ": ";
  static_cast<void>(_write(2, question.data(), static_cast<unsigned>(question.size())));
  std::string secret;
  char c = 0;
  for (DWORD count = 0; ReadFile(console, &c, 1, &count, nullptr) != 0 && count == 1 && c != '\n';) {
    if (c != '\r') secret.push_back(c);
  }
  SetConsoleMode(console, before);
  CloseHandle(console);
  return secret;
}

}  // namespace

Result<std::string> ask_secret(const std::string& prompt) { return ask(prompt, false); }
Result<std::string> ask_line(const std::string& prompt) { return ask(prompt, true); }

}  // namespace upswarm
