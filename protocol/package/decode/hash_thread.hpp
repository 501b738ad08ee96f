// SHA-256 of many files on a thread of its own, so that digests cost no time beside decompressing and writing.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "protocol/base/cpu_time.hpp"
#include "protocol/base/digest.hpp"

namespace upswarm::package {

/// Takes the content of one file after the other. For use by one thread, which waits where the other is behind: holds
/// at most 2.5 MiB, and what the judges of 1536 files hold.
class HashThread {
 public:
  /// What a file's digest means. Called on the thread, in the order of the files; its error fails the whole.
  using Judge = std::function<Result<void>(const Sha256&)>;

  HashThread();
  ~HashThread();
  HashThread(const HashThread&) = delete;
  HashThread& operator=(const HashThread&) = delete;

  /// The next bytes of the file; they are copied.
  void update(ByteView bytes);
  /// The file ends. What `judge` refers to must outlive check(), or the object.
  void finish(Judge judge);
  /// The same; another digest than `expected` is an error.
  void finish(const std::string& path, const Sha256& expected);
  /// Waits for all.   Errors: the first that a judge gave; corrupt  a file has another digest, by its path.
  Result<void> check();
  /// Whether some file is known to be wrong: no use to go on.
  bool has_failed() const;
  /// Of the thread, up to the last check().
  CpuTime cpu_time() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
