#include "seeder/announce_answer.hpp"

#include <map>

#include "protocol/messages/announce.hpp"
#include "seeder/bencode.hpp"

namespace upswarm::seeder {
namespace {

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

void add_compact(std::map<std::string, std::string>& reply, const std::vector<ListedPeer>& peers) {
  std::string four;
  std::string six;
  for (const auto& [endpoint, id] : peers)
    (endpoint.address.is_v4() ? four : six) += compact(endpoint.address, endpoint.port);
  reply["peers"] = bencoded(four);
  if (!six.empty()) reply["peers6"] = bencoded(six);
}

void add_in_full(std::map<std::string, std::string>& reply, const std::vector<ListedPeer>& peers) {
  std::vector<std::string> list;
  for (const auto& [endpoint, id] : peers) {
    list.push_back(bencoded_dictionary({{"ip", bencoded(endpoint.address.to_string())},
                                        {"peer id", bencoded(id)},
                                        {"port", bencoded(std::int64_t{endpoint.port})}}));
  }
  reply["peers"] = bencoded_list(list);
}

std::string list_of(const std::vector<Network>& networks) {
  std::vector<std::string> list;
  for (const auto& network : networks) list.push_back(bencoded(network.text()));
  return bencoded_list(list);
}

void add_own_words(std::map<std::string, std::string>& reply, const AnnounceAnswer::ForAgents& words) {
  reply[messages::kSite] = bencoded(words.site);
  reply[messages::kRanges] = list_of(words.ranges);
  reply[messages::kSeeds] = bencoded(static_cast<std::int64_t>(words.seeds));
  if (words.lease.empty()) return;
  reply[messages::kLease] = bencoded(words.lease);
  reply[messages::kLeaseSeconds] = bencoded(static_cast<std::int64_t>(words.lease_time.count()));
  if (words.origin) reply[messages::kOrigin] = bencoded(compact(words.origin->address, words.origin->port));
  if (!words.other_ranges.empty()) reply[messages::kOtherRanges] = list_of(words.other_ranges);
}

}  // namespace

std::string announce_failure(std::string_view reason) {
  return bencoded_dictionary({{"failure reason", bencoded(reason)}});
}

std::string to_text(const AnnounceAnswer& answer) {
  std::map<std::string, std::string> reply{
      {"complete", bencoded(static_cast<std::int64_t>(answer.complete))},
      {"incomplete", bencoded(static_cast<std::int64_t>(answer.incomplete))},
      {"interval", bencoded(static_cast<std::int64_t>(answer.interval.count()))},
      {"min interval", bencoded(std::max<std::int64_t>(1, answer.interval.count() / 3))}};
  if (answer.for_agents) add_own_words(reply, *answer.for_agents);
  if (answer.compact) add_compact(reply, answer.peers);
  else add_in_full(reply, answer.peers);
  return bencoded_dictionary(reply);
}

std::string to_text(const std::map<std::string, ScrapeCount>& counts) {
  std::map<std::string, std::string> files;
  for (const auto& [info_hash, count] : counts) {
    files[info_hash] = bencoded_dictionary({{"complete", bencoded(static_cast<std::int64_t>(count.complete))},
                                            {"incomplete", bencoded(static_cast<std::int64_t>(count.incomplete))}});
  }
  return bencoded_dictionary({{"files", bencoded_dictionary(files)}});
}

}  // namespace upswarm::seeder
