// One HTTP connection of the seeder.
#pragma once

#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>

#include <memory>

#include "seeder/http_lane.hpp"

namespace upswarm::seeder {

/// What carries a connection: TCP, with TLS or without.
class HttpStream {
 public:
  using ErrorCode = boost::system::error_code;

  virtual ~HttpStream() = default;
  virtual boost::asio::awaitable<void> shake_hands(ErrorCode& failed) = 0;
  virtual boost::asio::awaitable<void> say_goodbye() = 0;
  /// At least a byte, unless `failed`.
  virtual boost::asio::awaitable<std::size_t> read_some(boost::asio::mutable_buffer space, ErrorCode& failed) = 0;
  /// All of it, unless `failed`.
  virtual boost::asio::awaitable<void> write(boost::asio::const_buffer bytes, ErrorCode& failed) = 0;
  /// What is sent from now on gives way to other traffic, or not (protocol/base/traffic_mark.hpp). At first it does
  /// not.
  virtual void mark(bool is_background) = 0;
  virtual void close() = 0;
};

/// Serves requests until the client leaves, is silent for a minute, takes nothing for half a minute, or the lane stops.
/// Runs on the lane's thread, and must be spawned there.
boost::asio::awaitable<void> serve_http(HttpLane& lane, std::unique_ptr<HttpStream> stream, IpAddress remote,
                                        IpAddress local);

}  // namespace upswarm::seeder
