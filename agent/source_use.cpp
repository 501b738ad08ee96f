#include "agent/source_use.hpp"

#include <algorithm>

#include "agent/hunger.hpp"

namespace upswarm::agent {
namespace {

std::string tracker_words(const SourceFacts& facts) {
  if (!facts.trouble.empty()) return "the tracker does not answer: " + facts.trouble;
  if (!facts.named) return "the tracker has not answered yet";
  return "the tracker names " + std::to_string(*facts.named);
}

std::string peer_words(const PeerUse& peer) {
  if (peer.is_connecting) return "being connected";
  if (peer.bytes_per_second > 0) return "gives " + to_string(Bytes{peer.bytes_per_second}) + "/s";
  if (!peer.is_interesting) return "has nothing that is lacking here, and is asked as soon as it has";
  if (peer.chokes_us) return "gives to others first, and here when it has a slot free";
  return "is asked, and gives nothing just now";
}

std::string words_of(const ShutOut& one) {
  return "shut out: " + one.why + "; let in again in " + to_string(std::chrono::milliseconds(one.left)) +
         (one.may_knock ? ", or when it connects by itself" : "");
}

SourceUse neighbours(const SourceFacts& facts) {
  const auto is_near = [](const PeerUse& peer) { return peer.source != ByteSource::origin_bt; };
  const auto connected = std::ranges::count_if(facts.peers, is_near);
  const auto giving = std::ranges::count_if(
      facts.peers, [&](const PeerUse& peer) { return is_near(peer) && peer.bytes_per_second > 0; });
  return {
      "neighbours", facts.state.bytes.site + facts.state.bytes.other > 0_B,
      tracker_words(facts) + ", " + std::to_string(connected) + " connected, " + std::to_string(giving) + " giving"};
}

SourceUse origin_by_bittorrent(const SourceFacts& facts) {
  const bool is_used = facts.state.bytes.origin_bt > 0_B;
  const auto says = [&]() -> std::string {
    const auto origin = std::ranges::find(facts.peers, ByteSource::origin_bt, &PeerUse::source);
    if (facts.leads) {
      const std::string words = "this machine leads its site: ";
      return words + (origin == facts.peers.end() ? "the origin is not connected" : peer_words(*origin));
    }
    if (!facts.may_lead) return "this machine must not lead its site (may_lead, below)";
    if (!facts.knows_sites) return "not before the seeder has said who leads";
    return "another machine of the site leads, or somebody has the whole package; this one may when that one fails";
  };
  return {"origin, BitTorrent", is_used, says()};
}

SourceUse origin_by_http(const SourceFacts& facts) {
  const bool is_used = facts.state.bytes.origin_http > 0_B;
  if (!facts.http_trouble.empty()) return {"origin, HTTP", is_used, facts.http_trouble};
  if (facts.is_alone) return {"origin, HTTP", is_used, "nobody else is here"};
  return {"origin, HTTP", is_used,
          "joins in when BitTorrent brings less than " + to_string(Hunger::kEnough) + "/s for " +
              to_string(facts.http_after)};
}

}  // namespace

void HttpStanding::note(std::string trouble, std::chrono::milliseconds again) {
  const std::lock_guard lock(mutex_);
  trouble_ = std::move(trouble);
  again_ = std::chrono::steady_clock::now() + again;
}

std::string HttpStanding::words() const {
  const std::lock_guard lock(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (trouble_.empty() || again_ <= now) return trouble_;
  return trouble_ + "; it is asked again in " + to_string(std::chrono::ceil<std::chrono::seconds>(again_ - now));
}

std::vector<SourceUse> describe_sources(const SourceFacts& facts) {
  std::vector<SourceUse> sources{neighbours(facts)};
  for (const auto& peer : facts.peers) {
    if (peer.source == ByteSource::origin_bt) continue;
    if (sources.size() > kMostPeersTold) break;
    const auto kind = peer.source == ByteSource::other_site ? ", of another site" : "";
    sources.push_back({peer.endpoint.text() + kind, peer.bytes_per_second > 0, peer_words(peer)});
  }
  for (const auto& one : facts.shut_out) {
    if (sources.size() > kMostPeersTold) break;
    sources.push_back({one.address, false, words_of(one)});
  }
  sources.push_back(origin_by_bittorrent(facts));
  sources.push_back(origin_by_http(facts));
  return sources;
}

}  // namespace upswarm::agent
