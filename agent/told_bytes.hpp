// Which bytes of packages the history has already, so that it has each once.
#pragma once

#include <map>

#include "agent/swarm.hpp"

namespace upswarm::agent {

/// Of one update, whose ways may go on from the same pieces. One thread.
class ToldBytes {
 public:
  /// A fetch of `package` ended with `file`: what the history has of that counts as on disk from then on.
  void take(const Sha256& package, Downloaded& file);
  /// The history has all that was taken.
  void tell() { told_ = fetched_; }

 private:
  std::map<Sha256, BytesBySource> fetched_;  ///< of each package, in its pieces
  std::map<Sha256, BytesBySource> told_;
};

}  // namespace upswarm::agent
