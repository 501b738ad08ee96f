// SHA-256 of many files on a thread of its own, so that digests cost no time beside decompressing and writing.
#pragma once

#include <memory>
#include <string>

#include "protocol/base/digest.hpp"

namespace upswarm::package {

/// Takes the content of one file after the other. For use by one thread; holds at most 4 MiB that are not hashed yet.
class HashThread {
 public:
  HashThread();
  ~HashThread();
  HashThread(const HashThread&) = delete;
  HashThread& operator=(const HashThread&) = delete;

  /// The next bytes of the file; they are copied.
  void update(ByteView bytes);
  /// The file ends; its digest is compared later.
  void finish(const std::string& path, const Sha256& expected);
  /// Waits for all.   Errors: corrupt  the first file that has another digest, by its path.
  Result<void> check();
  /// Whether some file is known to be wrong: no use to go on.
  bool has_failed() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswarm::package
