// Looks around now and then, and tells the swarm how to behave.
#pragma once

#include <chrono>
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

/// Counts what is uploaded in a month, too: over restarts, but for the last half minute before a kill. A cap is gone
/// over by what is uploaded in a second or two.
class MannersKeeper {
 public:
  /// All must outlive it.
  explicit MannersKeeper(KeeperTools tools) : tools_(std::move(tools)) {}

  /// Decides anew and tells the swarm. One thread at a time.
  void look();
  /// What was decided last. Any thread.
  Manners last() const;

  /// Looks every half minute until the stop, first after the first of them, and at once when the monthly cap is
  /// reached. Notes at the end what was uploaded.
  void run(const std::stop_token& stop);

  /// How long the monthly cap cannot be reached, on a LAN of 1 Gbit/s: from a second to half a minute. Thread of look.
  std::chrono::milliseconds until_count() const;
  /// The cap is reached, and look() does not know it. Thread of look.
  bool is_over_cap() const;

 private:
  Bytes uploaded_this_month(Time now);
  Bytes left_of_cap() const;

  KeeperTools tools_;
  Bytes counted_;  ///< of what the swarm has uploaded
  Bytes month_;    ///< uploaded with that
  mutable std::mutex mutex_;
  Manners last_;
};

}  // namespace upswarm::agent
