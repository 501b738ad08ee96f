// Looks around now and then, and tells the swarm how to behave.
#pragma once

#include <functional>
#include <mutex>
#include <stop_token>

#include "agent/manners/manners.hpp"
#include "agent/state_store.hpp"
#include "agent/swarm.hpp"

namespace upswarm::agent {

struct KeeperTools {
  MannersPolicy policy;
  std::function<Surroundings()> look;  ///< free_disk and link filled in
  Swarm& swarm;
  StateStore& store;
  const Clock& clock;
};

/// Counts what is uploaded in a month, too: over restarts, but for the last half minute before a kill.
class MannersKeeper {
 public:
  /// All must outlive it.
  explicit MannersKeeper(KeeperTools tools) : tools_(std::move(tools)) {}

  /// Decides anew and tells the swarm. One thread at a time.
  void look();
  /// What was decided last. Any thread.
  Manners last() const;

  /// Looks every half minute until the stop, first after the first of them.
  void run(const std::stop_token& stop);

 private:
  Bytes uploaded_this_month(Time now);

  KeeperTools tools_;
  Bytes counted_;  ///< of what the swarm has uploaded
  mutable std::mutex mutex_;
  Manners last_;
};

}  // namespace upswarm::agent
