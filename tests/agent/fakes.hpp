// The agent's surroundings, as a test wants them.
#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/delivery.hpp"
#include "agent/installer_link.hpp"
#include "agent/swarm.hpp"
#include "protocol/base/http/http_client.hpp"
#include "tests/support/fake_clock.hpp"

namespace upswarm::tests {

inline constexpr const char* kSeeder = "http://seeder.test";
inline constexpr const char* kSecureSeeder = "https://seeder.test";

trust::PackageFile make_file(const std::string& name, Bytes length);
/// A release of "app" with a full package of 1,000 bytes.
trust::Entry make_entry(const std::string& version, std::int64_t n);
/// Adds a delta of `length` from `base`.
void add_delta(trust::Entry& entry, const trust::Entry& base, Bytes length);
messages::Outcome make_outcome(std::int64_t number, const std::string& to, const std::string& result);

/// Answers from a list of bodies by URL; understands ETag and If-None-Match; takes POSTs.
class FakeHttpClient final : public HttpClient {
 public:
  std::map<std::string, std::string> bodies;  ///< by URL
  std::map<std::string, int> statuses;        ///< by URL: answered instead
  std::optional<Error> down;                  ///< every request fails so
  std::vector<HttpRequest> requests;
  std::vector<std::string> posted;  ///< bodies
  std::deque<int> post_statuses;    ///< of the next POSTs; then 200
  std::deque<std::string> answers;  ///< bodies of the answers to the next POSTs; then none
  std::optional<Error> post_error;  ///< every POST fails so

  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop) override;
  std::size_t count(const std::string& url_end) const;
};

/// Has every package at once.
class FakeSwarm final : public agent::Swarm {
 public:
  std::map<Sha256, Error> failures;
  Bytes before_failure;                     ///< so much comes before each of them
  std::optional<Error> range_failure;       ///< of every request of parts
  std::vector<agent::BytesBySource> comes;  ///< progress of each fetch, before its end
  agent::SwarmView view;                    ///< what is fetched is here then
  std::map<trust::InfoHash, int> seeds;     ///< by the tracker's word
  std::optional<Error> tracker_error;
  std::vector<std::vector<trust::InfoHash>> asked_about;
  std::vector<agent::DownloadRequest> fetched;
  std::vector<agent::DownloadRequest> kept;
  std::optional<agent::Manners> manners;  ///< as it was told last
  std::vector<agent::Effort> efforts;     ///< as it was told
  std::function<void()> during_fetch;     ///< called by each
  Bytes uploaded_bytes = 77_B;

  Result<agent::Downloaded> fetch(const agent::DownloadRequest& request, std::chrono::milliseconds patience,
                                  const agent::DownloadSink& progress, std::stop_token stop) override;
  Result<agent::SwarmView> look(const agent::DownloadRequest& request, std::stop_token stop) override;
  Result<std::map<trust::InfoHash, int>> count_seeds(std::vector<trust::InfoHash> packages,
                                                     std::stop_token stop) override;
  Result<void> keep_only(const std::vector<agent::DownloadRequest>& requests) override;
  std::uint16_t listen_port() const override { return 6881; }
  void behave(const agent::Manners& how) override { manners = how; }
  void set_effort(agent::Effort least) override { efforts.push_back(least); }
  Bytes uploaded() const override { return uploaded_bytes; }
};

/// An installer that wants what the test says and installs without fail, unless told otherwise.
class FakeInstaller final : public agent::InstallerLink {
 public:
  messages::Hello state{.root_version = 1, .machine_id = "machine-1", .products = {}};
  std::map<std::string, trust::Entry> wants;                 ///< by product; nothing: it is current
  std::map<std::string, std::string> holds;                  ///< by product: the reason
  std::map<Sha256, Error> refusals;                          ///< of offer_package, by package
  std::map<Sha256, messages::Outcome> endings;               ///< result and reason, by package; else completed
  std::optional<messages::Outcome> ending_of_parts;          ///< the same, of what parts were handed over of
  std::vector<std::vector<messages::ProductProgress>> work;  ///< what progress says after a hand-over, one by one
  std::vector<messages::Outcome> kept;                       ///< not yet acknowledged
  std::optional<Error> down;
  std::optional<Error> offer_error;
  std::map<Sha256, std::string> damage;  ///< by content: what is there, but not whole
  std::set<Sha256> on_disk;              ///< contents besides what is installed
  std::optional<Error> present_error;
  std::optional<messages::MissingParts> lacks;  ///< of every full package; nothing: an older installer
  int silent_questions = 0;                     ///< so many questions after a hand-over are not answered

  std::vector<std::map<std::string, std::string>> offers;
  std::vector<Sha256> packages;
  std::vector<Sha256> repaired_by;  ///< packages of which parts were handed over for a repair
  int damaged_asked = 0;
  std::vector<Sha256> parts_of;        ///< packages of which parts were handed over
  std::vector<Sha256> verified;        ///< contents that it was asked for
  std::vector<std::string> from_disk;  ///< products that were installed so
  std::vector<std::int64_t> forgotten;

  /// A product that has `installed`.
  void add_product(const std::string& name, const trust::Entry* installed);
  void finish_work() { running_.clear(); }
  void set_running(std::deque<std::vector<messages::ProductProgress>> running) { running_ = std::move(running); }

  Result<messages::Hello> hello(std::stop_token stop) override;
  Result<std::vector<messages::ProductDecision>> offer_metadata(const std::map<std::string, std::string>& files,
                                                                std::stop_token stop) override;
  Result<messages::Presence> present(const std::string& product, const std::vector<Sha256>& contents,
                                     std::stop_token stop) override;
  Result<void> offer_package(const std::string& product, const Sha256& sha256, const Path& file, bool more,
                             std::stop_token stop) override;
  Result<messages::MissingParts> missing(const std::string& product, const Path& file, std::stop_token stop) override;
  Result<void> offer_parts(const std::string& product, const Sha256& sha256, const Path& file,
                           std::stop_token stop) override;
  Result<messages::MissingParts> damaged(const std::string& product, const Path& file, std::stop_token stop) override;
  Result<void> offer_repair(const std::string& product, const Sha256& sha256, const Path& file,
                            std::stop_token stop) override;
  Result<void> install_kept(const std::string& product, std::stop_token stop) override;
  Result<std::vector<messages::ProductProgress>> progress(std::stop_token stop) override;
  Result<std::vector<messages::Outcome>> outcomes(std::stop_token stop) override;
  Result<void> forget_outcomes(std::int64_t up_to, std::stop_token stop) override;

 private:
  Result<void> answers();
  void begin_work(const std::string& product, const std::string& kind, const Sha256& told_by);
  void end_work();

  std::deque<std::vector<messages::ProductProgress>> running_;
  std::optional<messages::Outcome> ending_;
  std::optional<trust::Entry> coming_;
  std::int64_t number_ = 0;
  int silent_ = 0;
  bool busy_ = false;
  bool is_chain_ = false;
};

/// Turns the clock instead of waiting.
agent::Pause pause_by(FakeClock& clock);

}  // namespace upswarm::tests
