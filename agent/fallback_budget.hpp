// What a month may cost where a delta failed, on a line that is paid by the byte.
#pragma once

#include <optional>

#include "agent/state_store.hpp"
#include "agent/swarm.hpp"

namespace upswarm::agent {

/// Counted as bytes come, so that what came before a stop or a failure is spent, too. One thread.
class FallbackBudget {
 public:
  /// Both must outlive it.
  FallbackBudget(StateStore& store, const Clock& clock) : store_(store), clock_(clock) {}

  /// What `file` may still cost this month, of a budget of `month`. Bytes of it that were spent before a stop lie on
  /// disk: they do not stand in the way of the rest.
  Bytes left(Bytes month, const trust::PackageFile& file) const;
  /// `wasted` failed its check, so it is not on disk.   Errors: of the store.
  Result<void> spend(const trust::PackageFile& file, Bytes bytes, Bytes wasted);
  /// The file is here, or nothing of it is any more.   Errors: of the store.
  Result<void> settle(const trust::PackageFile& file);

 private:
  StateStore& store_;
  const Clock& clock_;
};

/// Spends what one fetch brings over the network. One thread.
class FallbackMeter {
 public:
  /// Both must outlive it.
  FallbackMeter(FallbackBudget& budget, const trust::PackageFile& file) : budget_(budget), file_(file) {}

  /// What the fetch has so far; the first call is where it begins. Written in steps of kStep: a kill loses less.
  void see(const BytesBySource& bytes);
  /// Writes the rest, after the fetch.   Errors: of the store.
  Result<void> finish();

  static constexpr Bytes kStep = 1_MiB;

 private:
  FallbackBudget& budget_;
  const trust::PackageFile& file_;
  struct Cost {
    Bytes kept;
    Bytes wasted;
    Bytes sum() const { return kept + wasted; }
  };
  std::optional<Cost> begin_;
  Cost came_;
  Cost spent_;
};

}  // namespace upswarm::agent
