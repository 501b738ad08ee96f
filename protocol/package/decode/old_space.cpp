#include "protocol/package/decode/old_space.hpp"

#include <algorithm>
#include <cstring>

namespace upswarm::package {
namespace {

constexpr std::uint32_t kBlock = 16 * 1024;  // copies jump: 64 KiB read three times what they need
constexpr std::size_t kMostBlocks = 512;
constexpr std::size_t kMostOpen = 16;

}  // namespace

OldSpace::OldSpace(OpenFile open, const Tree& tree, const std::vector<OldPiece>& pieces)
    : open_file_(std::move(open)), tree_(tree), pieces_(pieces) {
  starts_.reserve(pieces.size());
  for (const auto& piece : pieces) {
    starts_.push_back(size_);
    size_ += static_cast<SpaceOffset>(piece.length.count);
  }
}

Result<void> OldSpace::read(SpaceOffset offset, std::span<std::byte> to) {
  // Long copies come through once.
  if (to.size() >= kBlock) return load(offset, to);
  while (!to.empty()) {
    UPSWARM_TRY(const auto* const bytes, block(offset / kBlock));
    const auto in_block = offset % kBlock;
    const auto count = std::min<std::size_t>(to.size(), bytes->size() - in_block);
    std::memcpy(to.data(), bytes->data() + in_block, count);
    offset += static_cast<SpaceOffset>(count);
    to = to.subspan(count);
  }
  return {};
}

Result<const ByteBuffer*> OldSpace::block(SpaceOffset number) {
  if (!blocks_.empty() && blocks_.front().first == number) return &blocks_.front().second;
  if (const auto found = by_number_.find(number); found != by_number_.end()) {
    blocks_.splice(blocks_.begin(), blocks_, found->second);
    return &blocks_.front().second;
  }
  if (blocks_.size() < kMostBlocks) {
    blocks_.emplace_front();
  } else {
    by_number_.erase(blocks_.back().first);
    blocks_.splice(blocks_.begin(), blocks_, std::prev(blocks_.end()));
  }
  auto& fresh = blocks_.front();
  fresh.first = number;
  const auto offset = number * kBlock;
  fresh.second.resize(std::min(kBlock, size_ - offset));
  if (auto loaded = load(offset, fresh.second); !loaded) {
    blocks_.pop_front();
    return std::move(loaded).error();
  }
  by_number_[number] = blocks_.begin();
  return &fresh.second;
}

Result<void> OldSpace::load(SpaceOffset offset, std::span<std::byte> to) {
  auto piece = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) - starts_.begin() - 1);
  for (; !to.empty(); ++piece) {
    const auto& one = pieces_[piece];
    const Bytes inside{offset - starts_[piece]};
    const auto wanted = std::min<std::uint64_t>(to.size(), (one.length - inside).count);
    if (wanted == 0) continue;
    UPSWARM_TRY(auto* const in, file(one.entry));
    UPSWARM_TRY(const auto count, in->read_at(one.begin + inside, to.first(wanted)));
    if (count != wanted) {
      return Error{ErrorKind::corrupt, "apply a delta",
                   "the installed file " + tree_.entries[one.entry].path + " is shorter than it was", "wrong_base"};
    }
    to = to.subspan(wanted);
    offset += static_cast<SpaceOffset>(wanted);
  }
  return {};
}

Result<InputFile*> OldSpace::file(std::uint32_t entry) {
  for (auto one = open_.begin(); one != open_.end(); ++one) {
    if (one->first != entry) continue;
    open_.splice(open_.begin(), open_, one);
    return one->second.get();
  }
  UPSWARM_TRY(auto opened, open_file_(entry));
  open_.emplace_front(entry, std::move(opened));
  if (open_.size() > kMostOpen) open_.pop_back();
  return open_.front().second.get();
}

}  // namespace upswarm::package
