// The digest of a file that is being filled, ready when the file is.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "protocol/base/digest.hpp"
#include "protocol/base/files.hpp"

namespace upswarm::agent {

/// A thread that reads the file's start as it grows, mostly from the system's cache, with a buffer of 256 KiB. What it
/// has read it does not read again: whoever changes it afterwards gets the digest of before, so a digest that is not
/// the signed one is worth a look at the whole file.
class PrefixHasher {
 public:
  /// How much of the file's start will not change any more; nothing: nobody fills it any more. Never falls.
  using Start = std::function<std::optional<Bytes>()>;

  /// `wait` returns when more may be there, or after a while. Both functions are called on the hasher's thread, until
  /// the hasher is gone. The file need not be there before start() rises.
  PrefixHasher(Files& files, Path file, Bytes length, Start start, std::function<void()> wait);

  /// Waits until all `length` bytes are read.
  /// Errors: cancelled  by `stop`, or nobody fills it any more
  ///         disk, not_found  the file; it ends early
  Result<Sha256> finish(std::stop_token stop);

 private:
  void run(const std::stop_token& stop);
  Result<Sha256> digest(const std::stop_token& stop) const;

  Files& files_;
  Path file_;
  Bytes length_;
  Start start_;
  std::function<void()> wait_;

  std::mutex mutex_;
  std::condition_variable_any done_;
  std::optional<Result<Sha256>> result_;
  std::jthread thread_;  ///< last: it ends before what it uses
};

}  // namespace upswarm::agent
