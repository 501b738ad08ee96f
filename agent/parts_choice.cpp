#include "agent/parts_choice.hpp"

#include <algorithm>
#include <map>

#include "agent/pieces.hpp"

namespace upswarm::agent {
namespace {

Bytes size_of(const trust::PackageFile& file, std::uint64_t piece) {
  const Bytes start{piece * file.piece_length.count};
  return start < file.length ? std::min(file.piece_length, file.length - start) : Bytes{};
}

bool is_in(const std::vector<std::uint32_t>& pieces, std::uint64_t piece) {
  return std::ranges::binary_search(pieces, piece);
}

/// What of each piece is needed, but for the first `here` bytes of the file.
std::map<std::uint32_t, Bytes> needed_of(const trust::PackageFile& file, const std::vector<SignedPart>& parts,
                                         Bytes here) {
  std::map<std::uint32_t, Bytes> needed;
  const auto size = file.piece_length.count;
  for (const auto& [place, sha256] : parts) {
    const auto end = std::min(file.length, place.offset + place.length).count;
    for (auto at = place.offset.count; at < end;) {
      const auto piece = at / size;
      const auto next = std::min(end, (piece + 1) * size);
      needed[static_cast<std::uint32_t>(piece)] += Bytes{next - std::clamp(here.count, at, next)};
      at = next;
    }
  }
  return needed;
}

Bytes gap_before(const std::vector<FilePart>& spans, std::size_t i) {
  return spans[i].offset - spans[i - 1].offset - spans[i - 1].length;
}

/// Joins spans over the smallest gaps, while these are few bytes, or too many spans are left.
std::vector<FilePart> joined(const std::vector<FilePart>& spans) {
  Bytes wanted;
  std::vector<std::size_t> gaps;  ///< by the span behind them
  for (std::size_t i = 0; i < spans.size(); ++i) {
    wanted += spans[i].length;
    if (i > 0) gaps.push_back(i);
  }
  std::ranges::stable_sort(gaps, {}, [&](std::size_t i) { return gap_before(spans, i); });
  std::vector<bool> is_closed(spans.size(), false);
  Bytes spent;
  auto left = spans.size();
  for (const auto i : gaps) {
    const auto gap = gap_before(spans, i);
    const bool is_cheap = gap <= kLongestGap && (spent + gap).count <= wanted.count / kGapShare;
    if (!is_cheap && left <= kMostRangeRequests) break;
    is_closed[i] = true;
    spent += gap;
    --left;
  }
  std::vector<FilePart> all;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (is_closed[i]) all.back().length = spans[i].offset + spans[i].length - all.back().offset;
    else all.push_back(spans[i]);
  }
  return all;
}

}  // namespace

std::vector<FilePart> spans_outside(const trust::PackageFile& file, const std::vector<SignedPart>& parts,
                                    const std::vector<std::uint32_t>& pieces, Bytes here) {
  std::vector<FilePart> spans;
  const auto size = file.piece_length.count;
  for (const auto& [place, sha256] : parts) {
    const auto end = std::min(file.length, place.offset + place.length).count;
    for (auto at = std::max(place.offset, here).count; at < end;) {
      const auto piece = at / size;
      const auto next = std::min(end, (piece + 1) * size);
      if (!is_in(pieces, piece)) {
        if (!spans.empty() && (spans.back().offset + spans.back().length).count == at)
          spans.back().length += Bytes{next - at};
        else spans.push_back({Bytes{at}, Bytes{next - at}});
      }
      at = next;
    }
  }
  return spans;
}

PartsChoice choose_parts(const trust::PackageFile& file, const std::vector<SignedPart>& needed, const SwarmView& view) {
  std::vector<std::uint32_t> pieces;
  const auto sharers = 1 + static_cast<std::uint64_t>(std::max(0, view.neighbours));
  for (const auto& [piece, bytes] : needed_of(file, needed, view.start_here)) {
    const bool pays = bytes.count * sharers * kWholeOf >= size_of(file, piece).count * kWholeShare;
    if (is_in(view.here, piece) || (bytes > 0_B && (is_in(view.held, piece) || pays))) pieces.push_back(piece);
  }
  auto choice = choose_pieces(file, std::move(pieces), view);
  for (const auto& part : needed) {
    const auto its_pieces = pieces_of(file, {part.place});
    if (std::ranges::includes(choice.pieces, its_pieces)) continue;
    choice.parts.push_back(part);
    if (part.place.offset < view.start_here) {
      const auto outside = spans_outside(file, {part}, choice.pieces, {});
      for (const auto& span : outside) {
        if (span.offset < view.start_here) choice.here += std::min(span.length, view.start_here - span.offset);
      }
    }
  }
  for (const auto& range : ranges_for(file, choice.parts, choice.pieces, view.start_here))
    choice.by_ranges += range.length;
  choice.origin += choice.by_ranges;
  return choice;
}

PartsChoice choose_pieces(const trust::PackageFile& file, std::vector<std::uint32_t> pieces, const SwarmView& view) {
  PartsChoice choice{.pieces = std::move(pieces)};
  for (const auto piece : choice.pieces) {
    auto& account = is_in(view.here, piece) ? choice.here : is_in(view.held, piece) ? choice.site : choice.origin;
    account += size_of(file, piece);
  }
  return choice;
}

std::vector<FilePart> ranges_for(const trust::PackageFile& file, const std::vector<SignedPart>& parts,
                                 const std::vector<std::uint32_t>& pieces, Bytes here) {
  std::vector<FilePart> ranges;
  for (auto [offset, length] : joined(spans_outside(file, parts, pieces, here))) {
    for (; length > kLongestRangeRequest; offset += kLongestRangeRequest, length -= kLongestRangeRequest)
      ranges.push_back({offset, kLongestRangeRequest});
    ranges.push_back({offset, length});
  }
  return ranges;
}

}  // namespace upswarm::agent
