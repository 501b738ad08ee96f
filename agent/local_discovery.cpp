#include "agent/local_discovery.hpp"

#include <algorithm>
#include <boost/asio/ip/multicast.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "agent/own_network.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

using boost::asio::ip::make_address;
using boost::asio::ip::udp;
namespace multicast = boost::asio::ip::multicast;
using Problem = boost::system::error_code;

constexpr auto kTick = std::chrono::seconds(1);
constexpr int kLookAround = 30;  // ticks: interfaces come and go
constexpr std::chrono::seconds kFirstPause{2};
constexpr std::chrono::seconds kLongestPause{60};

/// Of the machine's networks those in which somebody who connects to `listen` can be.
std::vector<Network> networks_of(const boost::asio::ip::address& listen) {
  std::vector<Network> networks;
  std::ranges::copy_if(own_networks(), std::back_inserter(networks), [&](const Network& one) {
    if (one.address.is_v4() != listen.is_v4()) return false;
    return listen.is_unspecified() ? !one.address.is_loopback() : one.address == listen;
  });
  return networks;
}

}  // namespace

bool MeetingLimits::may_meet(const trust::InfoHash& id, const std::string& address, Time now) {
  std::erase_if(met_, [&](const auto& item) { return now - item.second >= kAgainAfter; });
  const auto earned = (now - counted_) / kEvery;
  left_ = static_cast<int>(std::min<std::int64_t>(kAtOnce, left_ + earned));
  counted_ = left_ == kAtOnce ? now : counted_ + earned * kEvery;
  if (left_ == 0 || met_.contains({id, address})) return false;
  --left_;
  met_[{id, address}] = now;
  return true;
}

bool CallPauses::is_due(const std::optional<trust::InfoHash>& lacking, Time now) {
  if (lacking != lacking_) {
    lacking_ = lacking;
    next_ = now;
    pause_ = kFirstPause;
  }
  if (!lacking_ || now < next_) return false;
  next_ = now + pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
  return true;
}

LocalDiscovery::LocalDiscovery(Endpoint listen, LocalDiscoveryTalk talk)
    : listen_(std::move(listen)),
      talk_(std::move(talk)),
      cookie_(to_hex(random_bytes(4))),
      socket_(context_),
      timer_(context_) {
  open();
  if (!socket_.is_open()) return;
  tick();
  thread_ = std::jthread([this] { context_.run(); });
}

LocalDiscovery::~LocalDiscovery() { context_.stop(); }

void LocalDiscovery::open() {
  Problem problem;
  const auto address = make_address(listen_.address, problem);
  const auto any = address.is_v4() ? udp::v4() : udp::v6();
  if (!problem) socket_.open(any, problem);
  if (!problem && address.is_v6()) socket_.set_option(boost::asio::ip::v6_only(true), problem);
  if (!problem) socket_.set_option(udp::socket::reuse_address(true), problem);
  if (!problem) socket_.bind({any, kLocalPort}, problem);
  if (!problem) socket_.non_blocking(true, problem);
  if (!problem) return;
  log::warning("neighbours are not looked for on the LAN", {{"port", kLocalPort}, {"why", problem.message()}});
  Problem ignored;
  socket_.close(ignored);
}

/// In groups that it is in already it stays.
void LocalDiscovery::join() {
  Problem ignored;
  const auto address = make_address(listen_.address, ignored);
  networks_ = networks_of(address);
  if (address.is_v6()) {
    socket_.set_option(multicast::join_group(make_address(kLocalGroupOfV6).to_v6()), ignored);
    return;
  }
  const auto group = make_address(kLocalGroup).to_v4();
  for (const auto& network : networks_) {
    socket_.set_option(multicast::join_group(group, network.address.to_v4()), ignored);
  }
}

void LocalDiscovery::tick() {
  if (ticks_++ % kLookAround == 0) join();
  const auto lacking = talk_.lacking();
  if (pauses_.is_due(lacking, std::chrono::steady_clock::now())) call(*lacking);
  may_read_ = kMostPerSecond;
  if (!is_reading_) receive();
  timer_.expires_after(kTick);
  timer_.async_wait([this](const Problem& problem) {
    if (!problem) tick();
  });
}

void LocalDiscovery::receive() {
  is_reading_ = true;
  socket_.async_receive_from(boost::asio::buffer(buffer_), from_, [this](const Problem& problem, std::size_t length) {
    is_reading_ = false;
    --may_read_;
    if (!problem) take(length);
    if (may_read_ > 0) receive();
  });
}

void LocalDiscovery::take(std::size_t length) {
  const auto address = from_.address();
  const bool is_near = std::ranges::any_of(networks_, [&](const Network& one) { return one.contains(address); });
  if (!is_near || (address.is_v6() && address.to_v6().is_link_local())) return;
  const auto announce = read_local_announce({buffer_.data(), length});
  if (!announce || announce->cookie == cookie_) return;
  const auto text = address.to_string();
  for (const auto& id : announce->ids) {
    if (!talk_.is_welcome(id) || !limits_.may_meet(id, text, std::chrono::steady_clock::now())) continue;
    talk_.found(id, {text, announce->port});
  }
}

void LocalDiscovery::call(const trust::InfoHash& id) {
  const LocalAnnounce announce{.port = listen_.port, .ids = {id}, .cookie = cookie_};
  Problem ignored;  // of a network that is gone just now
  if (make_address(listen_.address, ignored).is_v6()) {
    const auto text = write_local_announce(announce, "[" + std::string(kLocalGroupOfV6) + "]");
    socket_.send_to(boost::asio::buffer(text), {make_address(kLocalGroupOfV6), kLocalPort}, 0, ignored);
    return;
  }
  const auto text = write_local_announce(announce, kLocalGroup);
  for (const auto& network : networks_) {
    socket_.set_option(multicast::outbound_interface(network.address.to_v4()), ignored);
    socket_.send_to(boost::asio::buffer(text), {make_address(kLocalGroup), kLocalPort}, 0, ignored);
  }
}

}  // namespace upswarm::agent
