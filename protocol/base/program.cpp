#include "protocol/base/program.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>

#include "protocol/base/terminal.hpp"

namespace upswarm {
namespace {

constexpr std::array kKinds{ErrorKind::unreachable, ErrorKind::not_found, ErrorKind::invalid, ErrorKind::corrupt,
                            ErrorKind::untrusted,   ErrorKind::no_space,  ErrorKind::disk,    ErrorKind::denied,
                            ErrorKind::busy,        ErrorKind::cancelled, ErrorKind::internal};

}  // namespace

Json to_json(const Error& error) {
  return {
      {"kind", to_string(error.kind)}, {"context", error.context}, {"cause", error.cause}, {"reason", error.reason}};
}

Error read_error(const Json& value) {
  ObjectReader in(value, "error");
  Error error;
  const auto kind = in.text("kind", 40);
  error.context = in.text("context", 64 * 1024);
  error.cause = in.text("cause", 256 * 1024);
  error.reason = in.text("reason", 100);
  const auto* const found = std::ranges::find(kKinds, kind, [](ErrorKind one) { return to_string(one); });
  if (!in.finish() || found == kKinds.end())
    return {ErrorKind::internal, "read the other side's error", "it has an unknown form"};
  error.kind = *found;
  return error;
}

int report_error(const Error& error, bool json) {
  if (json) std::cout << to_text(Json{{"error", to_json(error)}}) << std::endl;
  else std::cerr << "error: " << error.message() << std::endl;
  if (error.kind == ErrorKind::untrusted) return static_cast<int>(ExitCode::untrusted);
  if (error.kind == ErrorKind::invalid) return static_cast<int>(ExitCode::usage);
  return static_cast<int>(ExitCode::failed);
}

ProgressLine::ProgressLine(bool wanted) : shown_(wanted && is_terminal_error()) {}

ProgressLine::~ProgressLine() {
  if (shown_ && !phase_.empty()) std::fputc('\n', stderr);
}

void ProgressLine::show(const Progress& progress) {
  if (!shown_) return;
  const auto now = std::chrono::steady_clock::now();
  if (progress.phase != phase_) {
    if (!phase_.empty()) std::fputc('\n', stderr);
    phase_ = progress.phase;
    started_ = now;
    last_ = {};
  }
  const bool at_end = progress.total.count != 0 && progress.done == progress.total;
  if (!at_end && now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  const double seconds = std::chrono::duration<double>(now - started_).count();
  const double rate = seconds > 0.2 ? static_cast<double>(progress.done.count) / seconds : 0;
  std::string line = "\r" + phase_ + "  " + to_string(progress.done);
  if (progress.total.count != 0) {
    line += " of " + to_string(progress.total) + "  " +
            std::to_string(progress.done.count * 100 / progress.total.count) + " %";
  }
  if (rate > 0) {
    line += "  " + to_string(Bytes{static_cast<std::uint64_t>(rate)}) + "/s";
    if (progress.total > progress.done) {
      const double left = static_cast<double>((progress.total - progress.done).count) / rate;
      line += "  " + to_string(std::chrono::milliseconds(static_cast<std::int64_t>(left * 1000))) + " left";
    }
  }
  std::fprintf(stderr, "%s\x1b[K", line.c_str());
  std::fflush(stderr);
}

}  // namespace upswarm
