// One network thread of the HTTP server, and what its connections share.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <unordered_set>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include "seeder/http_handler.hpp"

namespace upswarm::seeder {

/// A connection stays with its lane, so that nothing here needs a lock. For the thread that runs `io` alone, but for
/// the constructor.
class HttpLane {
 public:
  using Tick = std::uint64_t;  ///< seconds, as the lane counts them: exact enough for limits, and free
  static constexpr Tick kNever = std::numeric_limits<Tick>::max();

  /// A connection, as its lane sees it.
  class Member {
   public:
    virtual ~Member() = default;
    virtual Tick deadline() const = 0;
    virtual bool is_idle() const = 0;
    /// What it waits for fails.
    virtual void close() = 0;
  };

  /// Both must outlive the lane.
  HttpLane(HttpHandler& asked, boost::asio::thread_pool& blocking) : handler(asked), workers(blocking) {}

  void enter(Member* member) { members_.insert(member); }
  void leave(Member* member) { members_.erase(member); }

  Tick after(std::chrono::seconds limit) const { return now_ + static_cast<Tick>(limit.count()) + 1; }
  /// A second has passed: whoever is over its limit is cut off.
  void tick() {
    ++now_;
    for (auto* member : members_) {
      if (member->deadline() <= now_) member->close();
    }
  }

  bool is_stopping() const { return stopping_; }
  /// Those that answer something may finish it.
  void stop() {
    stopping_ = true;
    for (auto* member : members_) {
      if (member->is_idle()) member->close();
    }
  }

  HttpHandler& handler;
  boost::asio::thread_pool& workers;  ///< for what may block

 private:
  std::unordered_set<Member*> members_;
  Tick now_ = 0;
  bool stopping_ = false;

 public:  // last: what is left of the connections ends with it, and leaves
  boost::asio::io_context io{1};
};

}  // namespace upswarm::seeder
