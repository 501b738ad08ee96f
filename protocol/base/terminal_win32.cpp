#include <io.h>
#include <windows.h>

#include "protocol/base/terminal.hpp"

namespace upswarm {

bool is_terminal_error() { return _isatty(2) != 0; }
bool is_terminal_output() { return _isatty(1) != 0; }

Result<std::string> ask_secret(const std::string& prompt) {
  const HANDLE console =
      CreateFileA("CONIN$", GENERIC_READ | GENERIC_WRITE, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr);
  if (console == INVALID_HANDLE_VALUE) {
    return Error{ErrorKind::denied, "ask for " + prompt, "there is no console; give a file or an environment variable"};
  }
  DWORD before = 0;
  GetConsoleMode(console, &before);
  SetConsoleMode(console, before & ~static_cast<DWORD>(ENABLE_ECHO_INPUT));
  std::string secret;
  char c = 0;
  for (DWORD count = 0; ReadFile(console, &c, 1, &count, nullptr) != 0 && count == 1 && c != '\n';) {
    if (c != '\r') secret.push_back(c);
  }
  SetConsoleMode(console, before);
  CloseHandle(console);
  return secret;
}

}  // namespace upswarm
