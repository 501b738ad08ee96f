#include "tests/agent/swarm/test_origin.hpp"

#include <algorithm>

namespace upswarm::tests {
namespace {

std::string value_of(const std::string& query, const std::string& key) {
  const auto at = ("&" + query).find("&" + key + "=");
  if (at == std::string::npos) return {};
  const auto begin = at + key.size() + 1;
  return query.substr(begin, query.find('&', begin) - begin);
}

std::string compact(std::uint16_t port) {
  return std::string("\x7f\0\0\x01", 4) + static_cast<char>(port >> 8U) + static_cast<char>(port & 0xffU);
}

std::string bencoded(const std::string& text) { return std::to_string(text.size()) + ":" + text; }

}  // namespace

void TestOrigin::serve(const TestPackage& package) {
  const std::lock_guard lock(mutex_);
  files_["/" + package.request.http_path] = package.bytes;
}

void TestOrigin::set_origin_port(std::uint16_t port) {
  const std::lock_guard lock(mutex_);
  origin_port_ = port;
}

std::size_t TestOrigin::announces() const {
  const std::lock_guard lock(mutex_);
  return announces_.size();
}

bool TestOrigin::is_among_announces(const std::string& text) const {
  return std::ranges::any_of(announces_,
                             [&](const std::string& query) { return query.find(text) != std::string::npos; });
}

bool TestOrigin::has_heard(const std::string& text) const {
  const std::lock_guard lock(mutex_);
  return is_among_announces(text);
}

bool TestOrigin::wait_for_announce(const std::string& text) {
  std::unique_lock lock(mutex_);
  return heard_.wait_for(lock, std::chrono::seconds(20), [&] { return is_among_announces(text); });
}

FixtureReply TestOrigin::answer(const FixtureRequest& request) {
  if (request.path == "/announce") return announce(request);
  return request.path == "/scrape" ? scrape(request) : range(request);
}

std::string TestOrigin::last_header(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = last_headers_.find(name);
  return found == last_headers_.end() ? "" : found->second;
}

void TestOrigin::hold(const std::string& text) {
  {
    const std::lock_guard lock(mutex_);
    held_ = text;
  }
  heard_.notify_all();
}

void TestOrigin::set_more(std::map<std::string, std::string> more) {
  const std::lock_guard lock(mutex_);
  more_ = std::move(more);
}

void TestOrigin::set_leader(std::uint16_t port, const std::string& token, std::uint16_t origin_port) {
  const std::lock_guard lock(mutex_);
  leader_ = port;
  of_leader_ = {{"upswarm lease", bencoded(token)}, {"upswarm lease seconds", "i20e"}};
  if (origin_port != 0) of_leader_["upswarm origin"] = bencoded(compact(origin_port));
}

std::vector<std::string> TestOrigin::leases() const {
  const std::lock_guard lock(mutex_);
  return leases_;
}

FixtureReply TestOrigin::announce(const FixtureRequest& request) {
  const auto& query = request.query;
  std::unique_lock lock(mutex_);
  last_headers_ = request.headers;
  announces_.push_back(query);
  heard_.notify_all();
  heard_.wait_for(lock, std::chrono::seconds(20),
                  [&] { return held_.empty() || query.find(held_) == std::string::npos; });
  if (tracker_down) return {500};
  const auto self = static_cast<std::uint16_t>(std::stoi(value_of(query, "port")));
  auto& swarm = peers_[value_of(query, "info_hash")];
  std::string others;
  for (const auto port : swarm) {
    if (port != self && value_of(query, "numwant") != "0") others += compact(port);
  }
  const bool stops = value_of(query, "event") == "stopped";
  auto& seeds = seeds_[value_of(query, "info_hash")];
  if (value_of(query, "left") == "0" && !stops) seeds.insert(self);
  else seeds.erase(self);
  if (stops) {
    swarm.erase(self);
  } else {
    swarm.insert(self);
  }
  auto fields = more_;
  if (self == leader_) fields.insert(of_leader_.begin(), of_leader_.end());
  fields["interval"] = "i" + std::to_string(interval) + "e";
  fields["min interval"] = "i1e";
  fields["peers"] = bencoded(others);
  if (origin_port_ != 0) fields["upswarm origin"] = bencoded(compact(origin_port_));
  std::string body = "d";
  for (const auto& [key, value] : fields) body += bencoded(key) + value;
  return {200, {}, body + "e"};
}

/// Tells of the torrents that anybody has announced.
FixtureReply TestOrigin::scrape(const FixtureRequest& request) {
  const std::lock_guard lock(mutex_);
  if (tracker_down) return {500};
  std::map<std::string, std::string> files;
  for (const auto& [hash, ports] : seeds_) {
    if (request.query.find("info_hash=" + hash) == std::string::npos) continue;
    std::string raw;
    for (std::size_t i = 0; i < hash.size(); i += 3)
      raw += static_cast<char>(std::stoi(hash.substr(i + 1, 2), nullptr, 16));
    files[bencoded(raw)] = "d8:completei" + std::to_string(ports.size()) + "e10:incompletei0ee";
  }
  std::string body = "d5:filesd";
  for (const auto& [key, value] : files) body += key + value;
  return {200, {}, body + "ee"};
}

FixtureReply TestOrigin::range(const FixtureRequest& request) {
  ++ranges_asked_;
  if (ranges_status != 0) return {ranges_status};
  const std::lock_guard lock(mutex_);
  const auto lease = request.headers.find("upswarm-lease");
  leases_.push_back(lease == request.headers.end() ? "" : lease->second);
  const auto found = files_.find(request.path);
  if (found == files_.end()) return {404};
  if (good_ranges-- <= 0) return {503, {{"Retry-After", "1"}}};
  const auto& header = request.headers.at("range");  // "bytes=0-99"
  const auto first = std::stoull(header.substr(6));
  const auto last = std::stoull(header.substr(header.find('-') + 1));
  auto body = found->second.substr(first, last - first + 1);
  if (ignores_ranges) return {200, {}, found->second};
  if (wrong_bytes || wrong_answers-- > 0) std::fill(body.begin(), body.end(), 'x');
  bytes_sent_ += body.size();
  return {206, {{"Content-Range", "bytes " + header.substr(6) + "/" + std::to_string(found->second.size())}}, body};
}

}  // namespace upswarm::tests
