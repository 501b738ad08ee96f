// Who takes requests and does not answer them; for *_libtorrent.cpp files only.
#pragma once

#include <atomic>
#include <cstdint>
#include <libtorrent/extensions.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace upswarm::agent {

enum class Fault {
  silent,  ///< it let us ask, and sent not a byte of what was asked for while libtorrent ticked ten times, once a
           ///< second, and others gave something
  alone,   ///< the same, but nobody gave anything
  refuses  ///< it turned down a hundred requests for what it says it has, and sent nothing between
};

/// What the plug-ins of all torrents tell a session. Any thread may call.
class Complaints {
 public:
  void add(const std::string& address, Fault fault);
  /// By address, since the last call.
  std::map<std::string, Fault> take();

  /// Somebody gave something.
  void note_gift() { ++gifts_; }
  std::uint64_t gifts() const { return gifts_; }

 private:
  static constexpr std::size_t kMost = 1000;

  std::mutex mutex_;
  std::map<std::string, Fault> faults_;
  std::atomic<std::uint64_t> gifts_ = 0;
};

/// Watches the connections of a torrent, once each: who is cut for it starts anew.
std::shared_ptr<lt::torrent_plugin> make_witness_plugin(std::shared_ptr<Complaints> complaints);

}  // namespace upswarm::agent
