#include "agent/delivery.hpp"

#include <algorithm>

#include "agent/fallback_budget.hpp"
#include "agent/line_rate.hpp"
#include "agent/pieces.hpp"
#include "agent/plan_record.hpp"
#include "protocol/base/log.hpp"
#include "protocol/trust/client.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookAgain{250};
constexpr std::chrono::seconds kLinkLost{120};  // an installer that restarts is back by then
constexpr std::chrono::hours kLongestInstallation{2};
constexpr std::chrono::minutes kLongestQueue{30};  // while the installer works on another product
constexpr const char* kRepair = "repair";          // Outcome::kind
constexpr int kMostQuietLooks = 20;                // neither at work nor done

/// What is being fetched, for people.
std::string what_of(const Way& way, std::size_t step) {
  if (way.steps.size() == 1) return words_of(way);
  const auto& one = way.steps.at(step);
  return "delta " + std::to_string(step + 1) + " of " + std::to_string(way.steps.size()) + ", from " +
         one.from_version + " to " + one.to_version + " (" + to_string(one.file.length) + ")";
}

/// Whether ranges of the origin failed in a way that pieces of the swarm may not.
bool is_of_ranges(const Error& why) {
  return why.kind == ErrorKind::corrupt || why.kind == ErrorKind::not_found || why.kind == ErrorKind::unreachable;
}

bool is_failed(const std::optional<messages::Outcome>& outcome) { return !outcome || outcome->result == "failed"; }

}  // namespace

Delivery::Delivery(DeliveryTools tools) : tools_(std::move(tools)) {}

Result<messages::Outcome> Delivery::deliver(const Order& order, std::stop_token stop) {
  auto session = tools_.sessions.begin(order.product, order.entry.version);
  tools_.board.set_session(order.product, order.entry.version, session.state(), "");
  auto outcome = deliver_by_plan(order, session, stop);
  finish(order, session, outcome);
  return outcome;
}

Result<messages::Outcome> Delivery::deliver_by_plan(const Order& order, Session& session, const std::stop_token& stop) {
  UPSWARM_TRY(auto facts, gather(order, stop));
  std::optional<Attempt> last;
  const auto end_by = [](Attempt attempt) -> Result<messages::Outcome> {
    if (!attempt.outcome) return *std::move(attempt.error);
    return *std::move(attempt.outcome);
  };
  for (;;) {
    auto plan = make_plan(facts);
    if (is_worth_looking_for_parts(plan, facts)) {
      UPSWARM_TRY(facts.sparse, look_for_parts(order, session, stop));
      plan = make_plan(facts);
    }
    UPSWARM_CHECK(keep_plan(tools_.store, order.product, describe(plan, facts, tools_.clock.now())));
    const auto* const way = plan.chosen();
    if (way == nullptr && is_over_budget(plan)) {
      const auto full = std::ranges::find(plan.ways, WayKind::full, &Way::kind);
      return Error{ErrorKind::denied, order.entry.version, full->why_not, "over_budget"};
    }
    if (way == nullptr && last) return end_by(*std::move(last));
    if (way == nullptr) {
      return Error{ErrorKind::invalid, "update " + order.product + " to " + order.entry.version,
                   "every way to it failed on this machine (`upswarm why`); a newer release is waited for",
                   "no_package"};
    }
    log::info("plan", {{"product", order.product}, {"to", order.entry.version}, {"way", plan.reason}});
    UPSWARM_TRY(auto attempt, try_way(order, *way, session, stop));
    const bool may_go_on = session.state() == SessionState::checking || session.state() == SessionState::downloading ||
                           may_follow(session.state(), SessionState::downloading);
    if (!is_failed(attempt.outcome) || !may_go_on) return end_by(std::move(attempt));
    if (attempt.outcome) told_.tell();  // the next way may go on from the same pieces
    if (attempt.is_of_ranges) {
      log::warning("the origin gives no ranges, pieces are fetched", {{"why", attempt.why()}});
      facts.sparse->choice =
          choose_pieces(order.entry.full, pieces_of(order.entry.full, facts.sparse->missing), facts.sparse->view);
      continue;
    }
    UPSWARM_CHECK(note_failure(*way, attempt, facts));
    log::warning("the way does not serve, the next is tried",
                 {{"product", order.product}, {"way", words_of(*way)}, {"why", attempt.why()}});
    UPSWARM_TRY(const bool still_wanted, tools_.offer_again(order));
    if (!still_wanted) return end_by(std::move(attempt));
    last = std::move(attempt);
  }
}

Result<PlanFacts> Delivery::gather(const Order& order, const std::stop_token& stop) {
  PlanFacts facts{.wanted = order.entry,
                  .releases = order.releases,
                  .installed_version = order.installed_version,
                  .installed = order.installed,
                  .is_here = false,
                  .here_damage = "",
                  .base_damage = "",
                  .quarantine = order.quarantine,
                  .useless = {},
                  .cached = {},
                  .failed = {},
                  .link = tools_.link,
                  .link_says = {},
                  .fallback_left = {},
                  .seeds = {},
                  .sparse = {}};
  note_slow_line(facts);
  if (tools_.link == Link::metered && !tools_.is_foreground && !order.entry.urgent) {
    facts.fallback_left = FallbackBudget(tools_.store, tools_.clock).left(tools_.metered_fallback, order.entry.full);
  }
  UPSWARM_TRY(facts.useless, tools_.store.bad_packages());
  UPSWARM_TRY(const auto downloads, tools_.store.downloads());
  for (const auto& one : downloads) {
    if (one.is_whole()) facts.cached.insert(one.request.file.sha256);
  }
  UPSWARM_CHECK(verify_on_disk(order, facts, stop));
  ask_who_has(facts, stop);
  return facts;
}

void Delivery::note_slow_line(PlanFacts& facts) const {
  if (tools_.link != Link::normal || tools_.slow_link == 0_B) return;
  const auto best = LineRate(tools_.store).best(tools_.clock.now());
  if (!best || *best >= tools_.slow_link) return;
  facts.link = Link::slow;
  facts.link_says = to_string(*best) + " a second is the most that lately came from the seeder, less than slow_link, " +
                    to_string(tools_.slow_link);
}

/// One question to the tracker. Without an answer the origin is reckoned with.
void Delivery::ask_who_has(PlanFacts& facts, const std::stop_token& stop) {
  auto packages = worth_asking_about(facts);
  if (packages.empty()) return;
  auto seeds = tools_.swarm.count_seeds(std::move(packages), stop);
  if (seeds) facts.seeds = std::move(*seeds);
  else log::info("who has the packages is not known", {{"why", seeds.error().message()}});
}

/// The wanted tree, and where that is not there what deltas would start from.
Result<void> Delivery::verify_on_disk(const Order& order, PlanFacts& facts, const std::stop_token& stop) {
  if (!order.installed || order.installed == order.entry.content) return {};
  messages::Presence presence;
  const auto ask = [&](const Sha256& content) {
    return ask_patiently(
        order,
        [&]() -> Result<void> {
          UPSWARM_TRY(presence, tools_.installer.present(order.product, {content}, stop));
          return {};
        },
        stop);
  };
  tools_.board.set_session(order.product, order.entry.version, SessionState::checking, "verifying what is on disk");
  auto asked = ask(order.entry.content);
  facts.is_here = !presence.present.empty();
  if (!presence.damaged.empty()) facts.here_damage = presence.damaged.front().why;
  if (asked && !facts.is_here && has_delta_from_installed(facts)) {
    presence = {};
    asked = ask(*order.installed);
    if (!presence.damaged.empty()) facts.base_damage = presence.damaged.front().why;
    // An installer that says nothing of it has it in its record alone.
    else if (asked && presence.present.empty()) facts.base_damage = order.installed_version + " is not on disk";
  }
  if (asked) return {};
  const auto kind = asked.error().kind;
  if (kind == ErrorKind::cancelled || kind == ErrorKind::unreachable) return asked;
  // An older installer does not know the question: it verifies what it starts from, in any case.
  log::warning("what is on disk was not verified", {{"product", order.product}, {"why", asked.error().message()}});
  return {};
}

void Delivery::finish(const Order& order, Session& session, const Result<messages::Outcome>& outcome) {
  if (!outcome) {
    const bool is_stopped = outcome.error().kind == ErrorKind::cancelled;
    // What was handed over the installer sees to its end; the next agent takes the session up.
    if (is_stopped && is_with_installer(session.state())) return;
    move(order, session, is_stopped ? SessionState::cancelled : SessionState::failed, outcome.error().message());
    return;
  }
  move(order, session, end_of(*outcome), outcome->reason);
}

/// What did not come, or was refused as other bytes than the signed ones, is kept. The rest counts three times: it may
/// have another cause, and what a package made of its base the installer judges. Of a full package nothing is kept:
/// there may be no other way.
Result<void> Delivery::note_failure(const Way& way, const Attempt& attempt, PlanFacts& facts) {
  facts.failed[way.kind] = attempt.why();
  if (!attempt.package || (way.kind != WayKind::delta && way.kind != WayKind::chain)) return {};
  const auto now = tools_.clock.now();
  if (attempt.is_certain) return tools_.store.add_bad_package(*attempt.package, attempt.why(), now);
  return tools_.store.count_package_failure(*attempt.package, attempt.why(), now);
}

Result<Delivery::Attempt> Delivery::try_way(const Order& order, const Way& way, Session& session,
                                            const std::stop_token& stop) {
  if (!way.steps.empty()) return try_packages(order, way, session, stop);
  move(order, session, SessionState::verifying, words_of(way));
  return hand_over_and_follow(order, way, {}, session, stop);
}

/// The index comes first, alone; then the installer, which may read every tree, says what it lacks. An error that no
/// other way could mend is returned as one.
Result<SparseOffer> Delivery::look_for_parts(const Order& order, Session& session, const std::stop_token& stop) {
  const auto refused = [](const Error& why) -> Result<SparseOffer> {
    if (why.kind == ErrorKind::cancelled || why.kind == ErrorKind::unreachable) return why;
    SparseOffer offer;
    offer.why_not = why.message();
    return offer;
  };
  const auto file = fetch_index(order, session, stop);
  if (!file) return refused(file.error());
  tools_.board.set_session(order.product, order.entry.version, session.state(), "looking for parts of it on disk");
  messages::MissingParts missing;
  const auto ask = [&]() -> Result<void> {
    UPSWARM_TRY(missing, order.is_repair ? tools_.installer.damaged(order.product, file->path, stop)
                                         : tools_.installer.missing(order.product, file->path, stop));
    return {};
  };
  if (const auto asked = ask_patiently(order, ask, stop); !asked) return refused(asked.error());
  auto offer = make_offer(order, std::move(missing), stop);
  return offer ? std::move(offer) : refused(offer.error());
}

/// Parts of the full package.
Step Delivery::full_step(const Order& order, PartsChoice choice) {
  return {.file = order.entry.full,
          .from = order.installed,
          .from_version = order.installed_version,
          .to_version = order.entry.version,
          .to = order.entry.content,
          .rebuilds = order.entry.full.length,
          .choice = std::move(choice)};
}

/// Where the origin gives no ranges, as pieces.
Result<Downloaded> Delivery::fetch_index(const Order& order, Session& session, const std::stop_token& stop) {
  const auto& full = order.entry.full;
  const SignedPart index{{{}, order.entry.index_length}, order.entry.index_digest};
  const auto prepare_with = [&](PartsChoice choice) {
    const auto step = full_step(order, std::move(choice));
    return prepare(order, {.kind = WayKind::sparse, .steps = {step}}, step);
  };
  const auto all = pieces_of(full, {index.place});
  UPSWARM_TRY(auto cached, prepare_with(choose_pieces(full, all, {})));
  UPSWARM_TRY(const auto view, tools_.swarm.look(cached.request, stop));
  const auto choice = choose_parts(full, {index}, view);
  UPSWARM_TRY(cached, prepare_with(choice));
  const std::string what = "the index of the full package";
  move(order, session, SessionState::downloading, what);
  auto file = fetch(std::move(cached), what, stop);
  if (file || choice.parts.empty() || !is_of_ranges(file.error())) return file;
  log::warning("the origin gives no ranges, pieces are fetched", {{"why", file.error().message()}});
  UPSWARM_TRY(cached, prepare_with(choose_pieces(full, all, view)));
  return fetch(std::move(cached), what, stop);
}

Result<SparseOffer> Delivery::make_offer(const Order& order, messages::MissingParts missing,
                                         const std::stop_token& stop) {
  const auto& entry = order.entry;
  const auto& full = entry.full;
  std::vector<SignedPart> needed{{{{}, entry.index_length}, entry.index_digest}};
  for (const auto& [place, sha256] : missing.frames) {
    if (place.offset < entry.index_length || place.offset > full.length || place.length > full.length - place.offset)
      return Error{ErrorKind::corrupt, "look for parts on disk", "the installer named parts outside of the package"};
    needed.push_back({place, sha256});
  }
  SparseOffer offer{.choice = {}, .missing = std::move(missing.parts), .view = {}, .why_not = {}};
  offer.missing.push_back(needed.front().place);
  DownloadRequest request{.file = full, .torrent = {}, .http_path = {}, .pieces = pieces_of(full, offer.missing)};
  UPSWARM_TRY(request.torrent, tools_.torrent(full));
  UPSWARM_TRY(auto view, tools_.swarm.look(request, stop));
  view.start_here = entry.index_length;
  offer.view = view;
  // Where nobody says what exactly is missing (an older installer, too many frames) pieces must do.
  const bool is_exact = !missing.frames.empty() || missing.needed == 0_B;
  offer.choice = is_exact ? choose_parts(full, needed, view) : choose_pieces(full, request.pieces, view);
  log::info("parts of the full package are on disk", {{"product", order.product},
                                                      {"package", full.length.count},
                                                      {"index", entry.index_length.count},
                                                      {"needed", missing.needed.count},
                                                      {"in_pieces", length_of(full, offer.choice.pieces).count},
                                                      {"by_ranges", offer.choice.by_ranges.count},
                                                      {"neighbours", view.neighbours},
                                                      {"from_disk", missing.from_disk.count}});
  return offer;
}

/// An error that no other way could mend is returned as one.
Result<Delivery::Attempt> Delivery::try_packages(const Order& order, const Way& way, Session& session,
                                                 const std::stop_token& stop) {
  std::vector<Path> files;
  Bytes came;
  for (std::size_t i = 0; i < way.steps.size(); ++i) {
    const auto& package = way.steps[i].file.sha256;
    auto cached = prepare(order, way, way.steps[i]);
    if (!cached) {
      const auto kind = cached.error().kind;
      if (kind != ErrorKind::not_found && kind != ErrorKind::corrupt) return cached.error();
      return Attempt{{}, cached.error(), false, package};
    }
    const auto what = what_of(way, i);
    move(order, session, SessionState::downloading, what);
    const bool costs = way.is_fallback && tools_.link == Link::metered;
    const auto file = costs ? fetch_for_budget(*std::move(cached), what, stop) : fetch(*std::move(cached), what, stop);
    if (!file && !way.steps[i].choice.parts.empty() && is_of_ranges(file.error()))
      return Attempt{.outcome = {}, .error = file.error(), .is_of_ranges = true};
    if (!file && file.error().kind != ErrorKind::corrupt) return file.error();
    if (!file) return Attempt{{}, file.error(), true, package};
    files.push_back(file->path);
    came += file->by_source.verified();
  }
  const auto whole = order.entry.full.length;
  if (!way.steps.empty())
    UPSWARM_CHECK(tools_.store.note_spared(way.steps.back().file.sha256, whole - std::min(whole, came)));
  move(order, session, SessionState::verifying, words_of(way));
  return hand_over_and_follow(order, way, files, session, stop);
}

Result<Delivery::Attempt> Delivery::hand_over_and_follow(const Order& order, const Way& way,
                                                         const std::vector<Path>& files, Session& session,
                                                         const std::stop_token& stop) {
  std::optional<Sha256> offered;
  const auto hand_over = [&]() -> Result<void> {
    if (files.empty()) return tools_.installer.install_kept(order.product, stop);
    if (order.is_repair)
      return tools_.installer.offer_repair(order.product, order.entry.full.sha256, files.front(), stop);
    for (std::size_t i = 0; i < files.size(); ++i) {
      offered = way.steps[i].file.sha256;
      if (way.kind == WayKind::sparse) return tools_.installer.offer_parts(order.product, *offered, files[i], stop);
      UPSWARM_CHECK(tools_.installer.offer_package(order.product, *offered, files[i], i + 1 < files.size(), stop));
    }
    return {};
  };
  if (const auto handed = ask_patiently(order, hand_over, stop); !handed) {
    const auto kind = handed.error().kind;
    if (kind != ErrorKind::corrupt && kind != ErrorKind::untrusted) return handed.error();
    // What was put aside is the installer's to remember, and to forget again.
    const bool is_aside = handed.error().reason == "quarantined";
    return Attempt{{}, handed.error(), !is_aside, is_aside ? std::nullopt : offered};
  }
  UPSWARM_TRY(auto attempt, follow(order.product, session, stop));
  if (attempt.outcome) {
    if (way.steps.size() == 1) attempt.package = way.steps.front().file.sha256;
    return attempt;
  }
  return Error{ErrorKind::internal, "update " + order.product + " to " + order.entry.version,
               "the installer took the package and says nothing more about it", "no_outcome"};
}

Result<CachedDownload> Delivery::prepare(const Order& order, const Way& way, const Step& step) {
  CachedDownload cached{.product = order.product,
                        .version = order.entry.version,
                        .content = order.entry.content,
                        .way = order.is_repair ? kRepair : std::string(to_string(way.kind)),
                        .request = {},
                        .complete = false,
                        .bytes = {}};
  cached.request.file = step.file;
  cached.request.is_foreground = tools_.is_foreground;
  cached.request.pieces = step.choice.pieces;
  cached.request.parts = step.choice.parts;
  UPSWARM_TRY(cached.request.torrent, tools_.torrent(step.file));
  const trust::TrustedTarget target{step.file.path, {step.file.length, step.file.sha256}, ""};
  cached.request.http_path = "targets/" + target.consistent_name();
  // Before the first byte: after a kill the swarm must know that these pieces are still wanted.
  UPSWARM_CHECK(tools_.store.keep_download(cached));
  return cached;
}

Result<Downloaded> Delivery::fetch(CachedDownload cached, const std::string& what, const std::stop_token& stop,
                                   const DownloadSink& see) {
  LineMeter meter(tools_.steady_now);
  const auto show = [&](const DownloadProgress& progress) {
    if (see) see(progress);
    meter.see(progress.by_source);
    tools_.board.set_download(cached.product, progress, progress.trouble.empty() ? what : progress.trouble);
  };
  auto fetched = tools_.swarm.fetch(cached.request, tools_.patience, show, stop);
  if (const auto rate = meter.a_second())
    ignore_failure(LineRate(tools_.store).note(*rate, tools_.clock.now()), "other transfers will be timed");
  UPSWARM_TRY(auto file, std::move(fetched));
  cached.complete = true;
  told_.take(cached.request.file.sha256, file);
  cached.bytes = to_source_bytes(file.by_source);
  UPSWARM_CHECK(tools_.store.keep_download(cached));
  log::info("downloaded", {{"product", cached.product},
                           {"version", cached.version},
                           {"what", what},
                           {"disk", file.by_source.disk.count},
                           {"site", file.by_source.site.count},
                           {"other", file.by_source.other.count},
                           {"origin_bt", file.by_source.origin_bt.count},
                           {"origin_http", file.by_source.origin_http.count},
                           {"wasted", file.by_source.wasted.count}});
  return file;
}

Result<Downloaded> Delivery::fetch_for_budget(CachedDownload cached, const std::string& what,
                                              const std::stop_token& stop) {
  const auto file = cached.request.file;
  FallbackBudget budget(tools_.store, tools_.clock);
  FallbackMeter meter(budget, file);
  auto fetched = fetch(std::move(cached), what, stop, [&](const DownloadProgress& now) { meter.see(now.by_source); });
  UPSWARM_CHECK(meter.finish());
  if (fetched || fetched.error().kind == ErrorKind::corrupt) UPSWARM_CHECK(budget.settle(file));
  return fetched;
}

Result<void> Delivery::ask_patiently(const Order& order, const std::function<Result<void>()>& ask,
                                     const std::stop_token& stop) {
  const auto deadline = tools_.clock.now() + kLongestQueue;
  bool offered_again = false;
  for (;;) {
    auto asked = ask();
    if (asked) return asked;
    const auto kind = asked.error().kind;
    if (kind == ErrorKind::invalid && !offered_again) {
      // An installer that was restarted since has forgotten what it wants.
      offered_again = true;
      UPSWARM_TRY(const bool still_wanted, tools_.offer_again(order));
      if (!still_wanted) return asked;
      continue;
    }
    if (kind != ErrorKind::busy || stop.stop_requested() || tools_.clock.now() > deadline) return asked;
    tools_.pause(std::chrono::seconds(1), stop);
  }
}

Result<Delivery::Attempt> Delivery::follow(const std::string& product, Session& session, const std::stop_token& stop) {
  const auto started = tools_.clock.now();
  auto last_answer = started;
  int quiet = 0;
  while (!stop.stop_requested()) {
    const auto now = tools_.clock.now();
    const auto running = tools_.installer.progress(stop);
    if (!running) {
      if (now - last_answer > kLinkLost) return running.error();
    } else {
      last_answer = now;
      const auto mine = std::ranges::find_if(
          *running, [&](const auto& one) { return one.product == product && one.phase != "reading"; });
      if (mine != running->end()) {
        quiet = 0;
        session.observe(state_of_phase(mine->phase));
        tools_.board.set_installing(product, *mine, session.state());
      } else {
        UPSWARM_TRY(auto end, collect_about(product, stop));
        if (end || ++quiet > kMostQuietLooks) return Attempt{std::move(end), {}, false};
      }
    }
    if (now - started > kLongestInstallation) {
      return Error{ErrorKind::busy, "wait for the installer to finish " + product, "it took longer than two hours",
                   "no_outcome"};
    }
    tools_.pause(kLookAgain, stop);
  }
  return Error{ErrorKind::cancelled, "wait for the installer to finish " + product, "stopped"};
}

/// The newest of the outcomes that came in now, if one is about the product.
Result<std::optional<messages::Outcome>> Delivery::collect_about(const std::string& product,
                                                                 const std::stop_token& stop) {
  const auto added = tools_.outcomes.collect(stop);
  if (!added && added.error().kind == ErrorKind::unreachable)
    return std::optional<messages::Outcome>();  // it is restarting
  if (!added) return added.error();
  std::optional<messages::Outcome> newest;
  for (const auto& one : *added) {
    if (one.product == product && (!newest || one.number > newest->number)) newest = one;
  }
  return newest;
}

Result<std::optional<messages::Outcome>> Delivery::follow_running(const messages::ProductProgress& running,
                                                                  std::stop_token stop) {
  auto session = tools_.sessions.take_up(running.product, running.version, state_of_phase(running.phase));
  UPSWARM_TRY(auto attempt, follow(running.product, session, stop));
  const auto& outcome = attempt.outcome;
  if (outcome && outcome->to == running.version) session.go_to(end_of(*outcome), outcome->reason);
  return std::move(attempt.outcome);
}

void Delivery::move(const Order& order, Session& session, SessionState to, const std::string& detail) {
  session.go_to(to, detail);
  tools_.board.set_session(order.product, order.entry.version, session.state(), detail);
}

}  // namespace upswarm::agent
