#include "seeder/online_signing.hpp"

#include <algorithm>
#include <limits>

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

Result<void> OnlineSigner::sign_rollout(const SigningRequest& request, SignedFiles& made, trust::MetaFile& meta) {
  const auto old = request.view.roles.find("rollout");
  const bool is_there = old != request.view.roles.end();
  Rollouts rollouts;
  if (is_there) {
    UPSWARM_TRY(rollouts, read_rollouts(old->second, request.source));
  }
  bool changed = !is_there || request.how == Signing::all || !is_signed_by(keys_.rollout, old->second);
  for (const auto& wish : request.wishes) {
    UPSWARM_TRY(const auto indexes,
                read_indexes(request.view, request.source, wish.product, wish.channel, wish.platform));
    UPSWARM_TRY(const bool by_wish, apply_wish(rollouts, wish, indexes, request.steering));
    changed = changed || by_wish;
  }
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
