#include "installer/foreign.hpp"

#include "installer/last_words.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

constexpr std::size_t kReadBuffer = 256 * 1024;
constexpr std::string_view kBlanks = " \t\r\n";

std::string replaced(std::string text, std::string_view what, const std::string& by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

/// The version first: a folder's name may look like a placeholder, a version cannot.
std::string filled_in(std::string text, const RunContext& context) {
  return replaced(replaced(std::move(text), "{version}", context.version), "{release}", context.release.string());
}

trust::Command filled_in(trust::Command command, const RunContext& context) {
  for (auto& word : command.argv) word = filled_in(std::move(word), context);
  return command;
}

std::string_view trimmed(std::string_view text) {
  const auto from = text.find_first_not_of(kBlanks);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

Result<Sha256> digest_of(InputFile& file, const std::stop_token& stop) {
  Sha256Hasher hasher;
  ByteBuffer buffer(kReadBuffer);
  for (Bytes at;;) {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "look at what is installed", "stopped"};
    UPSWARM_TRY(const auto count, file.read_at(at, buffer));
    if (count == 0) return hasher.finish();
    hasher.update(ByteView(buffer).first(count));
    at += Bytes{count};
  }
}

}  // namespace

Result<bool> ForeignInstaller::is_installed(const ForeignRelease& release, const std::stop_token& stop) {
  const auto& rule = release.foreign.detection;
  if (rule.kind == trust::Detection::Kind::file) {
    const auto file = files_.open(rule.path);
    if (!file && file.error().kind == ErrorKind::not_found) return false;
    if (!file) return file.error();
    UPSWARM_TRY(const auto digest, digest_of(**file, stop));
    return digest == rule.sha256;
  }
  const auto outcome = runner_.run_program(filled_in(rule.command, release.context), release.context, stop);
  const auto is_missing = [](const Error& error) {
    return error.kind == ErrorKind::invalid || (error.kind == ErrorKind::not_found && error.reason != "no_account");
  };
  if (!outcome && is_missing(outcome.error())) return false;
  if (!outcome) return outcome.error();
  // What it warns of on standard error is no answer.
  const bool is_found = outcome->succeeded() &&
                        (!rule.output || trimmed(outcome->output) == trimmed(filled_in(*rule.output, release.context)));
  if (!is_found) {
    log::info(
        "a detection rule does not find the release",
        {{"product", release.context.product}, {"version", release.context.version}, {"said", last_words(*outcome)}});
  }
  return is_found;
}

Result<bool> ForeignInstaller::is_settled(const ForeignRelease& release, const std::optional<ForeignRelease>& other,
                                          const std::stop_token& stop) {
  UPSWARM_TRY(const bool is_there, is_installed(release, stop));
  if (!is_there || !other) return is_there;
  UPSWARM_TRY(const bool is_other_there, is_installed(*other, stop));
  return !is_other_there;
}

Result<bool> ForeignInstaller::install(const ForeignRelease& release, const std::stop_token& stop) {
  const auto& context = release.context;
  const auto doing = "install the package of " + context.product + " " + context.version + " by its own installer";
  auto outcome = runner_.run_program(filled_in(release.foreign.install, context), context, stop);
  if (!outcome) {
    auto error = std::move(outcome).error().within(doing);
    if (error.kind == ErrorKind::not_found)
      error.kind = error.reason == "no_account" ? ErrorKind::denied : ErrorKind::invalid;
    return error;
  }
  const auto& codes = release.foreign.exit_codes;
  const auto found = codes.find(outcome->exit_code);
  const bool is_known = !outcome->timed_out && (found != codes.end() || outcome->exit_code == 0);
  if (!is_known) return Error{ErrorKind::invalid, doing, last_words(*outcome)};
  const auto meaning = found == codes.end() ? trust::ExitMeaning::done : found->second;
  if (meaning == trust::ExitMeaning::retry)
    return Error{ErrorKind::busy, doing, "it says that it cannot now: " + last_words(*outcome), kNotNow};
  UPSWARM_TRY(const bool is_there, is_installed(release, stop));
  if (!is_there)
    return Error{ErrorKind::invalid, doing, "it ended well, and something else is installed: " + last_words(*outcome)};
  return meaning == trust::ExitMeaning::reboot;
}

}  // namespace upswarm::installer
