// Finds neighbours on the LAN while no tracker answers (BEP 14).
//
//   who lacks a package and hears of no tracker        who has it, or some of it
//   ---- I am at port P, it is about info-hash H ---->  (multicast: to everybody on the LAN)
//   <------------------ connects to port P -----------
//
// Anybody on the LAN can forge such calls, as many as he likes and in anybody's name. So they are read at a bounded
// rate, and make a machine connect to few at a time; while it downloads and its tracker answers, to none.
#pragma once

#include <utility>
// Boost 1.74 needs <utility> before it.
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/endpoint.hpp"
#include "agent/local_announce.hpp"
#include "agent/network.hpp"

namespace upswarm::agent {

/// How often calls make this machine connect: to ten at once, then to one every 2 s, and to one address at most once a
/// minute for one package. Not thread-safe.
class MeetingLimits {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Whether to connect now; it then counts as done.
  bool may_meet(const trust::InfoHash& id, const std::string& address, Time now);

 private:
  static constexpr int kAtOnce = 10;
  static constexpr auto kEvery = std::chrono::seconds(2);
  static constexpr auto kAgainAfter = std::chrono::minutes(1);

  std::map<std::pair<trust::InfoHash, std::string>, Time> met_;  ///< within the last minute: some 40 at most
  int left_ = kAtOnce;
  Time counted_ = {};  ///< when left_ was right
};

/// When the next call is due, while a package is lacked: at once, and after 2, 4, 8 ... 60 s.
class CallPauses {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Whether to call now; it then counts as done.
  bool is_due(const std::optional<trust::InfoHash>& lacking, Time now);

 private:
  std::optional<trust::InfoHash> lacking_;
  Time next_ = {};
  std::chrono::seconds pause_{};
};

/// What local discovery asks and tells. Called on its thread; they must not throw.
struct LocalDiscoveryTalk {
  /// The package that this machine downloads while it hears of no tracker. Asked every second.
  std::function<std::optional<trust::InfoHash>()> lacking;
  /// Whether somebody who calls about this package is to be connected to.
  std::function<bool(const trust::InfoHash&)> is_welcome;
  std::function<void(const trust::InfoHash&, const Endpoint&)> found;
};

/// Calls and listens, on a thread of its own, in the networks of the machine's interfaces that `listen` is about. Where
/// the port or the group cannot be had, nobody is found: a warning in the log. With an IPv6 address of `listen` only
/// the interface is heard that the system chooses for multicast.
class LocalDiscovery {
 public:
  static constexpr int kMostPerSecond = 200;  ///< calls that are read; what comes beyond is dropped by the system

  /// `listen`: the address and port of the BitTorrent session.
  LocalDiscovery(Endpoint listen, LocalDiscoveryTalk talk);
  ~LocalDiscovery();

 private:
  void open();
  void join();
  void tick();
  void receive();
  void take(std::size_t length);
  void call(const trust::InfoHash& id);

  Endpoint listen_;
  LocalDiscoveryTalk talk_;
  std::string cookie_;
  std::vector<Network> networks_;
  MeetingLimits limits_;
  CallPauses pauses_;
  int ticks_ = 0;
  int may_read_ = kMostPerSecond;  ///< in this second
  bool is_reading_ = false;

  boost::asio::io_context context_;
  boost::asio::ip::udp::socket socket_;
  boost::asio::steady_timer timer_;
  std::array<char, kLongestLocalAnnounce + 1> buffer_{};
  boost::asio::ip::udp::endpoint from_;
  std::jthread thread_;
};

}  // namespace upswarm::agent
