#include "tests/support/memory_meter.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>

namespace {

// As long as the largest alignment, so that what follows is aligned.
constexpr std::size_t kHeader = alignof(std::max_align_t);
std::atomic<std::uint64_t> taken = 0;
std::atomic<std::uint64_t> most_taken = 0;

void* take(std::size_t size) {
  auto* const block = static_cast<std::size_t*>(std::malloc(size + kHeader));
  if (block == nullptr) throw std::bad_alloc();
  *block = size;
  const auto now = taken += size;
  for (auto most = most_taken.load(); most < now && !most_taken.compare_exchange_weak(most, now);) continue;
  return reinterpret_cast<char*>(block) + kHeader;
}

void* take_or_not(std::size_t size) noexcept {
  try {
    return take(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void give_back(void* bytes) noexcept {
  if (bytes == nullptr) return;
  auto* const block = reinterpret_cast<std::size_t*>(static_cast<char*>(bytes) - kHeader);
  taken -= *block;
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void* operator new(std::size_t size, const std::nothrow_t& /*tag*/) noexcept { return take_or_not(size); }
void* operator new[](std::size_t size, const std::nothrow_t& /*tag*/) noexcept { return take_or_not(size); }
void operator delete(void* bytes) noexcept { give_back(bytes); }
void operator delete[](void* bytes) noexcept { give_back(bytes); }
void operator delete(void* bytes, std::size_t) noexcept { give_back(bytes); }
void operator delete[](void* bytes, std::size_t) noexcept { give_back(bytes); }

namespace upswarm::tests {

MemoryMeter::MemoryMeter() : before_(taken) { most_taken = before_; }

Bytes MemoryMeter::most() const { return Bytes{most_taken - std::min<std::uint64_t>(before_, most_taken)}; }

}  // namespace upswarm::tests
