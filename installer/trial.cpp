#include "installer/trial.hpp"

#include <algorithm>
#include <charconv>

namespace upswarm::installer {
namespace {

constexpr std::size_t kLongestName = 128;

/// As a name of one folder, which it becomes.
bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && !name.starts_with('.') &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < '\x7f' && c != '/'; });
}

/// Takes "NAME VALUE\n" off the front of `text`.
std::optional<std::string> take(std::string_view& text, std::string_view name) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(name) || text.substr(name.size(), 1) != " ")
    return std::nullopt;
  std::string value(text.substr(name.size() + 1, end - name.size() - 1));
  text.remove_prefix(end + 1);
  return value;
}

/// Where a count is written beforehand.
Path count_of(const Path& file, int count) { return file.string() + "." + std::to_string(count); }

}  // namespace

std::string text_of(const Trial& trial) {
  return "upswarm-trial 1\nprevious " + trial.previous + "\ntrying " + trial.trying + "\nstarts " +
         std::to_string(trial.starts) + "\n";
}

Result<Trial> parse_trial(std::string_view text) {
  const Error strange{ErrorKind::corrupt, "read what is on trial", "it is no such file"};
  const auto format = take(text, "upswarm-trial");
  const auto previous = take(text, "previous");
  const auto trying = take(text, "trying");
  const auto starts = take(text, "starts");
  if (!format || *format != "1" || !previous || !trying || !starts || !text.empty()) return strange;
  if (!is_name(*previous) || !is_name(*trying) || *previous == *trying) return strange;
  Trial trial{.previous = *previous, .trying = *trying, .starts = 0};
  const auto* const end = starts->data() + starts->size();
  const auto [stop, error] = std::from_chars(starts->data(), end, trial.starts);
  if (error != std::errc{} || stop != end || trial.starts < 0 || trial.starts > kMostStarts) return strange;
  return trial;
}

Result<std::optional<Trial>> read_trial(Files& files, const Path& file) {
  const auto text = read_file(files, file, kLongestTrial);
  if (!text && text.error().kind == ErrorKind::not_found) return std::optional<Trial>();
  UPSWARM_CHECK(text);
  UPSWARM_TRY(auto trial, parse_trial(*text));
  return std::optional(std::move(trial));
}

Result<void> begin_trial(Files& files, const Path& file, const std::string& previous, const std::string& trying) {
  Trial trial{.previous = previous, .trying = trying, .starts = 0};
  for (int count = 1; count <= kMostStarts; ++count) {
    trial.starts = count;
    UPSWARM_CHECK(write_file_atomically(files, count_of(file, count), text_of(trial), 0600));
  }
  trial.starts = 0;
  return write_file_atomically(files, file, text_of(trial), 0600);
}

Result<void> count_start(Files& files, const Path& file, const Trial& trial) {
  const auto count = count_of(file, trial.starts);
  const auto written = read_file(files, count, kLongestTrial);
  if (!written || *written != text_of(trial)) return write_file_atomically(files, file, text_of(trial), 0600);
  UPSWARM_CHECK(files.rename(count, file));
  return files.sync_folder(file.parent_path());
}

Result<void> end_trial(Files& files, const Path& file) {
  UPSWARM_TRY(const auto there, exists(files, file));
  if (!there) return {};
  UPSWARM_CHECK(files.remove_file(file));
  for (int count = 1; count <= kMostStarts; ++count)
    ignore_failure(files.remove_file(count_of(file, count)), "no trial takes what is of another one");
  return files.sync_folder(file.parent_path());
}

}  // namespace upswarm::installer
