// Of Delivery: what is damaged of a release that is installed.
#include <algorithm>

#include "agent/delivery.hpp"
#include "agent/pieces.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {

Result<messages::Outcome> Delivery::repair(const Order& order, std::stop_token stop) {
  auto session = tools_.sessions.begin(order.product, order.entry.version);
  tools_.board.set_session(order.product, order.entry.version, session.state(), "it is damaged, and repaired");
  const auto run = [&]() -> Result<messages::Outcome> {
    UPSWARM_TRY(auto attempt, repair_by_parts(order, session, stop));
    if (!attempt.outcome) return *std::move(attempt.error);
    return *std::move(attempt.outcome);
  };
  auto outcome = run();
  finish(order, session, outcome);
  return outcome;
}

/// The package itself, where it is in the cache; else what the installer says is missing.
Result<Delivery::Attempt> Delivery::repair_by_parts(const Order& order, Session& session, const std::stop_token& stop) {
  const auto& full = order.entry.full;
  Way way{.kind = WayKind::sparse, .steps = {full_step(order, {})}};
  UPSWARM_TRY(const auto downloads, tools_.store.downloads());
  const auto whole = std::ranges::find_if(
      downloads, [&](const auto& one) { return one.is_whole() && one.request.file.sha256 == full.sha256; });
  if (whole != downloads.end()) {
    move(order, session, SessionState::downloading, "the full package, which is here");
    const auto file = fetch(*whole, "the full package, which is here", stop);
    if (!file && file.error().kind != ErrorKind::corrupt) return file.error();
    if (file) {
      move(order, session, SessionState::verifying, words_of(way));
      return hand_over_and_follow(order, way, {file->path}, session, stop);
    }
  }
  UPSWARM_TRY(auto offer, look_for_parts(order, session, stop));
  if (!offer.why_not.empty())
    return Error{ErrorKind::corrupt, "repair " + order.product, offer.why_not, "not_repaired"};
  way.steps.front().choice = offer.choice;
  UPSWARM_TRY(auto attempt, try_packages(order, way, session, stop));
  if (!attempt.is_of_ranges) return attempt;
  log::warning("the origin gives no ranges, pieces are fetched", {{"why", attempt.why()}});
  way.steps.front().choice = choose_pieces(full, pieces_of(full, offer.missing), offer.view);
  return try_packages(order, way, session, stop);
}

}  // namespace upswarm::agent
