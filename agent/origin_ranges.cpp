#include "agent/origin_ranges.hpp"

#include <algorithm>

#include "protocol/base/digest.hpp"

namespace upswarm::agent {
namespace {

constexpr Bytes kRequestSize = 4_MiB;  // or one piece, if that is more
constexpr std::uint64_t kSeconds = 2;  // where there is a rate: what BitTorrent leaves of it changes

}  // namespace

OriginRanges::OriginRanges(HttpClient& http, std::string url, Bytes length, Bytes piece_length, PieceKeeper& keeper,
                           EffortNow effort, RateNow rate, LeaseToken lease)
    : lease_(std::move(lease)),
      requests_(http, std::move(url), length, std::move(effort), std::move(rate), lease_),
      length_(length),
      piece_length_(piece_length),
      keeper_(keeper),
      next_(random_below(static_cast<std::uint32_t>((length.count + piece_length.count - 1) / piece_length.count))) {}

Result<void> OriginRanges::step(const std::stop_token& stop) {
  auto result = try_step(stop);
  failures_ = result ? 0 : failures_ + 1;
  return result;
}

OriginRanges::Span OriginRanges::choose(const std::vector<std::uint32_t>& missing) {
  auto first = std::lower_bound(missing.begin(), missing.end(), next_);
  const bool leads = lease_ && !lease_().empty();
  if (first == missing.end() || leads) first = missing.begin();
  const auto rate = requests_.rate();
  const auto size = rate == 0 ? kRequestSize.count : std::min(kRequestSize.count, kSeconds * rate);
  const auto most = std::max<std::uint64_t>(1, size / piece_length_.count);
  Span span{*first, 1};
  while (++first != missing.end() && *first == span.first + span.count && span.count < most) ++span.count;
  return span;
}

Result<void> OriginRanges::try_step(const std::stop_token& stop) {
  if (is_bad())
    return Error{ErrorKind::corrupt, "fetch " + requests_.url(), "the origin sent wrong bytes several times",
                 "bad_origin"};
  const auto missing = keeper_.missing();
  if (missing.empty()) return {};
  const auto span = choose(missing);
  const Bytes begin{span.first * piece_length_.count};
  const Bytes end{std::min(length_.count, begin.count + span.count * piece_length_.count)};
  UPSWARM_TRY(const auto bytes, requests_.fetch({begin, end - begin}, stop));
  for (std::uint32_t i = 0; i < span.count; ++i) {
    const auto piece = as_bytes(bytes).subspan(i * piece_length_.count);
    auto put = keeper_.put(span.first + i, piece.first(std::min<std::size_t>(piece.size(), piece_length_.count)), stop);
    if (!put && put.error().kind == ErrorKind::corrupt) {
      ++bad_pieces_;
      next_ = span.first + i + 1;
      return std::move(put).error().within("fetch " + requests_.url());
    }
    UPSWARM_CHECK(put);
  }
  next_ = span.first + span.count;
  return {};
}

}  // namespace upswarm::agent
