// Waiting for what another thread or program is about to do.
#pragma once

#include <chrono>
#include <thread>

namespace upswarm::tests {

/// Looks until the condition holds, for at most 20 s; whether it does.
template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace upswarm::tests
