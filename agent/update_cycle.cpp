#include "agent/update_cycle.hpp"

#include <algorithm>
#include <array>

#include "protocol/base/log.hpp"
#include "protocol/trust/decision.hpp"

namespace upswarm::agent {
namespace {

constexpr std::chrono::seconds kFirstWait = std::chrono::minutes(5);  // after a repair that failed
constexpr std::chrono::seconds kLongestWait = std::chrono::hours(24);
constexpr const char* kSettled = "settled";  // what was installed when nothing was left to do
constexpr std::array<std::string_view, 6> kResultNames{"nothing", "held",        "put_off",
                                                       "updated", "rolled_back", "failed"};

std::string text_of(const messages::Hello& hello) {
  std::string text;
  for (const auto& product : hello.products) {
    text += product.product + " " + product.channel + " " + product.platform + " " +
            (product.content ? product.content->hex() : "-") + "\n";
  }
  return text;
}

const messages::ProductState* find(const messages::Hello& hello, const std::string& product) {
  const auto found = std::ranges::find(hello.products, product, &messages::ProductState::product);
  return found == hello.products.end() ? nullptr : &*found;
}

CycleResult result_of(const messages::Outcome& outcome) {
  if (outcome.result == "completed" && outcome.kind == "repair") return CycleResult::nothing;
  if (outcome.result == "completed") return CycleResult::updated;
  return outcome.result == "rolled_back" ? CycleResult::rolled_back : CycleResult::failed;
}

void raise(CycleEnd& end, CycleResult result) { end.result = std::max(end.result, result); }

}  // namespace

std::string_view to_string(CycleResult result) { return kResultNames.at(static_cast<std::size_t>(result)); }

UpdateCycle::UpdateCycle(CycleTools tools)
    : tools_(std::move(tools)),
      outcomes_(tools_.store, tools_.installer, tools_.http, tools_.identity, tools_.seeder_url),
      sessions_(tools_.store, tools_.clock),
      view_(tools_.folders, tools_.store, tools_.http, tools_.clock, tools_.seeder_url) {}

Result<void> UpdateCycle::resume_seeding() {
  UPSWARM_TRY(const auto downloads, tools_.store.downloads());
  std::vector<DownloadRequest> requests;
  for (const auto& one : downloads) requests.push_back(one.request);
  tools_.board.set_seeding(static_cast<std::size_t>(std::ranges::count_if(downloads, &CachedDownload::is_whole)));
  return tools_.swarm.keep_only(requests);
}

Result<CycleEnd> UpdateCycle::run(const CycleRequest& request, std::stop_token stop) {
  Round round;
  round.stop = stop;
  round.confirmed = request.products;
  round.is_foreground = request.install_now || !request.products.empty();
  tools_.board.begin_cycle();
  const auto updated = update(request, round);
  if (!updated && !round.first_error) round.first_error = updated.error();
  tell_seeder(round);
  tools_.board.end_cycle(std::string(to_string(round.end.result)), round.first_error, tools_.clock.now());
  if (round.first_error) return *round.first_error;
  return round.end;
}

/// After the update, which must not wait for it.
void UpdateCycle::tell_seeder(Round& round) {
  const auto machine_id = tools_.board.snapshot().machine_id;
  if (machine_id.empty() || round.stop.stop_requested()) return;
  tools_.identity.keep_up(machine_id, round.stop);
  if (const auto again = tools_.identity.next_try())
    round.end.look_again = std::min(round.end.look_again.value_or(*again), *again);
  // The reports stay; a seeder that does not take them is an error only where everything else went well.
  const auto sent = outcomes_.send_reports(machine_id, round.stop);
  if (!sent) log::warning("reports wait", {{"error", sent.error().message()}});
  if (!sent && !round.first_error) round.first_error = sent.error();
}

Result<void> UpdateCycle::update(const CycleRequest& request, Round& round) {
  if (request.install_now) UPSWARM_CHECK(tools_.store.lift_wishes());
  for (const auto& product : request.products) UPSWARM_CHECK(tools_.store.lift_wishes(product));
  UPSWARM_TRY(round.hello, tools_.installer.hello(round.stop));
  tools_.board.set_products(round.hello);
  UPSWARM_CHECK(tools_.store.set(kMachineId, round.hello.machine_id));
  UPSWARM_CHECK(take_up_running(round));
  const auto updated = bring_updates(request, round);
  if (!updated && updated.error().kind == ErrorKind::cancelled) return updated;
  if (!updated && !round.first_error) round.first_error = updated.error();
  // Also by what was signed long ago, or where the seeder is away. After updates, which mend, too.
  return repair_damaged(request, round);
}

Result<void> UpdateCycle::bring_updates(const CycleRequest& request, Round& round) {
  UPSWARM_TRY(const bool changed, look_at_seeder(request, round));
  show_expiry();
  if (!changed) {
    UPSWARM_TRY(const bool settled, is_settled(round));
    if (settled) return keep_cache(round);
  }
  // Until a round ends well there may be something left to do, also after a kill.
  UPSWARM_CHECK(tools_.store.set(kSettled, ""));
  UPSWARM_TRY(const auto decisions, offer(round));
  for (const auto& decision : decisions) {
    if (round.stop.stop_requested()) return Error{ErrorKind::cancelled, "update", "stopped"};
    const auto followed = follow_decision(decision, round);
    if (followed) continue;
    log::error("product not updated", {{"product", decision.product}, {"error", followed.error().message()}});
    if (!round.first_error) round.first_error = followed.error();
    if (followed.error().kind == ErrorKind::cancelled) return followed;
  }
  if (round.first_error) return {};
  UPSWARM_CHECK(tidy(round));
  round.first_error = round.offer.passing();
  return {};
}

/// Whether there may be something new. A seeder that does not answer is an error of the round, but what is on disk and
/// has not expired is gone on with: neighbours may have the package.
Result<bool> UpdateCycle::look_at_seeder(const CycleRequest& request, Round& round) {
  auto changed = view_.refresh(request.full_refresh, round.stop);
  if (changed) {
    tools_.board.set_polled(tools_.clock.now());
    return changed;
  }
  if (changed.error().kind != ErrorKind::unreachable || !view_.use_what_is_here()) return changed;
  log::warning("the seeder does not answer", {{"error", changed.error().message()}});
  round.first_error = changed.error();
  return false;
}

/// What is under way already, from before a restart of the agent or by an administrator, is seen to its end first. What
/// only reads has none that concerns the agent.
Result<void> UpdateCycle::take_up_running(Round& round) {
  UPSWARM_TRY(auto running, tools_.installer.progress(round.stop));
  std::erase_if(running, [](const auto& one) { return one.phase == "reading"; });
  for (const auto& one : running) {
    if (find(round.hello, one.product) == nullptr) continue;
    UPSWARM_TRY(const auto outcome, make_delivery(round).follow_running(one, round.stop));
    if (outcome) raise(round.end, result_of(*outcome));
  }
  UPSWARM_CHECK(outcomes_.collect(round.stop));
  sessions_.settle();
  if (running.empty()) return {};
  UPSWARM_TRY(round.hello, tools_.installer.hello(round.stop));
  tools_.board.set_products(round.hello);
  return {};
}

Result<bool> UpdateCycle::is_settled(const Round& round) {
  UPSWARM_TRY(const auto settled, tools_.store.setting(kSettled));
  if (settled.empty() || settled != text_of(round.hello)) return false;
  for (const auto& product : round.hello.products) tools_.board.set_decision(product.product, "", "current", "");
  return true;
}

Result<std::vector<messages::ProductDecision>> UpdateCycle::offer(Round& round) {
  UPSWARM_TRY(round.offer, view_.offer(round.hello));
  show_expiry();  // delegated roles are known only now
  UPSWARM_TRY(auto decisions, tools_.installer.offer_metadata(round.offer.files, round.stop));
  for (const auto& [product, error] : round.offer.failed) {
    log::error("product held", {{"product", product}, {"error", error.message()}});
    tools_.board.set_decision(product, "", "held", "held: " + error.message());
    round.all_current = false;
    raise(round.end, CycleResult::held);
  }
  std::erase_if(decisions, [&](const auto& one) { return round.offer.failed.contains(one.product); });
  if (!round.offer.passing()) UPSWARM_CHECK(view_.settle());
  return decisions;
}

void UpdateCycle::show_expiry() {
  const auto expiry = view_.expires_first();
  tools_.board.set_expiry(expiry.time, expiry.role);
}

Result<void> UpdateCycle::follow_decision(const messages::ProductDecision& decision, Round& round) {
  const auto wanted = decision.entry ? decision.entry->version : "";
  switch (decision.kind) {
    case messages::ProductDecision::Kind::current:
      tools_.board.set_decision(decision.product, "", "current", decision.reason);
      return {};
    case messages::ProductDecision::Kind::held:
      hold(decision.product, wanted, CycleResult::held, decision.reason, round);
      round.all_current = false;
      return {};
    case messages::ProductDecision::Kind::wanted: return follow_wanted(decision, round);
  }
  return {};
}

/// The log has it once, not at each poll.
void UpdateCycle::hold(const std::string& product, const std::string& version, CycleResult how, const std::string& why,
                       Round& round) {
  const std::string phase(to_string(how));
  if (tools_.board.set_decision(product, version, phase, why))
    log::info(phase, {{"product", product}, {"version", version}, {"reason", why}});
  raise(round.end, how);
}

Result<void> UpdateCycle::follow_wanted(const messages::ProductDecision& decision, Round& round) {
  const auto& entry = *decision.entry;
  const auto* const state = find(round.hello, decision.product);
  if (state == nullptr)
    return Error{ErrorKind::corrupt, "the installer's decision", "it names an unknown product " + decision.product};
  round.all_current = false;
  round.needed.insert(entry.content);
  const auto now = tools_.clock.now();
  UPSWARM_TRY(const auto seen, tools_.store.first_seen(decision.product, entry.content, now));
  UPSWARM_TRY(const auto wish, tools_.store.wish_of(decision.product));
  // Going back is no update that a user could put off: what runs was withdrawn.
  const bool is_newer = entry.counter > state->counter;
  tools_.board.set_waiting(decision.product, {entry.version, is_newer ? latest_put_off(entry, seen) : std::nullopt});
  UPSWARM_TRY(const bool waits, is_unconfirmed(decision, *state, round));
  if (waits) {
    const auto why = "held: " + entry.version + " is a higher major version than " + *state->version +
                     "; `upswarm update " + decision.product + "` takes it";
    hold(decision.product, entry.version, CycleResult::held, why, round);
    return {};
  }
  if (const auto put_off = is_newer ? is_put_off(entry, wish, seen, now) : std::nullopt) {
    hold(decision.product, entry.version, CycleResult::put_off, put_off->reason, round);
    if (put_off->until)
      round.end.look_again = std::min(round.end.look_again.value_or(*put_off->until), *put_off->until);
    return {};
  }
  const auto delivered = deliver(decision, *state, round);
  if (delivered || delivered.error().kind != ErrorKind::no_space) return delivered;
  UPSWARM_TRY(const bool has_room, drop_idle({.age = {}}));
  return has_room ? deliver(decision, *state, round) : delivered;
}

/// An urgent release waits no longer for it than a filter may hold it. What was confirmed stays so, also after a
/// restart of the agent in mid download.
Result<bool> UpdateCycle::is_unconfirmed(const messages::ProductDecision& decision, const messages::ProductState& state,
                                         const Round& round) {
  const auto& entry = *decision.entry;
  if (!tools_.confirm_major || !is_major_upgrade(state.version.value_or(""), entry.version)) return false;
  if (trust::is_hold_over(entry, tools_.clock.now())) return false;
  const auto key = "confirmed:" + decision.product;
  if (round.confirmed.contains(decision.product)) UPSWARM_CHECK(tools_.store.set(key, entry.content.hex()));
  UPSWARM_TRY(const auto confirmed, tools_.store.setting(key));
  return confirmed != entry.content.hex();
}

Result<void> UpdateCycle::deliver(const messages::ProductDecision& decision, const messages::ProductState& state,
                                  Round& round) {
  log::info("update",
            {{"product", decision.product}, {"from", state.version.value_or("")}, {"to", decision.entry->version}});
  const Order order{.product = decision.product,
                    .entry = *decision.entry,
                    .installed_version = state.version.value_or(""),
                    .installed = state.content,
                    .releases = view_.releases(state),
                    .quarantine = state.quarantine};
  set_delivering(decision.product);
  auto delivered = make_delivery(round).deliver(order, round.stop);
  set_delivering("");
  if (!delivered && delivered.error().reason == "over_budget") {
    hold(order.product, order.entry.version, CycleResult::held, delivered.error().cause, round);
    return {};
  }
  UPSWARM_TRY(const auto outcome, std::move(delivered));
  raise(round.end, result_of(outcome));
  if (outcome.result != "failed") return {};
  return Error{ErrorKind::disk, "install " + decision.product + " " + decision.entry->version, outcome.reason,
               "not_installed"};
}

void UpdateCycle::set_delivering(const std::string& product) {
  const std::lock_guard lock(mutex_);
  delivering_ = product;
  if (product.empty()) tools_.swarm.set_effort(Effort::background);
}

void UpdateCycle::hurry(const CycleRequest& request) {
  const std::lock_guard lock(mutex_);
  if (delivering_.empty() || (!request.install_now && !request.products.contains(delivering_))) return;
  tools_.swarm.set_effort(Effort::foreground);
}

Delivery UpdateCycle::make_delivery(Round& round) {
  return Delivery(
      DeliveryTools{.installer = tools_.installer,
                    .swarm = tools_.swarm,
                    .store = tools_.store,
                    .board = tools_.board,
                    .outcomes = outcomes_,
                    .sessions = sessions_,
                    .clock = tools_.clock,
                    .pause = tools_.pause,
                    .patience = tools_.patience,
                    .link = tools_.link(),
                    .is_foreground = round.is_foreground,
                    .metered_fallback = tools_.metered_fallback,
                    .slow_link = tools_.slow_link,
                    .torrent = [this](const trust::PackageFile& file) { return torrent_of(file); },
                    .offer_again = [this, &round](const Order& order) -> Result<bool> {
                      if (order.is_repair) return false;
                      UPSWARM_TRY(const auto decisions, tools_.installer.offer_metadata(round.offer.files, round.stop));
                      return std::ranges::any_of(decisions, [&](const auto& one) {
                        return one.product == order.product && one.kind == messages::ProductDecision::Kind::wanted &&
                               one.entry->content == order.entry.content;
                      });
                    }});
}

/// One that was used before needs no metadata: its info-hash is in the entry.
Result<std::string> UpdateCycle::torrent_of(const trust::PackageFile& file) {
  UPSWARM_TRY(const auto downloads, tools_.store.downloads());
  const auto found = std::ranges::find_if(downloads, [&](const auto& one) {
    const auto& of = one.request.file;
    return of.sha256 == file.sha256 && of.info_hash == file.info_hash && !one.request.torrent.empty();
  });
  return found == downloads.end() ? view_.torrent(file) : found->request.torrent;
}

/// What the installer found damaged of what runs. It keeps no update from the machine. Each try has the whole tree
/// read: after one that failed the next waits, unless a user asked.
Result<void> UpdateCycle::repair_damaged(const CycleRequest& request, Round& round) {
  if (std::ranges::none_of(round.hello.products, [](const auto& one) { return one.repair.has_value(); })) return {};
  UPSWARM_TRY(round.hello, tools_.installer.hello(round.stop));  // an update may have mended it
  for (const auto& state : round.hello.products) {
    if (!state.repair) continue;
    auto& tries = repairs_[state.product];
    if (tries.content != state.repair->content) tries = {.content = state.repair->content};
    const auto now = tools_.clock.now();
    const bool waits = tries.failed && now < tries.not_before && tries.not_before - now <= kLongestWait;
    if (waits && !request.full_refresh && !round.is_foreground) {
      raise(round.end, CycleResult::failed);
      if (!round.first_error) round.first_error = tries.failed;
      continue;
    }
    log::warning("repair", {{"product", state.product}, {"version", state.repair->version}});
    const Order order{.product = state.product,
                      .entry = *state.repair,
                      .installed_version = state.version.value_or(""),
                      .installed = state.content,
                      .releases = {},
                      .quarantine = {},
                      .is_repair = true};
    set_delivering(state.product);
    const auto repaired = make_delivery(round).repair(order, round.stop);
    set_delivering("");
    if (repaired && repaired->result == "completed") {
      repairs_.erase(state.product);
      continue;
    }
    auto why = repaired ? Error{ErrorKind::disk, "repair " + state.product + " " + order.entry.version,
                                repaired->reason, "not_repaired"}
                        : repaired.error();
    if (why.kind == ErrorKind::cancelled) return why;
    log::error("product not repaired", {{"product", state.product}, {"error", why.message()}});
    raise(round.end, CycleResult::failed);
    tries.wait = std::clamp(tries.wait * 3, kFirstWait, kLongestWait);
    tries.not_before = tools_.clock.now() + tries.wait;
    tries.failed = why;
    if (!round.first_error) round.first_error = std::move(why);
  }
  UPSWARM_TRY(round.hello, tools_.installer.hello(round.stop));
  tools_.board.set_products(round.hello);
  return {};
}

/// After a round without error.
Result<void> UpdateCycle::tidy(Round& round) {
  UPSWARM_TRY(round.hello, tools_.installer.hello(round.stop));
  tools_.board.set_products(round.hello);
  UPSWARM_CHECK(keep_cache(round));
  UPSWARM_CHECK(resume_seeding());
  return tools_.store.set(kSettled, round.all_current ? text_of(round.hello) : "");
}

Result<void> UpdateCycle::keep_cache(const Round& round) {
  auto needed = round.needed;
  for (const auto& product : round.hello.products) {
    if (product.content) needed.insert(*product.content);
    if (product.before) needed.insert(*product.before);
  }
  UPSWARM_CHECK(tools_.store.note_needed(needed, tools_.clock.now()));
  auto rules = tools_.cache;
  if (!tools_.has_room()) rules.age = {};
  UPSWARM_CHECK(drop_idle(rules));
  return {};
}

/// Whether anything was dropped.
Result<bool> UpdateCycle::drop_idle(const CacheRules& rules) {
  UPSWARM_TRY(auto downloads, tools_.store.downloads());
  const auto dropped = choose_dropped(std::move(downloads), rules, tools_.clock.now());
  for (const auto& package : dropped) UPSWARM_CHECK(tools_.store.forget_download(package));
  if (!dropped.empty()) UPSWARM_CHECK(resume_seeding());
  return !dropped.empty();
}

}  // namespace upswarm::agent
