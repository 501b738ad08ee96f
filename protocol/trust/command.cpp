#include "protocol/trust/command.hpp"

#include <algorithm>

namespace upswarm::trust {
namespace {

constexpr std::size_t kLongestAccount = 64;

}  // namespace

bool is_plain_text(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string duration_text(std::chrono::milliseconds duration) {
  const auto count = duration.count();
  return count % 1000 == 0 ? std::to_string(count / 1000) + "s" : std::to_string(count) + "ms";
}

std::string read_account(ObjectReader& in, std::string_view key) {
  auto account = in.text_or(key, "", kLongestAccount);
  if (!is_plain_text(account)) in.fail(key, "no control characters here");
  return account;
}

Result<Command> read_command(ObjectReader in) {
  Command command;
  in.array("argv", kMostArguments);
  command.argv = in.texts_or_none("argv", kMostArguments, kLongestArguments);
  std::size_t length = 0;
  for (const auto& word : command.argv) length += word.size();
  if (command.argv.empty() || command.argv.front().empty()) in.fail("argv", "a program is wanted");
  if (length > kLongestArguments)
    in.fail("argv", "longer than " + std::to_string(kLongestArguments) + " bytes together");
  // A line break may well stand in an argument; a zero byte would cut it short.
  if (std::ranges::any_of(command.argv, [](const auto& word) { return word.find('\0') != std::string::npos; })) {
    in.fail("argv", "no zero bytes here");
  }
  command.timeout = in.duration_or("timeout", command.timeout, kShortestTime, kLongestCommand);
  command.run_as = read_account(in, "run_as");
  UPSWARM_CHECK(in.finish());
  return command;
}

Json to_json(const Command& command) {
  return {{"argv", command.argv}, {"timeout", duration_text(command.timeout)}, {"run_as", command.run_as}};
}

}  // namespace upswarm::trust
