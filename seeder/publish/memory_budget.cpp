#include "seeder/publish/memory_budget.hpp"

#include <algorithm>

namespace upswarm::publish {

Result<MemoryBudget::Share> MemoryBudget::take(Bytes wanted, const std::stop_token& stop) {
  const auto share = std::min(wanted, all_);
  std::unique_lock lock(mutex_);
  if (!freed_.wait(lock, stop, [&] { return share <= free_; }))
    return Error{ErrorKind::cancelled, "wait for memory", "stopped"};
  free_ -= share;
  return Share(this, [share](MemoryBudget* budget) { budget->give_back(share); });
}

void MemoryBudget::give_back(Bytes share) {
  const std::lock_guard lock(mutex_);
  free_ += share;
  freed_.notify_all();
}

}  // namespace upswarm::publish
