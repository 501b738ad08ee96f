// Parts of a package from the origin by exact ranges, into the file that the swarm keeps of it.
#pragma once

#include <stop_token>
#include <vector>

#include "agent/package_cache.hpp"
#include "agent/range_requests.hpp"
#include "agent/swarm.hpp"

namespace upswarm::agent {

/// What was on disk and matches its digest is not fetched again, whoever wrote it: so a stop or a kill loses one
/// request at most, and nothing has to be noted or synced. Nobody may write the file meanwhile. One thread.
class PartsFetch {
 public:
  /// All must outlive it. Without `effort` it is the request's.
  PartsFetch(const SwarmSettings& settings, HttpClient& http, const PackageCache& cache, const DownloadRequest& request,
             std::chrono::milliseconds patience, RateNow rate = {}, EffortNow effort = {});

  /// Fetches those of request.parts that are not on disk; each is verified as soon as it is there. Of a part what lies
  /// in request.pieces must have come before. `tell` hears of every change of bytes().
  /// Errors: no_space     checked before the first byte
  ///         corrupt      (reason "bad_origin") the origin sent other bytes than the signed ones, or no ranges,
  ///                      kMostWrongAnswers times; or pieces hold other bytes than the signed ones
  ///         not_found    the same for answers that it has no such file
  ///         unreachable  nothing came for `patience`
  ///         untrusted, invalid  as HttpClient::send
  ///         cancelled, disk
  Result<void> run(const std::function<void()>& tell, const std::stop_token& stop);

  /// Of request.parts alone, without what lies in pieces: on disk before, verified from the origin, wasted (gaps
  /// between parts, wrong bytes, answers that broke off).
  BytesBySource bytes() const;
  /// Still to come, without the gaps between.
  Bytes missing() const;
  /// Why nothing comes, while nothing comes.
  const std::string& trouble() const { return trouble_; }

  static constexpr int kMostWrongAnswers = 3;

 private:
  struct Part {
    SignedPart what;
    Bytes outside;  ///< of it, what does not lie in pieces
    bool is_here = false;
  };
  Result<bool> is_right(const SignedPart& part, const std::stop_token& stop) const;
  Result<void> look_at_disk(const std::stop_token& stop);
  Result<void> check_space() const;
  std::vector<FilePart> ranges_to_come() const;
  /// Fetches and writes one range, however often it takes.
  Result<void> fetch(const FilePart& range, const std::stop_token& stop);
  Result<void> write(const FilePart& range, const std::string& bytes) const;
  /// Verifies what ends there. Errors: corrupt  wrong for the last time.
  Result<void> verify_up_to(Bytes end, const std::stop_token& stop);
  Result<void> wait_after(Error why, const std::stop_token& stop);

  const SwarmSettings& settings_;
  const PackageCache& cache_;
  const DownloadRequest& request_;
  std::chrono::milliseconds patience_;
  Path file_;
  RangeRequests requests_;
  std::vector<Part> parts_;
  std::function<void()> tell_;
  std::string trouble_;
  Bytes on_disk_;
  Bytes verified_;
  Bytes verified_up_to_;  ///< in this round
  int failures_ = 0;      ///< in a row
  int wrong_ = 0;
  std::chrono::steady_clock::time_point last_received_;
};

}  // namespace upswarm::agent
