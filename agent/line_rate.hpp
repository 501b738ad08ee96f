// How fast the line to the seeder is, by what came over it.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "agent/state_store.hpp"
#include "agent/swarm.hpp"

namespace upswarm::agent {

/// The rates of the last kMost transfers from the origin, kept over restarts. One thread.
class LineRate {
 public:
  static constexpr std::size_t kMost = 8;
  /// Fewer say nothing: the seeder may have been busy, or somebody else on the line.
  static constexpr std::size_t kFewest = 3;
  static constexpr std::chrono::hours kForgotten{24 * 14};

  /// The store must outlive it.
  explicit LineRate(StateStore& store) : store_(store) {}

  /// Bytes a second of the fastest that is not forgotten: the others were slower because the line was used otherwise,
  /// the seeder busy, or the transfer made way. Nothing where there are less than kFewest, or the store says something
  /// else.
  std::optional<Bytes> best(Time now) const;
  /// Errors: of the store.
  Result<void> note(Bytes a_second, Time now);

 private:
  StateStore& store_;
};

/// Times one fetch. What comes from the origin is told when it is verified, piece by piece, so time counts from one
/// piece to the next, and not where neighbours gave something meanwhile. One thread.
class LineMeter {
 public:
  using Now = std::function<std::chrono::steady_clock::time_point()>;
  /// Less says nothing of a line: a connection has to get going, and pieces come in bursts.
  static constexpr Bytes kLeast = 256_KiB;
  /// A longer one between two pieces is a pause, or a seeder that starts anew, and not the line's: a piece has at most
  /// 1 MiB, which takes so long at 35 KiB/s.
  static constexpr std::chrono::seconds kLongestGap{30};

  explicit LineMeter(Now now = std::chrono::steady_clock::now) : now_(std::move(now)) {}

  /// What the fetch has so far.
  void see(const BytesBySource& bytes);
  /// Bytes a second from the origin; nothing where it gave less than kLeast.
  std::optional<Bytes> a_second() const;

 private:
  Now now_;
  std::optional<std::chrono::steady_clock::time_point> last_;  ///< when something came from the origin
  std::optional<BytesBySource> seen_;                          ///< at that time, or at the beginning
  Bytes came_;
  std::chrono::steady_clock::duration took_{0};
};

}  // namespace upswarm::agent
