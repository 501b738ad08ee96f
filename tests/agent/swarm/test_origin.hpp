// The seeder as the swarm sees it: a tracker and HTTP ranges, with faults at will.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "agent/endpoint.hpp"
#include "tests/agent/swarm/package_fixture.hpp"
#include "tests/support/http_fixture.hpp"

namespace upswarm::tests {

class TestOrigin {
 public:
  TestOrigin() : server_([this](const FixtureRequest& request) { return answer(request); }) {}

  std::string url() const { return server_.url(); }
  void serve(const TestPackage& package);

  std::atomic<bool> tracker_down = false;
  std::atomic<int> ranges_status = 0;      ///< answer this to every range instead
  std::atomic<int> good_ranges = 1 << 30;  ///< then 503 with Retry-After: 1
  std::atomic<bool> wrong_bytes = false;
  std::atomic<int> wrong_answers = 0;  ///< so many ranges get wrong bytes
  std::atomic<bool> ignores_ranges = false;
  std::atomic<int> interval = 1;
  /// Names this peer as the origin in announces.
  void set_origin_port(std::uint16_t port);

  std::uint64_t bytes_sent() const { return bytes_sent_; }
  int ranges_asked() const { return ranges_asked_; }
  /// Waits for an announce whose query has this text.   False: none within 20 s.
  bool wait_for_announce(const std::string& text);
  bool has_heard(const std::string& text) const;
  std::size_t announces() const;
  /// A field of the last announce's header, by its name in lower case; "" if it had none.
  std::string last_header(const std::string& name) const;
  /// Answers no announce whose query has this text, until it is called again; "": answers all.
  void hold(const std::string& text);
  /// What answers to announces say besides: values in bencoding by key.
  void set_more(std::map<std::string, std::string> more);
  /// The machine that listens there gets a lease and is told the origin's port; 0: none.
  void set_leader(std::uint16_t port, const std::string& token, std::uint16_t origin_port);
  /// What requests for ranges said in Upswarm-Lease, one each; "" for none.
  std::vector<std::string> leases() const;

 private:
  bool is_among_announces(const std::string& text) const;  ///< the caller holds the lock
  FixtureReply answer(const FixtureRequest& request);
  FixtureReply announce(const FixtureRequest& request);
  FixtureReply scrape(const FixtureRequest& request);
  FixtureReply range(const FixtureRequest& request);

  mutable std::mutex mutex_;
  std::condition_variable heard_;
  std::vector<std::string> announces_;
  std::map<std::string, std::string> files_;
  std::map<std::string, std::set<std::uint16_t>> peers_;
  std::map<std::string, std::set<std::uint16_t>> seeds_;
  std::uint16_t origin_port_ = 0;
  std::string held_;
  std::map<std::string, std::string> more_;
  std::uint16_t leader_ = 0;
  std::map<std::string, std::string> of_leader_;
  std::vector<std::string> leases_;
  std::map<std::string, std::string> last_headers_;
  std::atomic<std::uint64_t> bytes_sent_ = 0;
  std::atomic<int> ranges_asked_ = 0;
  HttpFixture server_;
};

}  // namespace upswarm::tests
