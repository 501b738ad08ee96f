// Missing pieces of a package from the origin by HTTP ranges: the way that needs neither tracker nor peers.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/range_requests.hpp"

namespace upswarm::agent {

/// What the download by ranges asks of whoever keeps the pieces.
class PieceKeeper {
 public:
  virtual ~PieceKeeper() = default;
  /// Rising.
  virtual std::vector<std::uint32_t> missing() = 0;
  /// Takes a piece and waits for the verdict; after a stop only shortly, so that what came is rarely thrown away.
  /// Errors: corrupt  it failed its check; busy  it failed, but perhaps by bytes of others; disk  no verdict came;
  /// cancelled.
  virtual Result<void> put(std::uint32_t piece, ByteView bytes, const std::stop_token& stop) = 0;
};

/// Not for use by two threads at once, but for received().
class OriginRanges {
 public:
  /// `http` and `keeper` must outlive it. `effort`, `rate` and `lease`: as RangeRequests.
  OriginRanges(HttpClient& http, std::string url, Bytes length, Bytes piece_length, PieceKeeper& keeper,
               EffortNow effort, RateNow rate = {}, LeaseToken lease = {});

  /// Fetches the next few missing pieces with one request and puts them. The first piece is a random one, so that
  /// machines that all lost their tracker have something to give to each other; from there on in order. A machine that
  /// leads begins with the first that is missing.
  /// Success: put, or nothing is missing. Otherwise retry_after() says when another try makes sense.
  /// Errors: unreachable, not_found  the origin's answer
  ///         corrupt    it sent another range, or wrong bytes; of these, after kMostBadPieces, all further calls give
  ///                    this at once
  ///         busy       it rations (429, 503)
  ///         cancelled, disk
  Result<void> step(const std::stop_token& stop);

  std::chrono::milliseconds retry_after() const { return requests_.retry_after(failures_); }
  bool is_bad() const { return bad_pieces_ >= kMostBadPieces; }

  /// Bytes of answers so far. Any thread may ask.
  Bytes received() const { return requests_.received(); }

  static constexpr int kMostBadPieces = 3;

 private:
  struct Span {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  Span choose(const std::vector<std::uint32_t>& missing);
  Result<void> try_step(const std::stop_token& stop);

  LeaseToken lease_;
  RangeRequests requests_;
  Bytes length_;
  Bytes piece_length_;
  PieceKeeper& keeper_;
  std::uint32_t next_;
  int bad_pieces_ = 0;
  int failures_ = 0;
};

}  // namespace upswarm::agent
