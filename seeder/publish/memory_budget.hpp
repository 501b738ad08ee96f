// Memory that works share which go on side by side.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>

#include "protocol/base/result.hpp"
#include "protocol/base/units.hpp"

namespace upswarm::publish {

/// Nothing is allocated here: works say what they are about to take, and wait until that is free. Safe from any thread;
/// must outlive its shares. Who waits for a second share before giving the first one back may wait for ever.
class MemoryBudget {
 public:
  explicit MemoryBudget(Bytes all) : all_(all), free_(all) {}

  /// Given back when the last owner lets go of it.
  using Share = std::shared_ptr<void>;

  /// Waits until `wanted` is free; more than there is at all is given to whoever is alone.   Errors: cancelled.
  Result<Share> take(Bytes wanted, const std::stop_token& stop);

 private:
  void give_back(Bytes share);

  const Bytes all_;
  std::mutex mutex_;
  std::condition_variable_any freed_;
  Bytes free_;  ///< with the mutex
};

}  // namespace upswarm::publish
