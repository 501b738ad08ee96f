#include "installer/last_words.hpp"

namespace upswarm::installer {

std::string last_words(const ProcessOutcome& outcome) {
  constexpr std::size_t kWords = 2000;
  auto text = outcome.output;
  if (!text.empty() && text.back() != '\n' && !outcome.errors.empty()) text += '\n';
  text += outcome.errors;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() > kWords) text = "..." + text.substr(text.size() - kWords);
  const auto ended = outcome.timed_out ? std::string("it took too long and was ended")
                                       : "exit code " + std::to_string(outcome.exit_code);
  return text.empty() ? ended : ended + "; its last words: " + text;
}

}  // namespace upswarm::installer
