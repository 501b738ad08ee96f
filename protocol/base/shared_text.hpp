// Text that is held by very many, and by some of them twice: the paths of trees.
#pragma once

#include <atomic>
#include <compare>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace upswarm {

/// Text of less than 4 GiB that never changes; copies share its bytes. 8 bytes and, for all copies together, 8 more
/// beside the text, where each std::string takes 32. Copies may belong to different threads.
class SharedText {
 public:
  SharedText() = default;
  SharedText(std::string_view text) : block_(make(text)) {}                    // NOLINT(*-explicit-*): it is text
  SharedText(const std::string& text) : SharedText(std::string_view(text)) {}  // NOLINT(*-explicit-*)
  SharedText(const char* text) : SharedText(std::string_view(text)) {}         // NOLINT(*-explicit-*)
  SharedText(const SharedText& other) : block_(other.block_) {
    if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  SharedText(SharedText&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~SharedText() {
    if (block_ == nullptr || block_->owners.fetch_sub(1, std::memory_order_acq_rel) > 1) return;
    block_->~Block();
    ::operator delete(block_);
  }

  /// Valid as long as any copy.
  std::string_view view() const {
    return block_ == nullptr ? std::string_view() : std::string_view(text_of(block_), block_->length);
  }
  operator std::string_view() const { return view(); }  // NOLINT(*-explicit-*)
  std::size_t size() const { return view().size(); }
  bool empty() const { return block_ == nullptr; }

  template <std::convertible_to<std::string_view> T>
  friend bool operator==(const SharedText& a, const T& b) {
    return a.view() == std::string_view(b);
  }
  template <std::convertible_to<std::string_view> T>
  friend std::strong_ordering operator<=>(const SharedText& a, const T& b) {
    return a.view() <=> std::string_view(b);
  }
  friend std::string operator+(std::string a, const SharedText& b) { return a.append(b.view()); }
  friend std::string operator+(const SharedText& a, std::string_view b) { return std::string(a.view()).append(b); }

 private:
  struct Block {
    std::atomic<std::uint32_t> owners = 1;
    std::uint32_t length = 0;  // of the text, which lies behind
  };

  static char* text_of(Block* block) { return reinterpret_cast<char*>(block + 1); }  // NOLINT: bytes are text
  static Block* make(std::string_view text) {
    if (text.empty()) return nullptr;
    auto* const block = new (::operator new(sizeof(Block) + text.size())) Block;
    block->length = static_cast<std::uint32_t>(text.size());
    std::memcpy(text_of(block), text.data(), text.size());
    return block;
  }

  Block* block_ = nullptr;  // none: no text
};

}  // namespace upswarm
