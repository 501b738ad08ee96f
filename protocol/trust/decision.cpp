#include "protocol/trust/decision.hpp"

#include <algorithm>

namespace upswarm::trust {
namespace {

/// "12.5 %"
std::string percent_text(std::int64_t permille) {
  const auto tenths = permille % 10;
  return std::to_string(permille / 10) + (tenths == 0 ? "" : "." + std::to_string(tenths)) + " %";
}

/// One decision in the making. The questions answer with why an entry is passed over; nothing: it is not.
class Judge {
 public:
  Judge(const Index& index, const Rollout* rollout, const MachineFacts& facts)
      : index_(index), rollout_(rollout), facts_(facts), installed_(find_installed()) {}

  Decision decide() const;

 private:
  using Objection = std::optional<std::string>;

  std::optional<ReleaseCounter> find_installed() const;
  bool is_offered(const Entry& entry) const;
  Objection objection_to(const Entry& entry) const;
  static Objection objection_by_requirements(const Entry& entry);
  Objection objection_by_counter(const Entry& entry) const;
  Objection objection_by_bounds(const Entry& entry) const;
  Objection objection_by_failure(const Entry& entry) const;
  Objection objection_by_date(const Entry& entry) const;
  Objection objection_by_version(const Entry& entry) const;
  Objection objection_by_step(const Entry& entry) const;
  Objection objection_by_filter(const Entry& entry) const;
  const RolloutItem* item_of(const Entry& entry) const;
  const Withdrawal* withdrawal() const;
  std::string withdrawn_words(const Withdrawal& withdrawal) const;
  std::optional<Decision> way_back() const;
  Decision nothing_newer() const;
  ReleaseCounter floor() const { return std::max(index_.floor, facts_.floor); }

  const Index& index_;
  const Rollout* rollout_;
  const MachineFacts& facts_;
  std::optional<ReleaseCounter> installed_;
};

/// A machine that only knows the version is helped out by the index.
std::optional<ReleaseCounter> Judge::find_installed() const {
  if (facts_.installed || !facts_.installed_version) return facts_.installed;
  const auto found = std::ranges::find(index_.entries, *facts_.installed_version, &Entry::version);
  return found == index_.entries.end() ? std::nullopt : std::optional(found->counter);
}

bool Judge::is_offered(const Entry& entry) const {
  if (facts_.accepts_prerelease) return true;
  const auto version = Version::parse(entry.version);
  return version && !version->is_prerelease();
}

Judge::Objection Judge::objection_by_requirements(const Entry& entry) {
  const auto names = unknown_requirements(entry);
  return names ? Objection("needs a newer installer: " + *names) : std::nullopt;
}

/// What no release may pass, in whichever direction it lies.
Judge::Objection Judge::objection_by_bounds(const Entry& entry) const {
  if (entry.counter.epoch > facts_.epoch) {
    return "its counter " + entry.counter.text() + " is of an epoch that its signers may not use";
  }
  if (entry.counter < floor()) return "it is below the floor " + floor().text();
  return std::nullopt;
}

Judge::Objection Judge::objection_by_counter(const Entry& entry) const {
  const auto& highest = facts_.highest_committed;
  if (entry.counter < highest)
    return "it is behind " + highest.text() + ", which was committed here; going back needs an administrator";
  const bool is_first = highest == ReleaseCounter{1, 0} && !installed_;
  if (!is_first && entry.counter.epoch == highest.epoch && entry.counter.n - highest.n > kLargestCounterJump) {
    return "its counter " + entry.counter.text() + " jumps too far from " + highest.text();
  }
  return std::nullopt;
}

Judge::Objection Judge::objection_by_step(const Entry& entry) const {
  if (entry.minimum_version.empty() || !facts_.installed_version) return std::nullopt;
  const auto least = Version::parse(entry.minimum_version);
  const auto here = Version::parse(*facts_.installed_version);
  if (least && here && *here >= *least) return std::nullopt;
  return "only " + entry.minimum_version + " and newer may step to it, and " + *facts_.installed_version +
         " is installed";
}

const RolloutItem* Judge::item_of(const Entry& entry) const {
  const auto digest = entry.digest();
  const auto found = std::ranges::find_if(
      rollout_->items, [&](const auto& item) { return item.counter == entry.counter && item.entry == digest; });
  return found == rollout_->items.end() ? nullptr : &*found;
}

Judge::Objection Judge::objection_by_filter(const Entry& entry) const {
  if (is_hold_over(entry, facts_.now)) return std::nullopt;
  if (rollout_ == nullptr) return "there is no rollout filter, or it has expired";
  const auto* const item = item_of(entry);
  if (item == nullptr) return "its rollout has not begun";
  if (item->paused) return "its rollout is paused" + (item->reason.empty() ? "" : ": " + item->reason);
  if (!item->rings.empty() && std::ranges::find(item->rings, facts_.ring) == item->rings.end()) {
    return facts_.ring.empty() ? "it is for some rings so far, and this machine is in none"
                               : "it is for other rings so far than " + facts_.ring;
  }
  if (entry.urgent || rollout_place(entry.salt, facts_.machine_id) < item->permille) return std::nullopt;
  return percent_text(item->permille) + " of machines have it, this one is in the later part";
}

Judge::Objection Judge::objection_by_failure(const Entry& entry) const {
  if (std::ranges::find(facts_.bad, entry.content) == facts_.bad.end()) return std::nullopt;
  return "it failed on this machine before";
}

Judge::Objection Judge::objection_by_date(const Entry& entry) const {
  if (!entry.not_before || facts_.now >= *entry.not_before) return std::nullopt;
  return "it is not due before " + to_string(*entry.not_before);
}

/// Versions are folders on the machine: one content cannot take the other's place, and neither is to blame.
Judge::Objection Judge::objection_by_version(const Entry& entry) const {
  if (!facts_.content || facts_.installed_version != entry.version || *facts_.content == entry.content)
    return std::nullopt;
  return "what is installed has this version and another content; each content needs a version of its own";
}

Judge::Objection Judge::objection_to(const Entry& entry) const {
  if (auto why = objection_by_requirements(entry)) return why;
  if (auto why = objection_by_bounds(entry)) return why;
  if (auto why = objection_by_version(entry)) return why;
  if (auto why = objection_by_counter(entry)) return why;
  if (auto why = objection_by_failure(entry)) return why;
  if (auto why = objection_by_step(entry)) return why;
  if (auto why = objection_by_date(entry)) return why;
  return objection_by_filter(entry);
}

/// Of what is installed; nullptr: it stands. Another index may have given the same counter to something else.
const Withdrawal* Judge::withdrawal() const {
  const auto* const entry = installed_ ? index_.find(*installed_) : nullptr;
  if (entry == nullptr || (facts_.content && *facts_.content != entry->content)) return nullptr;
  return index_.withdrawal_of(*installed_);
}

std::string Judge::withdrawn_words(const Withdrawal& withdrawal) const {
  return facts_.installed_version.value_or(withdrawal.counter.text()) + " was withdrawn" +
         (withdrawal.reason.empty() ? "" : ": " + withdrawal.reason);
}

/// Nothing: what is installed stands, or its withdrawal names no release.
std::optional<Decision> Judge::way_back() const {
  const auto* const withdrawal = this->withdrawal();
  if (withdrawal == nullptr || !withdrawal->go_back_to) return std::nullopt;
  const auto* const entry = index_.find(*withdrawal->go_back_to);
  if (entry == nullptr) return std::nullopt;
  const auto why = withdrawn_words(*withdrawal);
  Objection objection;
  if (!is_offered(*entry)) objection = "it is a pre-release, and this machine takes none";
  if (!objection) objection = objection_by_requirements(*entry);
  if (!objection) objection = objection_by_bounds(*entry);
  if (!objection) objection = objection_by_failure(*entry);
  if (!objection) objection = objection_by_date(*entry);
  if (!objection) return Decision{Decision::Kind::wanted, *entry, why + "; it goes back to " + entry->version};
  return Decision{Decision::Kind::held, *entry,
                  "held: " + why + "; " + entry->version + " is to take its place, but " + *objection};
}

Decision Judge::nothing_newer() const {
  const auto here = facts_.installed_version.value_or("what is installed");
  if (!installed_ && !facts_.installed_version) {
    return {Decision::Kind::held, std::nullopt, "held: there is no release for this machine"};
  }
  if (installed_ && *installed_ < floor()) {
    return {Decision::Kind::held, std::nullopt,
            "held: " + here + " is below the floor " + floor().text() + ", but there is nothing newer"};
  }
  if (const auto* const gone = withdrawal())
    return {Decision::Kind::current, std::nullopt,
            withdrawn_words(*gone) + "; there is nothing newer for this machine"};
  return {Decision::Kind::current, std::nullopt, here + " is the newest release for this machine"};
}

Decision Judge::decide() const {
  std::optional<Decision> held;
  for (auto entry = index_.entries.rbegin(); entry != index_.entries.rend(); ++entry) {
    if (installed_ && entry->counter <= *installed_) break;
    if (!is_offered(*entry) || index_.withdrawal_of(entry->counter) != nullptr) continue;
    const auto objection = objection_to(*entry);
    if (!objection) {
      const auto from = facts_.installed_version ? " is newer than " + *facts_.installed_version
                                                 : std::string(" is the newest release");
      return {Decision::Kind::wanted, *entry, entry->version + from};
    }
    if (!held) held = Decision{Decision::Kind::held, *entry, "held: " + entry->version + ": " + *objection};
  }
  if (auto back = way_back()) return *std::move(back);
  return held ? *held : nothing_newer();
}

bool is_of(const Rollout& rollout, const Index& index) {
  return rollout.product == index.product && rollout.channel == index.channel && rollout.platform == index.platform;
}

}  // namespace

Decision decide(const Index& index, const std::optional<Rollout>& rollout, const MachineFacts& facts) {
  return Judge(index, rollout && is_of(*rollout, index) ? &*rollout : nullptr, facts).decide();
}

Decision decide_with_nightlies(const Index& releases, const Index& nightlies, const std::optional<Rollout>& rollout,
                               const MachineFacts& facts, std::int64_t nightly_epoch) {
  auto first = decide(releases, rollout, facts);
  auto bound = nightlies;
  bound.floor = releases.floor;
  auto nightly_facts = facts;
  nightly_facts.epoch = std::min(facts.epoch, nightly_epoch);
  auto second = decide(bound, rollout, nightly_facts);
  const bool is_first_wanted = first.kind == Decision::Kind::wanted;
  if (second.kind == Decision::Kind::wanted)
    return is_first_wanted && first.entry->counter >= second.entry->counter ? first : second;
  return !is_first_wanted && !first.entry && second.entry ? second : first;
}

bool is_hold_over(const Entry& entry, Time now) {
  return entry.urgent && entry.not_before && now >= *entry.not_before + std::chrono::days(entry.max_hold_days);
}

std::int64_t rollout_place(const std::string& salt, const std::string& machine_id) {
  const auto digest = sha256(salt + '\0' + machine_id);
  std::uint64_t place = 0;
  for (std::size_t i = 0; i < sizeof place; ++i)
    place = place << 8U | std::to_integer<std::uint64_t>(digest.bytes.at(i));
  return static_cast<std::int64_t>(place % 1000);
}

}  // namespace upswarm::trust
