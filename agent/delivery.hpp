// The update of one product: plan, fetch, hand over, see how it ends.
#pragma once

#include <functional>
#include <stop_token>

#include "agent/installer_link.hpp"
#include "agent/outcome_book.hpp"
#include "agent/plan.hpp"
#include "agent/session_book.hpp"
#include "agent/state_store.hpp"
#include "agent/status_board.hpp"
#include "agent/swarm.hpp"
#include "agent/told_bytes.hpp"

namespace upswarm::agent {

/// Waits, or returns at once when a stop is requested.
using Pause = std::function<void(std::chrono::milliseconds, const std::stop_token&)>;

/// What to deliver to which product.
struct Order {
  std::string product;
  trust::Entry entry;
  std::string installed_version;       ///< empty: nothing
  std::optional<Sha256> installed;     ///< content
  std::vector<trust::Entry> releases;  ///< of the signed index
  std::vector<messages::Quarantined> quarantine;
  bool is_repair = false;  ///< `entry` is installed, and damaged
};

/// What delivery needs of the cycle. All must outlive it.
struct DeliveryTools {
  InstallerLink& installer;
  Swarm& swarm;
  StateStore& store;
  StatusBoard& board;
  OutcomeBook& outcomes;
  SessionBook& sessions;
  const Clock& clock;
  Pause pause;
  std::chrono::milliseconds patience;
  Link link;
  bool is_foreground = false;   ///< a user asked
  Bytes metered_fallback = {};  ///< a month, of fallbacks on a metered link in the background
  Bytes slow_link = {};         ///< a second: a normal link that never brought more is slow; 0: none is
  /// Times what comes from the origin.
  std::function<std::chrono::steady_clock::time_point()> steady_now = std::chrono::steady_clock::now;
  /// The signed torrent of a package.
  std::function<Result<std::string>(const trust::PackageFile&)> torrent;
  /// Offers the metadata again; whether the installer still wants this entry.
  std::function<Result<bool>(const Order&)> offer_again;
};

/// One thread at a time.
class Delivery {
 public:
  explicit Delivery(DeliveryTools tools);

  /// Brings the product to the release, by the first of make_plan's ways; one that cannot be had, or that the installer
  /// refuses, is followed by the next. Returns the installer's outcome, which may well be a rollback.
  /// Errors: of the swarm and the link; invalid  no way is left to try, or the release is not wanted any more; denied,
  /// reason over_budget  it waits for another line, a user or the next month.
  Result<messages::Outcome> deliver(const Order& order, std::stop_token stop);

  /// Brings what is damaged of the installed release of `order`: of its full package what the disk does not give.
  /// Errors: as deliver; corrupt  the parts do not come.
  Result<messages::Outcome> repair(const Order& order, std::stop_token stop);

  /// Follows an installation that somebody else started (an agent before this one, an administrator).
  /// Nothing when it ended without an outcome.
  Result<std::optional<messages::Outcome>> follow_running(const messages::ProductProgress& running,
                                                          std::stop_token stop);

 private:
  /// How one way went.
  struct Attempt {
    std::optional<messages::Outcome> outcome;  ///< nothing: the next way may do better
    std::optional<Error> error;                ///< why there is no outcome
    bool is_certain = false;                   ///< a failure can only be the package's own
    std::optional<Sha256> package = {};        ///< that failed; nothing: it cannot be told
    bool is_of_ranges = false;                 ///< the origin gave no ranges, or wrong ones; pieces may still come
    std::string why() const { return outcome ? outcome->reason : error->message(); }
  };
  Result<PlanFacts> gather(const Order& order, const std::stop_token& stop);
  void note_slow_line(PlanFacts& facts) const;
  void ask_who_has(PlanFacts& facts, const std::stop_token& stop);
  Result<void> verify_on_disk(const Order& order, PlanFacts& facts, const std::stop_token& stop);
  Result<messages::Outcome> deliver_by_plan(const Order& order, Session& session, const std::stop_token& stop);
  Result<Attempt> repair_by_parts(const Order& order, Session& session, const std::stop_token& stop);
  Result<SparseOffer> look_for_parts(const Order& order, Session& session, const std::stop_token& stop);
  Result<Downloaded> fetch_index(const Order& order, Session& session, const std::stop_token& stop);
  Result<SparseOffer> make_offer(const Order& order, messages::MissingParts missing, const std::stop_token& stop);
  Result<Attempt> try_way(const Order& order, const Way& way, Session& session, const std::stop_token& stop);
  Result<Attempt> try_packages(const Order& order, const Way& way, Session& session, const std::stop_token& stop);
  static Step full_step(const Order& order, PartsChoice choice);
  Result<CachedDownload> prepare(const Order& order, const Way& way, const Step& step);
  Result<Downloaded> fetch(CachedDownload cached, const std::string& what, const std::stop_token& stop,
                           const DownloadSink& see = {});
  Result<Downloaded> fetch_for_budget(CachedDownload cached, const std::string& what, const std::stop_token& stop);
  /// Asks again while the installer works on another product, and once more after it forgot what it wants.
  Result<void> ask_patiently(const Order& order, const std::function<Result<void>()>& ask, const std::stop_token& stop);
  Result<Attempt> hand_over_and_follow(const Order& order, const Way& way, const std::vector<Path>& files,
                                       Session& session, const std::stop_token& stop);
  Result<Attempt> follow(const std::string& product, Session& session, const std::stop_token& stop);
  Result<std::optional<messages::Outcome>> collect_about(const std::string& product, const std::stop_token& stop);
  Result<void> note_failure(const Way& way, const Attempt& attempt, PlanFacts& facts);
  void finish(const Order& order, Session& session, const Result<messages::Outcome>& outcome);
  void move(const Order& order, Session& session, SessionState to, const std::string& detail);

  DeliveryTools tools_;
  ToldBytes told_;
};

}  // namespace upswarm::agent
