// Bytes that are counted by months, over restarts.
#pragma once

#include <string>

#include "agent/state_store.hpp"

namespace upswarm::agent {

/// A sum that begins anew with each month of UTC. One thread.
class MonthlyCount {
 public:
  /// `key` is the store's setting: "2026-11 1048576". The store must outlive the object.
  MonthlyCount(StateStore& store, std::string key) : store_(store), key_(std::move(key)) {}

  /// Of the month of `now`; 0 where the store does not say, or says something else.
  Bytes sum(Time now) const;
  /// Errors: of the store.
  Result<void> add(Bytes bytes, Time now);

 private:
  StateStore& store_;
  std::string key_;
};

}  // namespace upswarm::agent
