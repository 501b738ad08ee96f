#include "seeder/online_signing.hpp"

#include <algorithm>
#include <limits>

#include "protocol/base/log.hpp"
#include "seeder/names.hpp"

namespace upswarm::seeder {
namespace {

constexpr auto kWeek = std::chrono::hours(7 * 24);
constexpr auto kTimestampLife = *trust::kUpswarmProfile.timestamp_life;  // clients reckon with it
constexpr auto kTimestampEvery = std::chrono::hours(1);

constexpr auto kClockSlack = std::chrono::minutes(10);  ///< a clock may be put back by so much for a good reason

SigningTimes by_half_life(Time expires) { return {expires - kWeek, expires - kWeek / 2}; }
SigningTimes of_timestamp(Time expires) {
  return {expires - kTimestampLife, expires - kTimestampLife + kTimestampEvery};
}

trust::MetaFile describe(trust::RoleVersion version, std::string_view bytes) {
  return {.version = version, .length = Bytes{bytes.size()}, .sha256 = sha256(bytes)};
}

bool is_same(const trust::MetaFile& a, const trust::MetaFile& b) {
  return a.version == b.version && a.length == b.length && a.sha256 == b.sha256;
}

bool is_same(const std::map<std::string, trust::MetaFile>& a, const std::map<std::string, trust::MetaFile>& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.first == y.first && is_same(x.second, y.second); });
}

/// A key that was replaced counts for a while; what it signed must not stay until it does not.
bool is_signed_by(const trust::SigningKey& key, const RoleFile& file) {
  const auto envelope = trust::parse_envelope(file.bytes, "rollout", trust::kLongestTargets);
  return envelope && std::ranges::any_of(envelope->signatures,
                                         [&key](const auto& signature) { return signature.key_id == key.id(); });
}

const trust::DelegatedRole* rollout_delegation(const RepositoryView& view) {
  const auto& roles = view.roles.at("targets").content.delegations.roles;
  const auto found = std::ranges::find(roles, "rollout", &trust::DelegatedRole::name);
  return found == roles.end() ? nullptr : &*found;
}

Result<void> check_key(const trust::SigningKey& key, const trust::RoleKeys& role, const std::string& name) {
  if (std::ranges::find(role.key_ids, key.id()) != role.key_ids.end()) return {};
  return Error{ErrorKind::denied, "sign " + name,
               "keys/" + name + ".key is not a key that the signed metadata names for it", "online_key"};
}

Result<void> check_expiry(const char* role, Time expires, Time now) {
  if (now < expires) return {};
  return Error{ErrorKind::untrusted, "sign the online roles",
               std::string(role) + " expired at " + to_string(expires) + ", now it is " + to_string(now), "expired"};
}

bool is_same(const trust::TargetFile* a, const trust::TargetFile* b) {
  return a == nullptr || b == nullptr ? a == b : a->sha256 == b->sha256;
}

bool is_changed(const SigningRequest& request, const std::string& path) {
  return !is_same(request.before->find(path), request.view.find(path));
}

/// True when that changed anything. Where an index cannot be read, nothing: what is new is judged later, and what was
/// damaged must not hold up what replaces it.
Result<bool> drop_withdrawn_by(const RepositoryView& view, trust::RepositorySource& source, trust::Rollout& rollout) {
  const auto indexes = read_indexes(view, source, rollout.product, rollout.channel, rollout.platform);
  if (indexes) return drop_withdrawn(rollout, *indexes);
  if (indexes.error().kind == ErrorKind::not_found) return false;
  if (indexes.error().kind != ErrorKind::corrupt) return indexes.error();
  log::warning("an index cannot be read: its withdrawals are not known", {{"why", indexes.error().message()}});
  return false;
}

/// Of indexes that change. What only the old one withdraws goes, too: a withdrawal that vanished may have been lost by
/// a release desk that was put back from a backup, and the item may be of a time when withdrawals left filters alone.
Result<bool> drop_all_withdrawn(const SigningRequest& request, Rollouts& rollouts) {
  if (request.before == nullptr) return false;
  bool changed = false;
  for (auto& [name, rollout] : rollouts) {
    if (!is_changed(request, trust::index_path(rollout.product, rollout.channel, rollout.platform)) &&
        !is_changed(request, trust::preindex_path(rollout.product, rollout.channel, rollout.platform)))
      continue;
    for (const auto* view : {request.before, &request.view}) {
      UPSWARM_TRY(const bool dropped, drop_withdrawn_by(*view, request.source, rollout));
      if (dropped) log::info("the rollout of what is withdrawn ends", {{"rollout", name}});
      changed = changed || dropped;
    }
  }
  return changed;
}

/// As when everything is handed over at once: the wish is older than the withdrawal.
bool comes_with_withdrawal(const SigningRequest& request, const RolloutWish& wish, const FilteredIndexes& indexes) {
  if (request.before == nullptr || indexes.withdrawal_of(wish.item) == nullptr) return false;
  const auto before = read_indexes(*request.before, request.source, wish.product, wish.channel, wish.platform);
  return !before || before->withdrawal_of(wish.item) == nullptr;
}

}  // namespace

Result<trust::RoleVersion> RoleVersions::next(const std::string& role, trust::RoleVersion known) {
  UPSWARM_TRY(const auto rows, database_.run("SELECT version FROM role_versions WHERE role = ?", {role}));
  if (!rows.empty()) known = std::max(known, rows.front().integer(0));
  UPSWARM_TRY(const auto names, files_.list(metadata_folder_));
  for (const auto& text : names) {
    const auto name = parse_versioned_name(text);
    if (name && name->role == role) known = std::max(known, name->version);
  }
  if (known == std::numeric_limits<trust::RoleVersion>::max()) {
    return Error{ErrorKind::internal, "sign " + role, "it has the highest version that there is"};
  }
  return std::max(known + 1, trust::RoleVersion{clock_.now().time_since_epoch().count()});
}

Result<void> RoleVersions::record(const std::string& role, trust::RoleVersion version) {
  UPSWARM_CHECK(
      database_.run("INSERT INTO role_versions (role, version) VALUES (?, ?) "
                    "ON CONFLICT (role) DO UPDATE SET version = max(version, excluded.version)",
                    {role, version}));
  return {};
}

Result<void> OnlineSigner::check_keys(const RepositoryView& view) const {
  UPSWARM_CHECK(check_key(keys_.timestamp, view.root->roles.at("timestamp"), "timestamp"));
  UPSWARM_CHECK(check_key(keys_.snapshot, view.root->roles.at("snapshot"), "snapshot"));
  if (const auto* rollout = rollout_delegation(view)) UPSWARM_CHECK(check_key(keys_.rollout, rollout->keys, "rollout"));
  return {};
}

Result<void> OnlineSigner::check_clock(const RepositoryView& view) const {
  const auto last = signing_times(view).last;
  if (last == Time::max() || clock_.now() <= last + kLongestSilence) return {};
  return Error{ErrorKind::internal, "sign the online roles",
               "the clock says " + to_string(clock_.now()) + ", but the last signature is of " + to_string(last) +
                   ": if the clock is right, stop the seeder and run `upswarm-seeder sign-once`",
               "clock"};
}

Result<bool> OnlineSigner::change_rollouts(const SigningRequest& request, Rollouts& rollouts) const {
  UPSWARM_TRY(bool changed, drop_all_withdrawn(request, rollouts));
  for (const auto& wish : request.wishes) {
    UPSWARM_TRY(const auto indexes,
                read_indexes(request.view, request.source, wish.product, wish.channel, wish.platform));
    if (comes_with_withdrawal(request, wish, indexes)) {
      log::warning("a wish is passed over: its bundle withdraws the release",
                   {{"product", wish.product}, {"counter", wish.item.counter.text()}});
      continue;
    }
    UPSWARM_TRY(const bool by_wish, apply_wish(rollouts, wish, indexes, request.steering));
    changed = changed || by_wish;
  }
  return changed;
}

Result<void> OnlineSigner::sign_rollout(const SigningRequest& request, SignedFiles& made, trust::MetaFile& meta) {
  const auto old = request.view.roles.find("rollout");
  const bool is_there = old != request.view.roles.end();
  Rollouts rollouts;
  if (is_there) {
    UPSWARM_TRY(rollouts, read_rollouts(old->second, request.source));
  }
  bool changed = !is_there || request.how == Signing::all || !is_signed_by(keys_.rollout, old->second);
  UPSWARM_TRY(const bool is_new, change_rollouts(request, rollouts));
  changed = changed || is_new;
  if (!changed && !is_due(by_half_life(old->second.content.expires), clock_.now())) {
    meta = describe(old->second.content.version, old->second.bytes);
    return {};
  }
  trust::Targets content;
  UPSWARM_TRY(content.version, versions_.next("rollout", is_there ? old->second.content.version : 0));
  content.expires = clock_.now() + kWeek;
  for (const auto& [path, rollout] : rollouts) {
    auto bytes = upswarm::to_text(trust::to_json(rollout));
    const trust::TrustedTarget target{path, {.length = Bytes{bytes.size()}, .sha256 = sha256(bytes)}, "rollout"};
    content.targets[path] = target.file;
    made.targets[target.consistent_name()] = std::move(bytes);
  }
  auto bytes = trust::seal(trust::to_json(content), {&keys_.rollout});
  meta = describe(content.version, bytes);
  made.metadata[versioned_name("rollout", content.version)] = std::move(bytes);
  made.versions.emplace_back("rollout", content.version);
  return {};
}

Result<std::map<std::string, trust::MetaFile>> OnlineSigner::meta_of(const SigningRequest& request, SignedFiles& made) {
  std::map<std::string, trust::MetaFile> meta;
  for (const auto& [role, file] : request.view.roles) {
    if (role != "rollout") meta[role + ".json"] = describe(file.content.version, file.bytes);
  }
  if (rollout_delegation(request.view) != nullptr) {
    UPSWARM_CHECK(sign_rollout(request, made, meta["rollout.json"]));
  } else if (!request.wishes.empty()) {
    return Error{ErrorKind::untrusted, "set a rollout", "targets.json has no role for rollouts", "entry"};
  } else if (const auto old = request.view.roles.find("rollout"); old != request.view.roles.end()) {
    meta["rollout.json"] = describe(old->second.content.version, old->second.bytes);  // none may vanish from a snapshot
  }
  return meta;
}

Result<SignedFiles> OnlineSigner::sign(const SigningRequest& request) {
  const auto& view = request.view;
  if (!view.root) return Error{ErrorKind::not_found, "sign the online roles", "there is no root yet"};
  if (!view.roles.contains("targets"))
    return Error{ErrorKind::not_found, "sign the online roles", "there are no targets yet"};
  UPSWARM_CHECK(check_keys(view));
  if (!request.trusts_clock) UPSWARM_CHECK(check_clock(view));
  const auto now = clock_.now();
  UPSWARM_CHECK(check_expiry("root", view.root->expires, now));
  UPSWARM_CHECK(check_expiry("targets", view.roles.at("targets").content.expires, now));
  const bool all = request.how == Signing::all;
  SignedFiles made;
  UPSWARM_TRY(auto meta, meta_of(request, made));

  trust::MetaFile snapshot_meta;
  const bool new_snapshot =
      all || !view.snapshot || !is_same(meta, view.snapshot->meta) || is_due(by_half_life(view.snapshot->expires), now);
  if (new_snapshot) {
    trust::Snapshot snapshot{.version = 0, .expires = now + kWeek, .meta = std::move(meta)};
    UPSWARM_TRY(snapshot.version, versions_.next("snapshot", view.snapshot ? view.snapshot->version : 0));
    auto bytes = trust::seal(trust::to_json(snapshot), {&keys_.snapshot});
    snapshot_meta = describe(snapshot.version, bytes);
    made.metadata[versioned_name("snapshot", snapshot.version)] = std::move(bytes);
    made.versions.emplace_back("snapshot", snapshot.version);
  } else {
    snapshot_meta = view.timestamp->snapshot;
  }
  if (!new_snapshot && !is_due(of_timestamp(view.timestamp->expires), now)) return made;

  trust::Timestamp timestamp{.version = 0, .expires = now + kTimestampLife, .snapshot = snapshot_meta};
  UPSWARM_TRY(timestamp.version, versions_.next("timestamp", view.timestamp ? view.timestamp->version : 0));
  made.metadata["timestamp.json"] = trust::seal(trust::to_json(timestamp), {&keys_.timestamp});
  made.versions.emplace_back("timestamp", timestamp.version);
  return made;
}

SigningTimes signing_times(const RepositoryView& view) {
  if (!view.timestamp || !view.snapshot) return {Time::max(), Time::max()};
  auto times = of_timestamp(view.timestamp->expires);
  const auto add = [&times](const SigningTimes& one) {
    times.last = std::max(times.last, one.last);
    times.next = std::min(times.next, one.next);
  };
  add(by_half_life(view.snapshot->expires));
  if (const auto rollout = view.roles.find("rollout"); rollout != view.roles.end()) {
    add(by_half_life(rollout->second.content.expires));
  }
  return times;
}

bool is_due(const SigningTimes& times, Time now) {
  if (times.next == Time::max()) return false;
  return now >= times.next || now < times.last - kClockSlack;
}

}  // namespace upswarm::seeder
