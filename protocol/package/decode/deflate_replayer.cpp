#include "protocol/package/decode/deflate_replayer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "protocol/package/decode/format.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint32_t kHalf = 32768;  ///< deflate's window; twice as much is held
constexpr std::uint32_t kWhole = 2 * kHalf;
constexpr std::uint32_t kShortest = 3;
constexpr std::uint32_t kLongest = 258;
constexpr std::uint32_t kLeastAhead = kLongest + kShortest + 1;
constexpr std::uint32_t kFarthest = kHalf - kLeastAhead;
constexpr std::uint32_t kTooFar = 4096;  ///< for a match of three bytes
constexpr std::size_t kSlack = 8;        ///< read, but of no consequence
constexpr std::uint8_t kLastLevel = 9;
constexpr std::uint8_t kLastFastLevel = 3;
constexpr unsigned kRecipeBits = 4;
constexpr unsigned kGzipHashBits = 15;
constexpr std::size_t kGzipSymbols = 32768;
constexpr std::size_t kWorthSending = 32 * 1024;

std::size_t symbols_of(const DeflateRecipe& recipe) {
  return recipe.is_gzip() ? kGzipSymbols - 1 : (std::size_t{1} << (recipe.memory + 6U)) - 1;
}

unsigned hash_bits_of(const DeflateRecipe& recipe) { return recipe.is_gzip() ? kGzipHashBits : recipe.memory + 7U; }

std::uint32_t equal_run(const std::byte* a, const std::byte* b) {
  std::uint32_t same = 0;
  for (; same + sizeof(std::uint64_t) <= kLongest; same += sizeof(std::uint64_t)) {
    if (std::memcmp(a + same, b + same, sizeof(std::uint64_t)) != 0) break;
  }
  while (same < kLongest && a[same] == b[same]) ++same;
  return same;
}

}  // namespace

std::uint8_t number_of(const DeflateRecipe& recipe) {
  return static_cast<std::uint8_t>(recipe.memory << kRecipeBits | recipe.level);
}

Result<DeflateRecipe> recipe_of(std::uint8_t number) {
  const DeflateRecipe recipe{.level = static_cast<std::uint8_t>(number & 0xfU),
                             .memory = static_cast<std::uint8_t>(number >> kRecipeBits)};
  if (recipe.level < 1 || recipe.level > kLastLevel || recipe.memory > kLastLevel)
    return corrupt_package("a delta", "it deflates in a way that is not known");
  return recipe;
}

DeflateReplayer::Effort DeflateReplayer::effort_of(std::uint8_t level) {
  static constexpr std::array<Effort, kLastLevel> kEfforts = {{{4, 4, 8, 4},
                                                               {4, 5, 16, 8},
                                                               {4, 6, 32, 32},
                                                               {4, 4, 16, 16},
                                                               {8, 16, 32, 32},
                                                               {8, 16, 128, 128},
                                                               {8, 32, 128, 256},
                                                               {32, 128, 258, 1024},
                                                               {32, 258, 258, 4096}}};
  return kEfforts.at(level - 1U);
}

DeflateReplayer::DeflateReplayer(const DeflateRecipe& recipe, Sink sink)
    : recipe_(recipe),
      is_gzip_(recipe.is_gzip()),
      is_fast_(recipe.level <= kLastFastLevel),
      effort_(effort_of(recipe.level)),
      sink_(std::move(sink)),
      blocks_(symbols_of(recipe)),
      hash_shift_((hash_bits_of(recipe) + kShortest - 1) / kShortest),
      hash_mask_((1U << hash_bits_of(recipe)) - 1),
      window_(kWhole + kSlack),
      heads_(std::size_t{1} << hash_bits_of(recipe)),
      before_(kHalf),
      last_{0, kShortest - 1} {
  if (is_gzip_ && recipe.level >= kLastFastLevel) blocks_.end_early();
}

void DeflateReplayer::start() {
  blocks_.start();
  std::fill(heads_.begin(), heads_.end(), std::uint16_t{0});
  std::fill_n(window_.begin(), std::exchange(used_, 0), std::byte{0});
  input_ = {};
  taken_ = at_ = ahead_ = 0;
  is_over_ = is_at_end_ = has_literal_ = false;
  block_ = 0;
  last_ = {0, kShortest - 1};
}

Result<void> DeflateReplayer::write(ByteView bytes) {
  input_ = bytes;
  return run();
}

Result<void> DeflateReplayer::finish() {
  is_over_ = true;
  UPSWARM_CHECK(run());
  if (has_literal_) blocks_.add_literal(window_[at_ - 1], covered());
  UPSWARM_CHECK(end_block(true));
  return flush();
}

/// Takes input until nothing more fits in, as if all of it had been there from the start: what is found depends on it.
/// False when more must come first.
bool DeflateReplayer::fill() {
  if (at_ >= kHalf + kFarthest) slide();
  const auto room = kWhole - at_ - ahead_;
  const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(room, input_.size()));
  std::copy_n(input_.begin(), count, window_.begin() + at_ + ahead_);
  input_ = input_.subspan(count);
  ahead_ += count;
  used_ = std::max<std::size_t>(used_, at_ + ahead_);
  taken_ += count;
  if (count < room && !is_over_) return false;
  // Only when nothing comes at all programs know that it is the end.
  is_at_end_ = taken_ == 0;
  taken_ = 0;
  if (is_at_end_) std::fill_n(window_.begin() + at_ + ahead_, kShortest - 1, std::byte{0});
  return true;
}

void DeflateReplayer::slide() {
  std::copy(window_.begin() + kHalf, window_.begin() + kWhole, window_.begin());
  at_ -= kHalf;
  last_.at -= kHalf;
  block_ -= kHalf;
  const auto move = [](std::uint16_t& place) {
    place = place >= kHalf ? static_cast<std::uint16_t>(place - kHalf) : 0;
  };
  std::for_each(heads_.begin(), heads_.end(), move);
  std::for_each(before_.begin(), before_.end(), move);
}

Result<void> DeflateReplayer::run() {
  while (true) {
    while (ahead_ < kLeastAhead && !is_at_end_) {
      if (!fill()) return {};
    }
    if (ahead_ == 0) return {};
    if (ahead_ < kLeastAhead && !is_gzip_ && at_ >= kHalf + kFarthest) slide();
    UPSWARM_CHECK(is_fast_ ? step_fast() : step_lazy());
  }
}

/// gzip enters the last two bytes of all with what lies behind them, which matters as little.
bool DeflateReplayer::may_enter(std::uint32_t at) const { return is_gzip_ || at + kShortest <= at_ + ahead_; }

/// Gives the place before that had the same hash.
std::uint32_t DeflateReplayer::enter(std::uint32_t at) {
  std::uint32_t hash = 0;
  for (std::uint32_t i = 0; i < kShortest; ++i)
    hash = hash << hash_shift_ ^ std::to_integer<std::uint32_t>(window_[at + i]);
  auto& head = heads_[hash & hash_mask_];
  before_[at % kHalf] = head;
  return std::exchange(head, static_cast<std::uint16_t>(at));
}

/// gzip looks for nothing where the end of its window is near.
bool DeflateReplayer::may_search(std::uint32_t head) const {
  return head != 0 && at_ - head <= kFarthest && (!is_gzip_ || at_ <= kWhole - kLeastAhead);
}

/// The longest match at at_ that is longer than `best`, from `head` on backward.
DeflateReplayer::Match DeflateReplayer::search(std::uint32_t head, std::uint32_t best) const {
  auto left = best >= effort_.good ? effort_.chain / 4U : effort_.chain;
  // gzip searches beyond the end as well, and cuts afterwards.
  const auto nice = is_gzip_ ? effort_.nice : std::min<std::uint32_t>(effort_.nice, ahead_);
  const auto limit = at_ > kFarthest ? at_ - kFarthest : 0;
  const auto* const here = window_.data() + at_;
  Match match{last_.at, best};
  do {
    const auto* const there = window_.data() + head;
    if (there[best] != here[best] || there[best - 1] != here[best - 1] || there[0] != here[0] || there[1] != here[1])
      continue;
    const auto length = equal_run(here, there);
    if (length <= best) continue;
    match = {head, length};
    best = length;
    if (length >= nice) break;
  } while ((head = before_[head % kHalf]) > limit && --left > 0);
  match.length = std::min(match.length, ahead_);
  return match;
}

std::uint64_t DeflateReplayer::covered() const { return static_cast<std::uint64_t>(at_ - block_); }

Result<void> DeflateReplayer::step_fast() {
  const auto head = may_enter(at_) ? enter(at_) : 0;
  Match match;
  if (may_search(head)) match = search(head, kShortest - 1);
  bool is_full = false;
  if (match.length >= kShortest) {
    is_full = blocks_.add_match(match.length, at_ - match.at, covered());
    const auto after = at_ + match.length;
    // zlib leaves the rest alone where less than a match follows.
    const bool enters = match.length <= effort_.lazy && (is_gzip_ || ahead_ - match.length >= kShortest);
    for (auto place = at_ + 1; enters && place < after; ++place) enter(place);
    at_ = after;
    ahead_ -= match.length;
  } else {
    is_full = blocks_.add_literal(window_[at_], covered());
    ++at_;
    --ahead_;
  }
  return is_full ? end_block(false) : Result<void>();
}

Result<void> DeflateReplayer::step_lazy() {
  const auto head = may_enter(at_) ? enter(at_) : 0;
  const auto before = std::exchange(last_, {last_.at, kShortest - 1});
  if (before.length < effort_.lazy && may_search(head)) {
    last_ = search(head, before.length);
    if (last_.length == kShortest && at_ - last_.at > kTooFar) last_.length = kShortest - 1;
  }
  bool is_full = false;
  if (before.length >= kShortest && last_.length <= before.length) {
    is_full = blocks_.add_match(before.length, at_ - 1 - before.at, covered());
    const auto after = at_ - 1 + before.length;
    for (auto place = at_ + 1; place < after; ++place) {
      if (may_enter(place)) enter(place);
    }
    ahead_ -= before.length - 1;
    at_ = after;
    has_literal_ = false;
    last_.length = kShortest - 1;
  } else if (has_literal_) {
    is_full = blocks_.add_literal(window_[at_ - 1], covered());
    // The block ends before the byte that waits.
    if (is_full) UPSWARM_CHECK(end_block(false));
    is_full = false;
    ++at_;
    --ahead_;
  } else {
    has_literal_ = true;
    ++at_;
    --ahead_;
  }
  return is_full ? end_block(false) : Result<void>();
}

Result<void> DeflateReplayer::end_block(bool is_last) {
  std::optional<ByteView> content;
  const auto size = covered();
  if (block_ >= 0) content = ByteView(window_).subspan(static_cast<std::size_t>(block_), size);
  blocks_.end_block(content, size, is_last);
  block_ = at_;
  return blocks_.written().size() >= kWorthSending ? flush() : Result<void>();
}

Result<void> DeflateReplayer::flush() {
  if (!blocks_.written().empty()) UPSWARM_CHECK(sink_(blocks_.written()));
  blocks_.written().clear();
  return {};
}

}  // namespace upswarm::package
