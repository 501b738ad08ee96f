#include "seeder/tracker.hpp"

#include <algorithm>
#include <charconv>

#include "protocol/base/digest.hpp"
#include "seeder/bencode.hpp"
#include "seeder/names.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::size_t kLongestQuery = 2048;
constexpr std::size_t kHashLength = 20;
constexpr std::size_t kMostWanted = 200;
constexpr std::size_t kMostPeers = 20'000;  // of one torrent
constexpr const char* kOwnPeerId = "-UP0100-upswarmseed0";

Error refused(const std::string& why) { return {ErrorKind::invalid, "read the announce", why}; }

using Query = std::map<std::string, std::string, std::less<>>;

Result<Query> parse_query(std::string_view text) {
  if (text.size() > kLongestQuery) return refused("the query is too long");
  Query query;
  while (!text.empty()) {
    const auto end = text.find('&');
    const auto item = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    const auto equals = item.find('=');
    if (item.empty()) continue;
    const auto value = percent_decoded(equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1));
    if (!value) return refused("a percent sign without two hexadecimal digits");
    const auto added = query.emplace(std::string(item.substr(0, equals)), *value);
    if (!added.second) return refused("a key twice: " + std::string(item.substr(0, std::min<std::size_t>(equals, 40))));
  }
  return query;
}

/// Reads the fields of a query; keeps the first mistake.
class QueryReader {
 public:
  explicit QueryReader(const Query& query) : query_(query) {}

  std::string hash(const char* key) {
    const auto* value = find(key);
    if (value == nullptr || value->size() != kHashLength) fail(std::string(key) + " of 20 bytes is wanted");
    return value == nullptr ? "" : *value;
  }

  std::int64_t number(const char* key, std::optional<std::int64_t> otherwise, std::int64_t most) {
    const auto* value = find(key);
    if (value == nullptr && otherwise) return *otherwise;
    std::int64_t number = -1;
    if (value != nullptr) {
      const auto [end, status] = std::from_chars(value->data(), value->data() + value->size(), number);
      if (status != std::errc() || end != value->data() + value->size()) number = -1;
    }
    if (number < 0 || number > most) fail(std::string(key) + " is wanted, a number from 0 to " + std::to_string(most));
    return number;
  }

  Announce::Event event() {
    const auto* value = find("event");
    if (value == nullptr || value->empty() || *value == "empty") return Announce::Event::none;
    if (*value == "started") return Announce::Event::started;
    if (*value == "stopped") return Announce::Event::stopped;
    if (*value == "completed") return Announce::Event::completed;
    fail("event is none of started, stopped, completed");
    return Announce::Event::none;
  }

  const std::optional<Error>& mistake() const { return mistake_; }

 private:
  const std::string* find(const char* key) const {
    const auto found = query_.find(key);
    return found == query_.end() ? nullptr : &found->second;
  }
  void fail(const std::string& why) {
    if (!mistake_) mistake_ = refused(why);
  }

  const Query& query_;
  std::optional<Error> mistake_;
};

/// A dual-stack socket sees IPv4 peers as ::ffff:a.b.c.d.
IpAddress plain(const IpAddress& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
  }
  return address;
}

/// 6 bytes for IPv4, 18 for IPv6, in network order.
std::string compact(const IpAddress& address, std::uint16_t port) {
  std::string bytes;
  const auto append = [&bytes](const auto& raw) {
    for (const auto byte : raw) bytes += static_cast<char>(byte);
  };
  if (address.is_v4()) append(address.to_v4().to_bytes());
  else append(address.to_v6().to_bytes());
  bytes += static_cast<char>(port >> 8U);
  bytes += static_cast<char>(port & 0xFFU);
  return bytes;
}

void add_peers(std::map<std::string, std::string>& reply, const std::vector<ListedPeer>& peers, bool in_compact_form) {
  std::string four;
  std::string six;
  std::vector<std::string> list;
  for (const auto& [endpoint, id] : peers) {
    (endpoint.address.is_v4() ? four : six) += compact(endpoint.address, endpoint.port);
    list.push_back(bencoded_dictionary({{"ip", bencoded(endpoint.address.to_string())},
                                        {"peer id", bencoded(id)},
                                        {"port", bencoded(std::int64_t{endpoint.port})}}));
  }
  reply["peers"] = in_compact_form ? bencoded(four) : bencoded_list(list);
  if (in_compact_form && !six.empty()) reply["peers6"] = bencoded(six);
}

}  // namespace

Result<Announce> parse_announce(std::string_view text) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  UPSWARM_TRY(const auto query, parse_query(text));
  QueryReader in(query);
  Announce announce;
  announce.info_hash = in.hash("info_hash");
  announce.peer_id = in.hash("peer_id");
  announce.port = static_cast<std::uint16_t>(in.number("port", std::nullopt, 65535));
  announce.uploaded = in.number("uploaded", 0, kMax);
  announce.downloaded = in.number("downloaded", 0, kMax);
  announce.left = in.number("left", std::nullopt, kMax);
  announce.event = in.event();
  announce.wanted = std::min(static_cast<std::size_t>(in.number("numwant", 50, 1'000'000)), kMostWanted);
  announce.compact = in.number("compact", 1, 1) == 1;
  if (in.mistake()) return *in.mistake();
  return announce;
}

std::string announce_failure(std::string_view reason) {
  return bencoded_dictionary({{"failure reason", bencoded(reason)}});
}

Tracker::Tracker(TrackerSettings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {
  const auto seed = random_bytes(4);
  random_.seed(std::to_integer<std::uint32_t>(seed[0]) | std::to_integer<std::uint32_t>(seed[1]) << 8U |
               std::to_integer<std::uint32_t>(seed[2]) << 16U | std::to_integer<std::uint32_t>(seed[3]) << 24U);
}

void Tracker::track_only(std::set<std::string> info_hashes) {
  const std::lock_guard turn(turn_);
  std::erase_if(swarms_, [&](const auto& one) { return !info_hashes.contains(one.first); });
  for (const auto& info_hash : info_hashes) swarms_.try_emplace(info_hash);
}

void Tracker::forget_silent(Swarm& swarm, Time now) const {
  const auto oldest = now - 2 * settings_.interval - std::chrono::seconds(30);
  std::erase_if(swarm, [&](const auto& one) { return one.second.seen < oldest; });
}

std::vector<ListedPeer> Tracker::choose(const Swarm& swarm, const Announce& announce, const Endpoint& self) {
  std::vector<const Swarm::value_type*> others;
  for (const auto& one : swarm) {
    if (one.first != self && one.first.port != 0 && !(announce.left == 0 && one.second.is_seed)) others.push_back(&one);
  }
  std::vector<const Swarm::value_type*> chosen;
  std::sample(others.begin(), others.end(), std::back_inserter(chosen), announce.wanted, random_);
  std::vector<ListedPeer> peers;
  for (const auto* one : chosen) peers.emplace_back(one->first, one->second.id);
  return peers;
}

std::string Tracker::answer(const Announce& announce, const IpAddress& remote, const IpAddress& local) {
  const std::lock_guard turn(turn_);
  const auto found = swarms_.find(announce.info_hash);
  if (found == swarms_.end()) return announce_failure("this torrent is not known here");
  auto& swarm = found->second;
  const auto now = clock_.now();
  forget_silent(swarm, now);
  const Endpoint self{plain(remote), announce.port};
  if (is_completion(swarm, announce, self)) ++completed_[announce.info_hash];
  if (announce.event == Announce::Event::stopped) swarm.erase(self);
  else if (swarm.contains(self) || swarm.size() < kMostPeers) swarm[self] = {announce.peer_id, announce.left == 0, now};

  std::vector<ListedPeer> peers;
  if (announce.event != Announce::Event::stopped) peers = choose(swarm, announce, self);
  const Endpoint origin{plain(settings_.seeder_address.value_or(local)), settings_.seeder_port};
  const bool wants_origin = announce.left > 0 && announce.wanted > 0 && announce.event != Announce::Event::stopped;
  if (origin.port != 0 && wants_origin) peers.emplace_back(origin, kOwnPeerId);
  const auto seeds = std::ranges::count_if(swarm, [](const auto& one) { return one.second.is_seed; });
  std::map<std::string, std::string> reply{
      {"complete", bencoded(static_cast<std::int64_t>(seeds))},
      {"incomplete", bencoded(static_cast<std::int64_t>(swarm.size()) - static_cast<std::int64_t>(seeds))},
      {"interval", bencoded(static_cast<std::int64_t>(settings_.interval.count()))},
      {"min interval", bencoded(std::max<std::int64_t>(1, settings_.interval.count() / 3))}};
  if (origin.port != 0) reply["upswarm origin"] = bencoded(compact(origin.address, origin.port));
  add_peers(reply, peers, announce.compact);
  return bencoded_dictionary(reply);
}

bool Tracker::is_completion(const Swarm& swarm, const Announce& announce, const Endpoint& self) {
  if (announce.left != 0) return false;
  const auto known = swarm.find(self);
  return known == swarm.end() ? announce.event == Announce::Event::completed : !known->second.is_seed;
}

std::map<std::string, std::int64_t> Tracker::take_completed() {
  const std::lock_guard turn(turn_);
  return std::exchange(completed_, {});
}

Tracker::Count Tracker::count() {
  const std::lock_guard turn(turn_);
  Count count{.torrents = swarms_.size()};
  const auto now = clock_.now();
  for (auto& [info_hash, swarm] : swarms_) {
    forget_silent(swarm, now);
    count.peers += swarm.size();
    count.seeds +=
        static_cast<std::size_t>(std::ranges::count_if(swarm, [](const auto& one) { return one.second.is_seed; }));
  }
  return count;
}

}  // namespace upswarm::seeder
