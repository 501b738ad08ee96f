#include "seeder/announce.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>

#include "protocol/messages/announce.hpp"
#include "seeder/names.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::size_t kLongestQuery = 2048;
constexpr std::size_t kHashLength = 20;
constexpr std::size_t kMostWanted = 200;

Error refused(const std::string& why) { return {ErrorKind::invalid, "read the announce", why}; }

constexpr std::string_view kInfoHash = "info_hash";

using Query = std::multimap<std::string, std::string, std::less<>>;

/// No key is there twice but `repeated`.
Result<Query> parse_query(std::string_view text, std::string_view repeated = {}) {
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
    const auto key = item.substr(0, equals);
    if (key != repeated && query.contains(key))
      return refused("a key twice: " + std::string(key.substr(0, std::min<std::size_t>(key.size(), 40))));
    query.emplace(std::string(key), *value);
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

  std::optional<InterfaceAddress> network(const char* key) {
    const auto* value = find(key);
    if (value == nullptr) return std::nullopt;
    const auto read = parse_interface(*value);
    if (!read) fail(read.error().message());
    return read ? std::optional(*read) : std::nullopt;
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

}  // namespace

Result<Announce> parse_announce(std::string_view text) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  UPSWARM_TRY(const auto query, parse_query(text));
  QueryReader in(query);
  Announce announce;
  announce.info_hash = in.hash(kInfoHash.data());
  announce.peer_id = in.hash("peer_id");
  announce.port = static_cast<std::uint16_t>(in.number("port", std::nullopt, 65535));
  announce.uploaded = in.number("uploaded", 0, kMax);
  announce.downloaded = in.number("downloaded", 0, kMax);
  announce.left = in.number("left", std::nullopt, kMax);
  announce.event = in.event();
  announce.wanted = std::min(static_cast<std::size_t>(in.number("numwant", 50, 1'000'000)), kMostWanted);
  announce.compact = in.number("compact", 1, 1) == 1;
  announce.is_agent = in.number(messages::kAgentKey, 0, 1) == 1;
  if (announce.is_agent) {
    announce.may_lead = in.number(messages::kLeadKey, 1, 1) == 1;
    announce.network = in.network(messages::kNetworkKey);
  }
  if (in.mistake()) return *in.mistake();
  return announce;
}

Result<Scrape> parse_scrape(std::string_view text) {
  UPSWARM_TRY(const auto query, parse_query(text, kInfoHash));
  QueryReader in(query);
  Scrape scrape;
  const auto [first, last] = query.equal_range(kInfoHash);
  for (auto one = first; one != last; ++one) scrape.info_hashes.push_back(one->second);
  const bool are_hashes =
      std::ranges::all_of(scrape.info_hashes, [](const auto& hash) { return hash.size() == kHashLength; });
  if (scrape.info_hashes.empty() || scrape.info_hashes.size() > messages::kMostScraped || !are_hashes)
    return refused("1 to " + std::to_string(messages::kMostScraped) + " info_hash of 20 bytes are wanted");
  scrape.is_agent = in.number(messages::kAgentKey, 0, 1) == 1;
  if (scrape.is_agent) scrape.network = in.network(messages::kNetworkKey);
  if (in.mistake()) return *in.mistake();
  return scrape;
}

}  // namespace upswarm::seeder
