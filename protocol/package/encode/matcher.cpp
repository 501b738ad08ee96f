#include "protocol/package/encode/matcher.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace upswarm::package {
namespace {

constexpr std::size_t kPart = 4U << 20U;  ///< searched by one thread at a time
constexpr std::size_t kSureRun = 32;      ///< so many equal bytes need no look elsewhere
constexpr std::size_t kSkip = 16;         ///< how far a sure run may lie ahead
/// What a copy from elsewhere must gain in equal bytes, for what it costs to say. Text compresses better than code.
constexpr std::size_t kBetterBy = 11;
constexpr std::size_t kBetterByInText = 24;

/// Works through one part of the new bytes.
class PartMatcher {
 public:
  PartMatcher(ByteView old_bytes, const SuffixArray& sorted, ByteView wanted, std::size_t begin, std::size_t end)
      : old_(old_bytes), sorted_(sorted), new_(wanted), end_(end), to_(begin), from_(0) {}

  Result<std::vector<CopyOperation>> run(const std::stop_token& stop) {
    for (auto at = to_; at < end_;) {
      if ((++steps_ & 0xfffU) == 0 && stop.stop_requested())
        return Error{ErrorKind::cancelled, "make a delta", "stopped"};
      if (const auto run = sure_run(at); run > 0) {
        at += run;
        continue;
      }
      const auto match = sorted_.find(new_.subspan(at, end_ - at));
      const auto along = equal_along(at, match.length);
      if (match.length > along + kBetterBy && match.length > along + threshold(at, match.length)) {
        begin_copy(at, match);
        at += match.length;
      } else {
        at += match.length > 0 && match.length == along ? match.length : 1;
      }
    }
    finish_copy(end_, 0, 0);
    return std::move(copies_);
  }

 private:
  std::size_t threshold(std::size_t at, std::size_t length) const {
    if (length > 2 * kBetterByInText) return kBetterBy;
    const auto matched = new_.subspan(at, length);
    const bool is_text = std::all_of(matched.begin(), matched.end(), [](std::byte one) {
      return one == std::byte{'\n'} || (one >= std::byte{' '} && one < std::byte{0x7f});
    });
    return is_text ? kBetterByInText : kBetterBy;
  }

  /// The place in the old bytes that `at` has in the current copy; past the end of them when there is none.
  std::size_t old_place(std::size_t at) const { return from_ + (at - to_); }

  std::size_t equal_from(std::size_t at) const {
    const auto place = old_place(at);
    if (place >= old_.size()) return 0;
    return equal_length(old_.data() + place, new_.data() + at, std::min(old_.size() - place, end_ - at));
  }

  /// How far the current copy surely goes on from `at`, over a few bytes that differ.
  std::size_t sure_run(std::size_t at) const {
    if (!has_copy_) return 0;
    for (std::size_t skip = 0; skip <= kSkip && at + skip < end_; ++skip) {
      const auto equal = equal_from(at + skip);
      if (equal >= kSureRun) return skip + equal;
      if (skip == 0) skip = equal;
    }
    return 0;
  }

  std::size_t equal_along(std::size_t at, std::size_t length) const {
    if (!has_copy_) return 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const auto place = old_place(at + i);
      if (place >= old_.size()) break;
      if (old_[place] == new_[at + i]) ++count;
    }
    return count;
  }

  void begin_copy(std::size_t at, SuffixArray::Match match) {
    // As far back as most bytes are equal.
    std::size_t back = 0;
    std::size_t equal = 0;
    std::size_t best = 0;
    const auto most = std::min<std::size_t>(at - to_, match.at);
    for (std::size_t i = 1; i <= most; ++i) {
      if (old_[match.at - i] == new_[at - i]) ++equal;
      if (2 * equal > i + best) {
        best = 2 * equal - i;
        back = i;
      }
    }
    back = finish_copy(at, back, match.at - back);
    to_ = at - back;
    from_ = match.at - back;
    has_copy_ = true;
  }

  /// Ends the current copy before `at`, where another one begins that would reach `back` bytes before it, to
  /// `next_from` of the old bytes. Gives how far the other one may reach so that both do not overlap.
  std::size_t finish_copy(std::size_t at, std::size_t back, std::size_t next_from) {
    if (!has_copy_) return back;
    auto length = forward_length(at);
    if (to_ + length > at - back) {
      const auto overlap = to_ + length - (at - back);
      const auto split = best_split(at - back, next_from, overlap);
      length = length - overlap + split;
      back -= split;
    }
    if (length > 0)
      copies_.push_back(
          {static_cast<SpaceOffset>(from_), static_cast<SpaceOffset>(to_), static_cast<std::uint32_t>(length)});
    return back;
  }

  std::size_t forward_length(std::size_t at) const {
    std::size_t length = 0;
    std::size_t equal = 0;
    std::size_t best = 0;
    const auto most = std::min(at - to_, old_.size() - from_);
    for (std::size_t i = 1; i <= most; ++i) {
      if (old_[from_ + i - 1] == new_[to_ + i - 1]) ++equal;
      if (2 * equal > i + best) {
        best = 2 * equal - i;
        length = i;
      }
    }
    return length;
  }

  /// How many of the `overlap` bytes from `at` on the current copy keeps; the next one has them at `next_from`.
  std::size_t best_split(std::size_t at, std::size_t next_from, std::size_t overlap) const {
    std::ptrdiff_t score = 0;
    std::ptrdiff_t best = 0;
    std::size_t split = 0;
    for (std::size_t i = 0; i < overlap; ++i) {
      if (old_[old_place(at + i)] == new_[at + i]) ++score;
      if (old_[next_from + i] == new_[at + i]) --score;
      if (score > best) {
        best = score;
        split = i + 1;
      }
    }
    return split;
  }

  ByteView old_;
  const SuffixArray& sorted_;
  ByteView new_;
  std::size_t end_;
  std::size_t to_;    ///< where the current copy begins in the new bytes
  std::size_t from_;  ///< and in the old ones
  bool has_copy_ = false;
  std::uint32_t steps_ = 0;
  std::vector<CopyOperation> copies_;
};

void append(std::vector<CopyOperation>& all, const std::vector<CopyOperation>& more) {
  for (const auto& one : more) {
    const bool goes_on =
        !all.empty() && all.back().from + all.back().length == one.from && all.back().to + all.back().length == one.to;
    if (goes_on) all.back().length += one.length;
    else all.push_back(one);
  }
}

}  // namespace

Result<std::vector<CopyOperation>> find_copies(ByteView old_bytes, const SuffixArray& sorted, ByteView wanted,
                                               std::size_t threads, const std::function<void(std::size_t)>& progress,
                                               const std::stop_token& stop) {
  const auto parts = (wanted.size() + kPart - 1) / kPart;
  std::vector<Result<std::vector<CopyOperation>>> found(parts, std::vector<CopyOperation>());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t done = 0;
  const auto work = [&] {
    for (auto part = next++; part < parts; part = next++) {
      const auto begin = part * kPart;
      const auto end = std::min(begin + kPart, wanted.size());
      found[part] = PartMatcher(old_bytes, sorted, wanted, begin, end).run(stop);
      const std::lock_guard lock(mutex);
      done += end - begin;
      if (progress) progress(done);
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < threads && i < parts; ++i) helpers.emplace_back(work);
    work();
  }
  std::vector<CopyOperation> copies;
  for (auto& part : found) {
    UPSWARM_TRY(const auto some, std::move(part));
    append(copies, some);
  }
  return copies;
}

}  // namespace upswarm::package
