#include "agent/delivery.hpp"

#include <algorithm>

#include "protocol/base/log.hpp"
#include "protocol/trust/client.hpp"

namespace upswarm::agent {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLookAgain{250};
constexpr std::chrono::seconds kLinkLost{120};  // an installer that restarts is back by then
constexpr std::chrono::hours kLongestInstallation{2};
constexpr std::chrono::minutes kLongestQueue{30};  // while the installer works on another product
constexpr int kMostQuietLooks = 20;                // neither at work nor done

std::string what_of(const Plan& plan) {
  const auto size = " (" + to_string(plan.file.length) + ")";
  return plan.is_delta ? "delta from " + plan.from_version + size : "full package" + size;
}

}  // namespace

Delivery::Delivery(DeliveryTools tools) : tools_(std::move(tools)) {}

Result<messages::Outcome> Delivery::deliver(const Order& order, std::stop_token stop) {
  Session session(order.product, order.entry.version);
  tools_.board.set_session(order.product, order.entry.version, session.state(), "");
  UPSWARM_TRY(auto useless, tools_.store.bad_packages());
  const auto run = [&]() -> Result<messages::Outcome> {
    for (;;) {
      const auto plan = plan_package(order.entry, order.installed, useless);
      if (!plan) {
        return Error{ErrorKind::invalid, "update " + order.product + " to " + order.entry.version,
                     "every package of it failed on this machine; a newer release is waited for", "no_package"};
      }
      UPSWARM_TRY(const auto attempt, try_package(order, *plan, session, stop));
      const bool failed = !attempt.outcome || attempt.outcome->result == "failed";
      const bool may_go_on = session.state() == SessionState::downloading ||
                             session.state() == SessionState::checking ||
                             may_follow(session.state(), SessionState::downloading);
      if (failed && plan->is_delta && may_go_on) {
        UPSWARM_CHECK(note_useless(*plan, attempt));
        useless.insert(plan->file.sha256);
        log::warning("the delta does not serve, the full package is next",
                     {{"product", order.product}, {"delta", plan->file.path}, {"why", attempt.why()}});
        UPSWARM_TRY(const bool still_wanted, tools_.offer_again(order));
        if (still_wanted) continue;
      }
      if (!attempt.outcome) return *attempt.error;
      return *attempt.outcome;
    }
  };
  auto outcome = run();
  finish(order, session, outcome);
  return outcome;
}

void Delivery::finish(const Order& order, Session& session, const Result<messages::Outcome>& outcome) {
  if (!outcome) {
    const bool stopped = outcome.error().kind == ErrorKind::cancelled;
    move(order, session, stopped ? SessionState::cancelled : SessionState::failed, outcome.error().message());
    return;
  }
  auto end = SessionState::failed;
  if (outcome->result == "completed") end = SessionState::completed;
  if (outcome->result == "rolled_back") end = SessionState::rolled_back;
  move(order, session, end, outcome->reason);
}

Result<void> Delivery::note_useless(const Plan& plan, const Attempt& attempt) {
  const auto now = tools_.clock.now();
  if (attempt.is_certain) return tools_.store.add_bad_package(plan.file.sha256, attempt.why(), now);
  return tools_.store.count_package_failure(plan.file.sha256, attempt.why(), now);
}

/// An error that no other package could mend is returned as one.
Result<Delivery::Attempt> Delivery::try_package(const Order& order, const Plan& plan, Session& session,
                                                const std::stop_token& stop) {
  auto cached = prepare(order, plan);
  if (!cached) {
    const auto kind = cached.error().kind;
    if (kind != ErrorKind::not_found && kind != ErrorKind::corrupt) return cached.error();
    return Attempt{{}, cached.error(), false};
  }
  move(order, session, SessionState::downloading, what_of(plan));
  const auto file = fetch(*std::move(cached), what_of(plan), stop);
  if (!file && file.error().kind != ErrorKind::corrupt) return file.error();
  if (!file) return Attempt{{}, file.error(), true};
  move(order, session, SessionState::verifying, what_of(plan));
  return hand_over_and_follow(order, plan, file->path, session, stop);
}

Result<Delivery::Attempt> Delivery::hand_over_and_follow(const Order& order, const Plan& plan, const Path& file,
                                                         Session& session, const std::stop_token& stop) {
  if (const auto handed = hand_over(order, plan, file, stop); !handed) {
    const auto kind = handed.error().kind;
    if (kind != ErrorKind::corrupt && kind != ErrorKind::untrusted) return handed.error();
    return Attempt{{}, handed.error(), true};
  }
  UPSWARM_TRY(auto attempt, follow(order.product, session, stop));
  if (attempt.outcome) return attempt;
  return Error{ErrorKind::internal, "update " + order.product + " to " + order.entry.version,
               "the installer took the package and says nothing more about it", "no_outcome"};
}

Result<CachedDownload> Delivery::prepare(const Order& order, const Plan& plan) {
  CachedDownload cached{.product = order.product,
                        .version = order.entry.version,
                        .content = order.entry.content,
                        .is_delta = plan.is_delta,
                        .request = {},
                        .complete = false,
                        .bytes = {}};
  cached.request.file = plan.file;
  UPSWARM_TRY(cached.request.torrent, tools_.torrent(plan.file));
  const trust::TrustedTarget target{plan.file.path, {plan.file.length, plan.file.sha256}, ""};
  cached.request.http_path = "targets/" + target.consistent_name();
  // Before the first byte: after a kill the swarm must know that these pieces are still wanted.
  UPSWARM_CHECK(tools_.store.keep_download(cached));
  return cached;
}

Result<Downloaded> Delivery::fetch(CachedDownload cached, const std::string& what, const std::stop_token& stop) {
  const auto show = [&](const DownloadProgress& progress) {
    tools_.board.set_download(cached.product, progress, progress.trouble.empty() ? what : progress.trouble);
  };
  UPSWARM_TRY(auto file, tools_.swarm.fetch(cached.request, tools_.patience, show, stop));
  cached.complete = true;
  cached.bytes = to_source_bytes(file.by_source);
  UPSWARM_CHECK(tools_.store.keep_download(cached));
  log::info("downloaded", {{"product", cached.product},
                           {"version", cached.version},
                           {"what", what},
                           {"disk", file.by_source.disk.count},
                           {"site", file.by_source.site.count},
                           {"origin_bt", file.by_source.origin_bt.count},
                           {"origin_http", file.by_source.origin_http.count},
                           {"wasted", file.by_source.wasted.count}});
  return file;
}

Result<void> Delivery::hand_over(const Order& order, const Plan& plan, const Path& file, const std::stop_token& stop) {
  const auto deadline = tools_.clock.now() + kLongestQueue;
  bool offered_again = false;
  for (;;) {
    auto handed = tools_.installer.offer_package(order.product, plan.file.sha256, file, stop);
    if (handed) return handed;
    const auto kind = handed.error().kind;
    if (kind == ErrorKind::invalid && !offered_again) {
      // An installer that was restarted since has forgotten what it wants.
      offered_again = true;
      UPSWARM_TRY(const bool still_wanted, tools_.offer_again(order));
      if (!still_wanted) return handed;
      continue;
    }
    if (kind != ErrorKind::busy || stop.stop_requested() || tools_.clock.now() > deadline) return handed;
    tools_.pause(std::chrono::seconds(1), stop);
  }
}

Result<Delivery::Attempt> Delivery::follow(const std::string& product, Session& session, const std::stop_token& stop) {
  const auto started = tools_.clock.now();
  auto last_answer = started;
  bool watched_whole = true;
  int quiet = 0;
  while (!stop.stop_requested()) {
    const auto now = tools_.clock.now();
    const auto running = tools_.installer.progress(stop);
    if (!running) {
      watched_whole = false;
      if (now - last_answer > kLinkLost) return running.error();
    } else {
      last_answer = now;
      const auto mine = std::ranges::find(*running, product, &messages::ProductProgress::product);
      if (mine != running->end()) {
        quiet = 0;
        session.observe(state_of_phase(mine->phase));
        tools_.board.set_installing(product, *mine, session.state());
      } else {
        UPSWARM_TRY(auto end, collect_about(product, stop));
        if (end || ++quiet > kMostQuietLooks) return Attempt{std::move(end), {}, watched_whole};
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
  Session session(running.product, running.version, state_of_phase(running.phase));
  UPSWARM_TRY(auto attempt, follow(running.product, session, stop));
  return std::move(attempt.outcome);
}

void Delivery::move(const Order& order, Session& session, SessionState to, const std::string& detail) {
  session.go_to(to);
  tools_.board.set_session(order.product, order.entry.version, session.state(), detail);
}

}  // namespace upswarm::agent
