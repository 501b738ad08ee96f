// One round: see what the seeder has, let the installer judge it, bring what it wants, tell the seeder how it ended.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/cache_rules.hpp"
#include "agent/delivery.hpp"
#include "agent/identity.hpp"
#include "agent/repository_view.hpp"

namespace upswarm::agent {

/// What a cycle needs. All must outlive it.
struct CycleTools {
  InstallerLink& installer;
  Swarm& swarm;
  StateStore& store;
  StatusBoard& board;
  RepositoryFolders& folders;
  HttpClient& http;
  MachineIdentity& identity;
  const Clock& clock;
  Pause pause;
  std::string seeder_url;
  std::chrono::milliseconds patience{std::chrono::minutes(10)};
  std::function<Link()> link = [] { return Link::normal; };  ///< asked for each delivery
  /// There is memory and disk for packages that only others need; else they are dropped at once. Asked for each cycle.
  std::function<bool()> has_room = [] { return true; };
  bool confirm_major = false;  ///< a higher major version waits until it is asked for by the name of its product
  CacheRules cache = {};
  Bytes metered_fallback = {};  ///< as DeliveryTools has it
  Bytes slow_link = {};         ///< as DeliveryTools has it
};

struct CycleRequest {
  bool full_refresh = false;  ///< a user asked: do not trust an unchanged timestamp
  bool install_now = false;   ///< deferrals and skips are lifted first
  /// Of these deferrals and skips are lifted, and a major version that waits for it is confirmed.
  std::set<std::string> products = {};
};

/// What came of a cycle; of several products the latter of these counts.
enum class CycleResult { nothing, held, put_off, updated, rolled_back, failed };

std::string_view to_string(CycleResult result);

/// The setting that keeps the machine's id, for the time before the installer answers.
inline constexpr const char* kMachineId = "machine_id";

struct CycleEnd {
  CycleResult result = CycleResult::nothing;
  std::optional<Time> look_again;  ///< when a deferral ends
};

/// One thread, but for hurry().
class UpdateCycle {
 public:
  explicit UpdateCycle(CycleTools tools);

  /// Seeds again what was seeded before a stop, without any network.
  Result<void> resume_seeding();

  /// Runs one cycle. Products do not hinder each other: the first error is returned when all had their turn. Reports
  /// are sent at the end, also after an error.
  /// Errors: of the seeder, the installer, the swarm, the store.
  Result<CycleEnd> run(const CycleRequest& request, std::stop_token stop);

  /// What is being delivered, if the request is about it, goes on as for a user who waits. Any thread.
  void hurry(const CycleRequest& request);

 private:
  /// What one cycle gathers.
  struct Round {
    std::stop_token stop;
    std::set<std::string> confirmed;  ///< products that a user asked for by name
    bool is_foreground = false;       ///< a user waits
    messages::Hello hello;
    Offer offer;
    CycleEnd end;
    std::optional<Error> first_error;
    std::set<Sha256> needed;  ///< content digests of what is wanted
    bool all_current = true;
  };

  /// Repairs of a product that did not come about.
  struct Tries {
    Sha256 content = {};               ///< of the release
    std::chrono::seconds wait{0};      ///< after the last one
    Time not_before = {};              ///< of the next
    std::optional<Error> failed = {};  ///< why the last one did
  };

  Result<void> update(const CycleRequest& request, Round& round);
  Result<void> bring_updates(const CycleRequest& request, Round& round);
  void tell_seeder(Round& round);
  Result<void> take_up_running(Round& round);
  Result<bool> look_at_seeder(const CycleRequest& request, Round& round);
  Result<bool> is_settled(const Round& round);
  Result<std::vector<messages::ProductDecision>> offer(Round& round);
  void show_expiry();
  Result<void> follow_decision(const messages::ProductDecision& decision, Round& round);
  Result<void> follow_wanted(const messages::ProductDecision& decision, Round& round);
  void hold(const std::string& product, const std::string& version, CycleResult how, const std::string& why,
            Round& round);
  Result<bool> is_unconfirmed(const messages::ProductDecision& decision, const messages::ProductState& state,
                              const Round& round);
  Result<void> deliver(const messages::ProductDecision& decision, const messages::ProductState& state, Round& round);
  Result<void> repair_damaged(const CycleRequest& request, Round& round);
  Result<std::string> torrent_of(const trust::PackageFile& file);
  Result<void> tidy(Round& round);
  Result<void> keep_cache(const Round& round);
  Result<bool> drop_idle(const CacheRules& rules);
  Delivery make_delivery(Round& round);

  void set_delivering(const std::string& product);

  CycleTools tools_;
  OutcomeBook outcomes_;
  SessionBook sessions_;
  RepositoryView view_;
  std::map<std::string, Tries> repairs_;  ///< by product
  std::mutex mutex_;                      ///< guards what follows
  std::string delivering_;                ///< the product; empty: none
};

}  // namespace upswarm::agent
