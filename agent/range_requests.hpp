// Ranges of one file at the origin, by HTTP.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "agent/effort.hpp"
#include "protocol/base/http/http_client.hpp"

namespace upswarm::agent {

/// The token of the lease that a machine has just now; "" while it does not lead. Any thread may call.
using LeaseToken = std::function<std::string()>;

/// Bytes a second that a machine may ask for by HTTP just now; 0: no limit. What it is at its beginning holds for a
/// request. Any thread may call.
using RateNow = std::function<std::uint64_t()>;

/// How much a download insists just now. Any thread may call.
using EffortNow = std::function<Effort()>;

/// Not for use by two threads at once, but for received().
class RangeRequests {
 public:
  /// `http` must outlive it. A request of a machine that leads says its lease. Without `rate` there is no limit.
  RangeRequests(HttpClient& http, std::string url, Bytes length, EffortNow effort, RateNow rate = {},
                LeaseToken lease = {})
      : http_(http),
        url_(std::move(url)),
        length_(length),
        effort_(std::move(effort)),
        rate_(std::move(rate)),
        lease_(std::move(lease)) {}

  /// Exactly the bytes of the range, not verified; they are kept in memory until they are all there. Waits first until
  /// what came before has taken as long as its rate wants.
  /// Errors: unreachable  no answer, one that is cut off, or the server's own trouble (5xx)
  ///         busy         it rations (429, 503)
  ///         not_found    404
  ///         corrupt      another range than the one asked for, more than that, or another status: 200 of a server that
  ///                      ignores ranges is all right only where the range is everything
  ///         untrusted, invalid, cancelled
  Result<std::string> fetch(const HttpRange& range, const std::stop_token& stop);

  /// When another try makes sense, after so many failures in a row (that one too): as long as the origin asked to wait,
  /// else a time that doubles.
  std::chrono::milliseconds retry_after(int failures) const;

  /// How long the next fetch would wait for that.
  std::chrono::milliseconds due_in() const;
  /// As `rate` says just now.
  std::uint64_t rate() const { return rate_ ? rate_() : 0; }

  /// Bytes of answers so far. Any thread may ask.
  Bytes received() const { return {received_.load()}; }
  const std::string& url() const { return url_; }

 private:
  HttpClient& http_;
  std::string url_;
  Bytes length_;
  EffortNow effort_;
  RateNow rate_;
  LeaseToken lease_;
  std::chrono::milliseconds rationed_{0};
  std::chrono::steady_clock::time_point due_{};  ///< curl alone lets some seconds' worth through at once
  std::atomic<std::uint64_t> received_{0};
};

}  // namespace upswarm::agent
