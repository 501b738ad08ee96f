#include "agent/range_requests.hpp"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <mutex>

#include "protocol/base/hex.hpp"
#include "protocol/messages/announce.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kFirstRetry = milliseconds(500);
constexpr auto kLongestRetry = seconds(30);
constexpr auto kLongestWait = seconds(60);  // for a rate; else a download would be given up

/// Retry-After in seconds (RFC 9110, 10.2.3), as the seeder gives it; a date or none counts as 5 s.
milliseconds ration_of(const HttpResponse& response) {
  const auto found = response.headers.find("retry-after");
  int wait = 5;
  if (found != response.headers.end()) {
    const auto& text = found->second;
    int parsed = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (problem == std::errc{} && end == text.data() + text.size()) wait = parsed;
  }
  return seconds(std::clamp(wait, 1, 300));
}

std::string content_range(const HttpRange& range, Bytes length) {
  const auto first = range.first.count;
  return "bytes " + std::to_string(first) + "-" + std::to_string(first + range.length.count - 1) + "/" +
         std::to_string(length.count);
}

}  // namespace

milliseconds RangeRequests::due_in() const {
  const auto now = std::chrono::steady_clock::now();
  return std::min<milliseconds>(std::chrono::ceil<milliseconds>(std::max(due_, now) - now), kLongestWait);
}

Result<std::string> RangeRequests::fetch(const HttpRange& range, const std::stop_token& stop) {
  rationed_ = {};
  if (const auto wait = due_in(); wait.count() > 0) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, wait, [] { return false; });
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "fetch " + url_, "asked to stop"};
  }
  const auto wrong = [&](std::string why) {
    return Error{ErrorKind::corrupt, "fetch " + url_, std::move(why), "range"};
  };
  std::string bytes;
  HttpRequest request{.url = url_};
  request.range = range;
  request.longest = range.length;
  request.is_background = effort_() == Effort::background;
  request.most_per_second = rate();
  request.time_limit = std::chrono::hours(1);  // a slow link is no failure; a stalled one is
  request.sink = [&](ByteView part) -> Result<void> {
    bytes += as_text(part);
    received_ += part.size();
    return {};
  };
  if (const auto token = lease_ ? lease_() : ""; !token.empty())
    request.headers.emplace_back(messages::kLeaseField, to_hex(as_bytes(token)));
  const auto begin = std::chrono::steady_clock::now();
  const auto before = received();
  const auto sent = http_.send(request, stop);
  if (request.most_per_second > 0) {
    const auto count = static_cast<double>((received() - before).count);
    const std::chrono::duration<double> whole(count / static_cast<double>(request.most_per_second));
    due_ = begin + std::chrono::ceil<milliseconds>(whole);
  }
  if (!sent && sent.error().reason == "too_long")
    return wrong("the origin sent more than the range of " + to_string(range.length) + " that it was asked for");
  if (!sent) return sent.error();
  const auto& response = *sent;
  if (response.status == 429 || response.status == 503) {
    rationed_ = ration_of(response);
    return Error{ErrorKind::busy, "fetch " + url_, "the origin asks to come again later", "rationed"};
  }
  const auto said = "HTTP status " + std::to_string(response.status);
  if (response.status == 404) return Error{ErrorKind::not_found, "fetch " + url_, said};
  if (response.status / 100 == 5) return Error{ErrorKind::unreachable, "fetch " + url_, said};
  const bool is_whole = response.status == 200 && range.length == length_;
  if (response.status != 206 && !is_whole) return wrong(said + " where a range was asked for");
  const auto told = response.headers.find("content-range");
  if (response.status == 206 && told != response.headers.end() && told->second != content_range(range, length_))
    return wrong("the origin sent another range than " + content_range(range, length_));
  if (bytes.size() != range.length.count)
    return Error{ErrorKind::unreachable, "fetch " + url_, "the answer is cut off"};
  return bytes;
}

milliseconds RangeRequests::retry_after(int failures) const {
  if (failures <= 0) return {};
  if (rationed_.count() > 0) return rationed_;
  return std::min<milliseconds>(kFirstRetry * (1 << std::min(failures - 1, 8)), kLongestRetry);
}

}  // namespace upswarm::agent
