#include "seeder/leadership.hpp"

#include <algorithm>

namespace upswarm::seeder {

using std::chrono::seconds;

std::string_view to_string(Leadership::Loss loss) {
  switch (loss) {
    case Leadership::Loss::idle: return "idle";
    case Leadership::Loss::keeps: return "keeps";
    case Leadership::Loss::broken: return "broken";
    case Leadership::Loss::silent: return "silent";
    case Leadership::Loss::seeded: return "seeded";
    case Leadership::Loss::done: return "done";
  }
  return "";
}

Leadership::Leadership(Bytes piece_length, Time now)
    : evidence_(std::max(kLittle, Bytes{4 * piece_length.count})), vacant_since_(now) {
  open_window(now);
}

void Leadership::open_window(Time now) {
  const auto number = window_.number + 1;
  window_ = {};
  window_.number = number;
  window_.is_open = true;
  window_.since = now;
  window_.received = leader_.received;
}

void Leadership::note(const Asker& asker, Progress& progress, Time now) {
  if (progress.window != window_.number) {
    progress.is_witness = progress.left > 0;
    progress.baseline = progress.left > 0 ? progress.left : asker.left;
    progress.window = window_.number;
  }
  progress.left = asker.left;
  if (leader_.id == asker.id) leader_.left = asker.left;
  const bool is_own = leader_.id != 0 && (leader_.id == asker.id || leader_.address == asker.address);
  if (is_own || !window_.is_open || !progress.is_witness) return;
  const auto gain = std::max<std::int64_t>(progress.baseline - asker.left, 0);
  window_.best = std::max(window_.best, gain);
  if (gain >= progress.baseline - gain) window_.is_halved = true;
  const bool is_late =
      leader_.id != 0 ? window_.checked_at && now >= *window_.checked_at : now >= window_.since + kStarving - kLag;
  if (is_late && asker.wants) window_.is_heard = true;
}

std::optional<Leadership::Loss> Leadership::judge(const Asker& asker, const Site& site,
                                                  const Leases::Standing& standing, Time now) {
  const bool is_own = asker.id == leader_.id;
  if (is_own && (!asker.wants || !asker.may_lead)) return Loss::done;
  if (!standing.is_live) return Loss::silent;
  if (site.seeds > 0 && !leader_.is_despite_seeds) return Loss::seeded;
  const auto gained = site.is_helped ? std::max<std::int64_t>(leader_.first_left - leader_.left, 0) : 0;
  leader_.received = std::max({leader_.received, standing.sent.count, static_cast<std::uint64_t>(gained)});
  if (is_own) leader_.told_at = leader_.received;
  if (site.able < 2) {  // nobody could do better
    leader_.marked = leader_.received;
    leader_.marked_at = now;
    return std::nullopt;
  }
  if (!is_own && is_broken(standing, now)) return Loss::broken;
  if (leader_.received - leader_.marked >= kLittle.count) {
    leader_.marked = leader_.received;
    leader_.marked_at = now;
  }
  if (now - leader_.marked_at >= patience_) return Loss::idle;
  return judge_gain(site, now);
}

bool Leadership::is_broken(const Leases::Standing& standing, Time now) const {
  if (!standing.cut_at) return false;
  const auto lacked = static_cast<std::uint64_t>(leader_.left);
  const bool may_have_it = leader_.received - leader_.told_at + std::max(lacked / 10, kLittle.count) >= lacked;
  return !may_have_it || now - *standing.cut_at >= kLag;
}

std::optional<Leadership::Loss> Leadership::judge_gain(const Site& site, Time now) {
  if (!window_.is_open) {
    if (now >= leader_.since + kGrace) open_window(now);
    return std::nullopt;
  }
  const auto length = std::max(patience_, site.interval + kLag);
  if (!window_.checked_at) {
    if (now < window_.since + length - kLag || leader_.received - window_.received < evidence_.count)
      return std::nullopt;
    window_.checked_at = now;
    window_.checked = leader_.received;
    return std::nullopt;
  }
  if (now < *window_.checked_at + kLag) return std::nullopt;
  if (!window_.is_heard && now < *window_.checked_at + length) return std::nullopt;
  const auto sent = static_cast<std::int64_t>(window_.checked - window_.received);
  if (window_.is_heard && !window_.is_halved && window_.best < sent - window_.best) return Loss::keeps;
  open_window(now);
  return std::nullopt;
}

void Leadership::remember_loss(Time now) {
  std::erase_if(losses_, [&](const auto& one) { return now - one.second > kLongestLoss; });
  if (losses_.size() >= kMostLosses) losses_.clear();
  losses_[leader_.address] = now;
}

void Leadership::learn_patience(bool is_worthless, Time now) {
  const auto led = std::max<std::int64_t>((now - leader_.since).count(), 1);
  const auto rate = is_worthless ? 0 : leader_.received / static_cast<std::uint64_t>(led);
  const bool is_better = !last_rate_ || rate > 2 * *last_rate_;
  patience_ = is_better ? kPatience : std::min(2 * patience_, kMostPatience);
  last_rate_ = rate;
}

void Leadership::end(Loss loss, Time now) {
  if (loss == Loss::seeded || loss == Loss::done) {
    patience_ = kPatience;
    last_rate_.reset();
  } else {
    remember_loss(now);
  }
  if (loss == Loss::idle || loss == Loss::keeps) learn_patience(loss == Loss::keeps, now);
  leader_ = {};
  vacant_since_ = now;
  open_window(now);
}

bool Leadership::is_starving(const Site& site, Time now) {
  if (now < window_.since + std::max(kStarving, site.interval + kLag)) return false;
  const auto small = static_cast<std::int64_t>(kSmallGain.count);
  if (window_.is_heard && !window_.is_halved && window_.best < small) return true;
  open_window(now);
  return false;
}

bool Leadership::should_lead(const Asker& asker, const Site& site, Time now) {
  if (!asker.wants || !asker.may_lead) return false;
  if (site.seeds > 0 && !is_starving(site, now)) return false;
  const auto lost = losses_.find(asker.address);
  if (lost == losses_.end() || now - lost->second > kLongestLoss || site.able < 2) return true;
  return now - vacant_since_ >= 2 * site.interval;
}

void Leadership::begin(const Asker& asker, const Site& site, Time now) {
  leader_ = {.id = asker.id,
             .address = asker.address,
             .since = now,
             .is_despite_seeds = site.seeds > 0,
             .first_left = asker.left,
             .left = asker.left,
             .received = 0,
             .told_at = 0,
             .marked = 0,
             .marked_at = now};
  window_.is_open = false;
}

}  // namespace upswarm::seeder
