// Making an output under its name when it is whole, by one process at a time.
#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "protocol/base/file_lock.hpp"
#include "protocol/base/files.hpp"
#include "protocol/base/json.hpp"

namespace upswarm::publish {

/// What becomes of what is half made when a run is stopped.
enum class HalfMade {
  removed,    ///< and what another run left is in the way
  resumable,  ///< the same, but another run may be asked to go on from it
  resumed,    ///< what another run left is gone on from, and what is half made is left for the next
};

/// Where the trees of packages are unpacked that an output is made from.
Path old_tree_of(const Path& part);
Path new_tree_of(const Path& part);

/// The work on one output.
class Making {
 public:
  /// Makes `to` by `make(part)`, whole or not at all. Meanwhile it holds a lock on NAME.part.lock, which it removes at
  /// the end; one that a killed process left is nobody's.
  /// Errors: denied  the output, or what another run left of it, is there: that is not touched; busy  another run is
  /// making it; cancelled  give_up() came; as make.
  Result<Json> run(Files& files, const Path& to, const std::function<Result<Json>(const Path&)>& make,
                   HalfMade half = HalfMade::removed);

  /// For a process that ends right after it: removes what run() has half made, and nothing that is not its own.
  /// False: run() has made nothing so far, or is over; then it ends by itself. For any thread.
  bool give_up(Files& files);

 private:
  Result<void> begin(Files& files, const Path& target, HalfMade half);

  std::mutex mutex_;
  Path part_;
  std::optional<FileLock> lock_;  ///< as long as what is half made is ours
};

/// Removes all that making `to` leaves beside it when its process is ended in the midst of it; only for who made it.
void remove_half_made(Files& files, const Path& to);

}  // namespace upswarm::publish
