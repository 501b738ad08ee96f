#include "seeder/publish/passphrase.hpp"

#include <cstdlib>

#include "protocol/base/terminal.hpp"

namespace upswarm::publish {
namespace {

constexpr Bytes kLongestSecretFile = 4_KiB;
constexpr const char* kVariable = "UPSWARM_PASSPHRASE";

Result<std::string> ask(bool is_new) {
  auto first = ask_secret("Passphrase of the offline keys: ");
  if (!first) {
    return Error{ErrorKind::denied,
                 "ask for the passphrase of the offline keys (--passphrase-file, UPSWARM_PASSPHRASE)",
                 first.error().cause, "passphrase"};
  }
  if (!is_new) return first;
  UPSWARM_TRY(const auto second, ask_secret("The same again: "));
  if (*first != second) return Error{ErrorKind::invalid, "choose a passphrase", "the two are not the same"};
  return first;
}

Result<std::string> from_source(Files& files, const Path& file, bool is_new) {
  if (!file.empty()) return read_secret_line(files, file);
  const char* variable = std::getenv(kVariable);  // NOLINT(concurrency-mt-unsafe): nobody sets variables here
  if (variable != nullptr) return std::string(variable);
  return ask(is_new);
}

}  // namespace

Result<std::string> read_secret_line(Files& files, const Path& file) {
  UPSWARM_TRY(const auto text, read_file(files, file, kLongestSecretFile));
  constexpr const char* kSpace = " \t\r\n";
  const auto line = text.substr(0, text.find('\n'));
  const auto first = line.find_first_not_of(kSpace);
  if (first == std::string::npos) return Error{ErrorKind::invalid, "read " + file.string(), "its first line is empty"};
  return line.substr(first, line.find_last_not_of(kSpace) - first + 1);
}

Result<std::string> obtain_passphrase(Files& files, const Path& file, bool is_new) {
  UPSWARM_TRY(auto passphrase, from_source(files, file, is_new));
  if (passphrase.empty()) return Error{ErrorKind::invalid, "read the passphrase", "it is empty", "passphrase"};
  if (is_new && passphrase.size() < kShortestPassphrase) {
    return Error{ErrorKind::invalid, "choose a passphrase",
                 "it needs at least " + std::to_string(kShortestPassphrase) + " characters", "passphrase"};
  }
  return passphrase;
}

}  // namespace upswarm::publish
