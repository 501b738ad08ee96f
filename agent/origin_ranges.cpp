#include "agent/origin_ranges.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/base/digest.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Bytes kRequestSize = 4_MiB;  // or one piece, if that is more
constexpr auto kFirstRetry = milliseconds(500);
constexpr auto kLongestRetry = seconds(30);

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

}  // namespace

OriginRanges::OriginRanges(HttpClient& http, std::string url, Bytes length, Bytes piece_length, PieceKeeper& keeper)
    : http_(http),
      url_(std::move(url)),
      length_(length),
      piece_length_(piece_length),
      keeper_(keeper),
      next_(random_below(static_cast<std::uint32_t>((length.count + piece_length.count - 1) / piece_length.count))) {}

Result<void> OriginRanges::step(const std::stop_token& stop) {
  rationed_ = {};
  auto result = try_step(stop);
  if (result) {
    failures_ = 0;
    retry_after_ = {};
  } else {
    const auto doubled = kFirstRetry * (1 << std::min(failures_++, 8));
    retry_after_ = rationed_.count() > 0 ? rationed_ : std::min<milliseconds>(doubled, kLongestRetry);
  }
  return result;
}

OriginRanges::Span OriginRanges::choose(const std::vector<std::uint32_t>& missing) {
  auto first = std::lower_bound(missing.begin(), missing.end(), next_);
  if (first == missing.end()) first = missing.begin();
  const auto most = std::max<std::uint64_t>(1, kRequestSize.count / piece_length_.count);
  Span span{*first, 1};
  while (++first != missing.end() && *first == span.first + span.count && span.count < most) ++span.count;
  return span;
}

Result<void> OriginRanges::try_step(const std::stop_token& stop) {
  if (is_bad())
    return Error{ErrorKind::corrupt, "fetch " + url_, "the origin sent wrong bytes several times", "bad_origin"};
  const auto missing = keeper_.missing();
  if (missing.empty()) return {};
  const auto span = choose(missing);
  const Bytes begin{span.first * piece_length_.count};
  const Bytes end{std::min(length_.count, begin.count + span.count * piece_length_.count)};
  UPSWARM_TRY(const auto bytes, fetch({begin, end - begin}, stop));
  for (std::uint32_t i = 0; i < span.count; ++i) {
    const auto piece = as_bytes(bytes).subspan(i * piece_length_.count);
    auto put = keeper_.put(span.first + i, piece.first(std::min<std::size_t>(piece.size(), piece_length_.count)), stop);
    if (!put && put.error().kind == ErrorKind::corrupt) {
      ++bad_pieces_;
      next_ = span.first + i + 1;
      return std::move(put).error().within("fetch " + url_);
    }
    UPSWARM_CHECK(put);
  }
  next_ = span.first + span.count;
  return {};
}

Result<std::string> OriginRanges::fetch(const HttpRange& range, const std::stop_token& stop) {
  std::string bytes;
  HttpRequest request{.url = url_};
  request.range = range;
  request.longest = range.length;
  request.time_limit = std::chrono::hours(1);  // a slow link is no failure; a stalled one is
  request.sink = [&](ByteView part) -> Result<void> {
    bytes += as_text(part);
    received_ += part.size();
    return {};
  };
  UPSWARM_TRY(const auto response, http_.send(request, stop));
  if (response.status == 429 || response.status == 503) {
    rationed_ = ration_of(response);
    return Error{ErrorKind::busy, "fetch " + url_, "the origin asks to come again later", "rationed"};
  }
  // 200 is a server that ignores ranges: all right only if the range is everything.
  const bool whole = response.status == 200 && range.length == length_;
  if (response.status != 206 && !whole) {
    const auto kind = response.status == 404 ? ErrorKind::not_found : ErrorKind::unreachable;
    return Error{kind, "fetch " + url_, "HTTP status " + std::to_string(response.status)};
  }
  if (bytes.size() != range.length.count)
    return Error{ErrorKind::unreachable, "fetch " + url_, "the answer is cut off"};
  return bytes;
}

}  // namespace upswarm::agent
