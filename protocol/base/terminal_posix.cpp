#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include "protocol/base/terminal.hpp"

namespace upswarm {

bool is_terminal_error() { return ::isatty(STDERR_FILENO) == 1; }
bool is_terminal_output() { return ::isatty(STDOUT_FILENO) == 1; }

namespace {

Result<std::string> ask(const std::string& prompt, bool is_shown) {
  const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (terminal < 0)
    return Error{ErrorKind::denied, "ask for " + prompt,
                 "there is no terminal; give a file or an environment variable"};
  termios before{};
  ::tcgetattr(terminal, &before);
  auto silent = before;
  if (!is_shown) silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(terminal, TCSAFLUSH, &silent);
  const std::string question = prompt + ": ";
  static_cast<void>(!::write(terminal, question.data(), question.size()));
  std::string secret;
  for (char c = 0; ::read(terminal, &c, 1) == 1 && c != '\n';) secret.push_back(c);
  ::tcsetattr(terminal, TCSAFLUSH, &before);
  if (!is_shown) static_cast<void>(!::write(terminal, "\n", 1));
  ::close(terminal);
  return secret;
}

}  // namespace

Result<std::string> ask_secret(const std::string& prompt) { return ask(prompt, false); }
Result<std::string> ask_line(const std::string& prompt) { return ask(prompt, true); }

}  // namespace upswarm
