// A download that makes room: how many bytes may be on their way while others use the same link.
#pragma once

#include <chrono>
#include <optional>

#include "protocol/base/units.hpp"

namespace upswarm {

/// What a receiver knows of one of its connections.
struct PathState {
  std::chrono::microseconds round_trip{0};        ///< smoothed
  std::chrono::microseconds least_round_trip{0};  ///< of the last minutes
  Bytes received;                                 ///< since the connection was made
};

/// A window for a receiver that gives way: the idea of LEDBAT (RFC 6817) as a receiver can have it (RFC 9840). Its
/// requests, and their acknowledgements behind the bytes of others, tell how long packets wait on the way: the round
/// trip less the shortest one. While that is above kTarget the window shrinks in proportion, below it grows by up to
/// a quarter at a time. Alone on a link it so keeps a queue of kTarget, which is enough for all of the link's rate;
/// beside a transfer that fills queues, as TCP's usual congestion controls do, it falls to kLeastRate within a second
/// or two.
///
/// Where it does not make room: queues that are never longer than kTarget (small buffers, fair queueing), and queues
/// that others have filled since before the connection was made: they look like distance.
///
/// Pure. One thread.
class Yielding {
 public:
  using Tick = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds kTarget{25};  ///< half of a small router's 50 ms
  static constexpr std::chrono::milliseconds kEvery{100};  ///< between two looks, or a round trip, if that is more
  static constexpr Bytes kLeastRate = 64_KiB;              ///< a second: it never starves
  static constexpr Bytes kLeastWindow{4 * 1460};

  /// Whether it is time for look().
  bool is_due(Tick now) const { return now >= next_; }

  /// The bytes that may be on their way from now on; nothing: as many as the sender likes.
  std::optional<Bytes> look(Tick now, const PathState& path);

 private:
  std::optional<double> window_;
  std::optional<Tick> looked_;
  Tick next_{};
  Bytes received_;
  double rate_ = 0;  ///< bytes a second, of the last looks
};

}  // namespace upswarm
