#include "agent/byte_book.hpp"

#include <algorithm>

namespace upswarm::agent {
namespace {

Bytes& account_of(BytesBySource& bytes, ByteSource source) {
  switch (source) {
    case ByteSource::disk: return bytes.disk;
    case ByteSource::site: return bytes.site;
    case ByteSource::other_site: return bytes.other;
    case ByteSource::origin_bt: return bytes.origin_bt;
    case ByteSource::origin_http: return bytes.origin_http;
  }
  return bytes.disk;
}

bool is_peer(ByteSource source) { return source != ByteSource::disk && source != ByteSource::origin_http; }

}  // namespace

ByteBook::ByteBook(Bytes length, Bytes piece_length)
    : length_(length),
      piece_length_(piece_length),
      has_((length.count + piece_length.count - 1) / piece_length.count, false) {
  want({});
}

void ByteBook::want(const std::vector<std::uint32_t>& pieces) {
  wanted_.assign(has_.size(), pieces.empty());
  for (const auto piece : pieces) {
    if (piece < wanted_.size()) wanted_[piece] = true;
  }
  missing_ = 0;
  missing_bytes_ = wanted_bytes_ = {};
  for (std::uint32_t piece = 0; piece < has_.size(); ++piece) {
    if (!wanted_[piece]) continue;
    wanted_bytes_ += piece_size(piece);
    if (has_[piece]) continue;
    missing_bytes_ += piece_size(piece);
    ++missing_;
  }
}

Bytes ByteBook::piece_size(std::uint32_t piece) const {
  const auto begin = std::min(length_.count, piece * piece_length_.count);
  return {std::min(piece_length_.count, length_.count - begin)};
}

Bytes ByteBook::block_size(std::uint32_t piece, std::uint32_t block) const {
  const auto size = piece_size(piece).count;
  const auto begin = std::min(size, block * kBlockSize.count);
  return {std::min(kBlockSize.count, size - begin)};
}

void ByteBook::block_finished(std::uint32_t piece, std::uint32_t block, ByteSource source) {
  const auto size = block_size(piece, block);
  if (piece >= has_.size() || has_[piece] || size == 0_B) return;
  if (!pending_[piece].blocks.try_emplace(block, source).second || !is_peer(source)) return;
  pending_from_peers_ += size;
  from_peers_ = std::max(from_peers_, booked_.site + booked_.other + booked_.origin_bt + pending_from_peers_);
}

void ByteBook::piece_given(std::uint32_t piece) {
  if (piece >= has_.size()) return;
  if (has_[piece]) {
    booked_.wasted += piece_size(piece);
  } else {
    ++pending_[piece].given;
  }
}

Bytes ByteBook::given_bytes(std::uint32_t piece, const Pending& pending) const {
  Bytes used;
  for (const auto& [block, source] : pending.blocks) {
    if (source == ByteSource::origin_http) used += block_size(piece, block);
  }
  return used;
}

void ByteBook::piece_finished(std::uint32_t piece) {
  if (piece >= has_.size() || has_[piece]) return;
  const auto pending = std::move(pending_[piece]);
  pending_.erase(piece);
  auto rest = piece_size(piece);
  for (const auto& [block, source] : pending.blocks) {
    const auto size = block_size(piece, block);
    account_of(booked_, source) += size;
    if (is_peer(source)) pending_from_peers_ -= size;
    rest -= size;
  }
  booked_.disk += rest;
  if (pending.given > 0) {
    booked_.wasted += Bytes{pending.given * piece_size(piece).count} - given_bytes(piece, pending);
  }
  has_[piece] = true;
  while (start_ < has_.size() && has_[start_]) ++start_;
  if (!wanted_[piece]) return;
  --missing_;
  missing_bytes_ -= piece_size(piece);
}

void ByteBook::piece_failed(std::uint32_t piece) {
  const auto found = pending_.find(piece);
  if (found == pending_.end()) return;
  const auto& pending = found->second;
  for (const auto& [block, source] : pending.blocks) {
    if (source != ByteSource::origin_http) booked_.wasted += block_size(piece, block);
    if (is_peer(source)) pending_from_peers_ -= block_size(piece, block);
  }
  if (pending.given > 0) {
    booked_.wasted += Bytes{pending.given * piece_size(piece).count};
    const bool wholly = given_bytes(piece, pending) == piece_size(piece);
    ++(wholly ? failed_given_ : failed_mixed_);
  }
  pending_.erase(found);
}

BytesBySource ByteBook::totals() const {
  auto totals = booked_;
  totals.wasted += redundant_;
  return totals;
}

std::optional<std::uint32_t> ByteBook::any_wanted() const {
  for (std::uint32_t piece = 0; piece < has_.size(); ++piece) {
    if (wanted_[piece] && has_[piece]) return piece;
  }
  return {};
}

std::vector<std::uint32_t> ByteBook::missing() const {
  std::vector<std::uint32_t> pieces;
  for (std::uint32_t piece = 0; piece < has_.size(); ++piece) {
    if (wanted_[piece] && !has_[piece]) pieces.push_back(piece);
  }
  return pieces;
}

}  // namespace upswarm::agent
