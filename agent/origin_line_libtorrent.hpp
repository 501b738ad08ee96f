// A leader's connection to the origin; for *_libtorrent.cpp files only.
#pragma once

#include <libtorrent/extensions.hpp>
#include <memory>
#include <mutex>
#include <optional>

#include "agent/torrent_session.hpp"

namespace upswarm::agent {

/// What a torrent's plug-in and its session tell each other. Any thread may call.
class OriginLine {
 public:
  /// Connections made to lease.origin from now on say lease.token, and whether a user waits. Nothing: those that are
  /// there are cut within about a second, and so are those to another origin than the lease's, and of another effort.
  void set(std::optional<Lease> lease, Effort effort = Effort::background);
  std::optional<Lease> lease() const;
  Effort effort() const;

  /// A connection to an origin is there or being made.
  bool is_busy() const;
  /// The origin lets us have pieces.
  bool is_open() const;

  /// Whether the origin has let us have pieces since this was asked last.
  bool take_success();

  // Of the plug-in, on the network's thread.
  void add_connection(int more);
  void add_open(int more);

 private:
  mutable std::mutex mutex_;
  std::optional<Lease> lease_;
  Effort effort_ = Effort::background;
  int connections_ = 0;
  int open_ = 0;
  bool had_success_ = false;
};

/// Says the lease in the extension handshake (BEP 10): {"upswarm": {"lease": TOKEN}}, to the lease's origin alone.
/// Unless a user waits, what comes from the origin makes room for others on its way (protocol/base/yielding.hpp).
std::shared_ptr<lt::torrent_plugin> make_lease_plugin(std::shared_ptr<OriginLine> line);

}  // namespace upswarm::agent
