#include "protocol/trust/workflow.hpp"

#include <algorithm>
#include <limits>

namespace upswarm::trust {
namespace {

constexpr const char* kRoot = "root";
constexpr const char* kTargets = "targets";

Signers signers_of(const Root& root, const char* role) { return {root.roles.at(role), root.keys}; }

Error untrusted(const std::string& role, std::string cause, const char* reason) {
  return {ErrorKind::untrusted, "verify " + role, std::move(cause), reason};
}

Error went_back(const std::string& role, RoleVersion from, RoleVersion to) {
  return untrusted(role, "version " + std::to_string(to) + " comes after " + std::to_string(from), "rollback");
}

bool has_length_and_digest(std::string_view bytes, const Sha256& digest, const MetaFile& told) {
  return (!told.length || told.length->count == bytes.size()) && (!told.sha256 || *told.sha256 == digest);
}

template <typename T>
bool is_as_told(const Accepted<T>& role, const MetaFile& told) {
  return role.value.version == told.version && has_length_and_digest(role.bytes, role.digest, told);
}

/// 5.5.5: nothing that the trusted snapshot lists may go back or vanish.
Result<void> check_rollback(const Snapshot& from, const Snapshot& to) {
  for (const auto& [name, file] : from.meta) {
    const auto found = to.meta.find(name);
    if (found == to.meta.end()) return untrusted("snapshot", name + " is no longer listed", "rollback");
    if (found->second.version < file.version)
      return went_back("snapshot: " + name, file.version, found->second.version);
  }
  return {};
}

}  // namespace

Error longer_than(const std::string& name, Bytes longest) {
  return {ErrorKind::corrupt, "fetch " + name, "longer than " + to_string(longest), "too_long"};
}

std::string Workflow::name_of(const std::string& role, RoleVersion version) const {
  return metadata_name(role, root_->value.consistent_snapshot ? std::optional(version) : std::nullopt);
}

void Workflow::start(bool expired_too) {
  now_ = clock_.now();
  is_ready_ = false;
  takes_expired_ = expired_too;
  for (auto& [name, role] : roles_) known_.insert_or_assign(name, std::move(role));
  roles_.clear();
}

void Workflow::forget_what_root_vouched_for() {
  timestamp_.reset();
  snapshot_.reset();
  known_.clear();
}

template <typename T>
Result<void> Workflow::check_expiry(const Accepted<T>& role, const std::string& name) const {
  if (role.value.expires > now_) return {};
  return untrusted(name, "it expired at " + to_string(role.value.expires) + ", now it is " + to_string(now_),
                   "expired");
}

Result<std::string> Workflow::download(const std::string& name, Bytes longest) {
  UPSWARM_TRY(auto bytes, source_.metadata(name, longest));
  if (bytes.size() > longest.count) return longer_than(name, longest);
  return bytes;
}

template <typename T, typename Parse>
Result<Accepted<T>> Workflow::verify(std::string bytes, const std::string& role, Bytes longest, const Signers& signers,
                                     Parse parse) const {
  UPSWARM_TRY(const auto envelope, parse_envelope(bytes, role, longest));
  UPSWARM_CHECK(verify_signatures(envelope, signers.role, signers.keys, verifier_, role));
  UPSWARM_TRY(auto value, parse(envelope));
  const auto digest = sha256(bytes);
  return Accepted<T>{std::move(value), std::move(bytes), digest};
}

/// What the store has of a role, if that still counts. What does not is as good as not there: it is fetched anew.
template <typename T, typename Parse>
Result<std::optional<Accepted<T>>> Workflow::stored(const std::string& role, Bytes longest, const Signers& signers,
                                                    Parse parse) const {
  auto bytes = store_.load(role);
  if (!bytes) {
    // Other failures are passed on: a store that cannot be read just now must not cost the protection against
    // rollback.
    if (bytes.error().kind == ErrorKind::not_found || bytes.error().kind == ErrorKind::corrupt)
      return std::optional<Accepted<T>>{};
    return bytes.error();
  }
  auto accepted = verify<T>(std::move(*bytes), role, longest, signers, parse);
  if (!accepted) return std::optional<Accepted<T>>{};
  return std::optional(std::move(*accepted));
}

/// A file that timestamp or snapshot tells of.
template <typename T, typename Parse>
Result<Accepted<T>> Workflow::fetch_told(const std::string& role, const MetaFile& told, Bytes longest,
                                         const Signers& signers, Parse parse) {
  const auto name = name_of(role, told.version);
  if (told.length && *told.length > longest) return longer_than(name, longest);
  UPSWARM_TRY(auto bytes, promised(download(name, told.length.value_or(longest))));
  if (told.sha256 && sha256(bytes) != *told.sha256)
    return untrusted(role, "its digest is not what was signed", "mix_and_match");
  if (told.length && bytes.size() != told.length->count)
    return untrusted(role, "its length is not what was signed", "mix_and_match");
  UPSWARM_TRY(auto fresh, verify<T>(std::move(bytes), role, longest, signers, parse));
  if (fresh.value.version == told.version) return fresh;
  return untrusted(role,
                   "version " + std::to_string(told.version) + " is wanted, not " + std::to_string(fresh.value.version),
                   "wrong_version");
}

/// 5.3.1, and a look whether the disk kept it whole.
Result<void> Workflow::load_root() {
  auto bytes = store_.load("root");
  if (bytes && root_ && root_->bytes == *bytes) return {};
  root_.reset();
  forget_what_root_vouched_for();
  if (!bytes && bytes.error().kind == ErrorKind::not_found)
    return Error{ErrorKind::not_found, "load the trusted root", "no first root was placed here", "no_root"};
  UPSWARM_CHECK(bytes);
  UPSWARM_TRY(const auto envelope, parse_envelope(*bytes, "the trusted root", kLongestRoot));
  UPSWARM_TRY(auto value, parse_root(envelope));
  UPSWARM_CHECK(verify_signatures(envelope, value.roles.at("root"), value.keys, verifier_, "the trusted root"));
  const auto digest = sha256(*bytes);
  root_ = Accepted<Root>{std::move(value), std::move(*bytes), digest};
  return {};
}

/// 5.3.4 and 5.3.5: signed by the old root's keys and its own, and the very next version.
Result<Accepted<Root>> Workflow::next_root(std::string bytes) const {
  const auto wanted = root_->value.version + 1;
  UPSWARM_TRY(const auto envelope, parse_envelope(bytes, "root", kLongestRoot));
  UPSWARM_CHECK(verify_signatures(envelope, root_->value.roles.at("root"), root_->value.keys, verifier_,
                                  "root by the keys before it"));
  UPSWARM_TRY(auto value, parse_root(envelope));
  UPSWARM_CHECK(verify_signatures(envelope, value.roles.at("root"), value.keys, verifier_, "root by its own keys"));
  if (value.version < wanted) return went_back("root", root_->value.version, value.version);
  if (value.version > wanted) {
    return untrusted("root", "version " + std::to_string(wanted) + " is wanted, not " + std::to_string(value.version),
                     "wrong_version");
  }
  const auto digest = sha256(bytes);
  return Accepted<Root>{std::move(value), std::move(bytes), digest};
}

/// 5.3, but for the expiry of the last one.
Result<void> Workflow::update_root() {
  UPSWARM_CHECK(load_root());
  for (int i = 0; i < kMostRootRotations && root_->value.version < std::numeric_limits<RoleVersion>::max(); ++i) {
    auto bytes = download(metadata_name("root", root_->value.version + 1), kLongestRoot);
    if (!bytes && bytes.error().kind == ErrorKind::not_found) break;
    UPSWARM_CHECK(bytes);
    UPSWARM_TRY(auto next, next_root(std::move(*bytes)));
    forget_what_root_vouched_for();
    // 5.3.11, already here and before the new root: after a stop in between the old root is still there and the step is
    // taken again. The other way round a version forged with stolen keys could stay for ever.
    if (has_rotated(root_->value, next.value, "timestamp") || has_rotated(root_->value, next.value, "snapshot")) {
      UPSWARM_CHECK(store_.remove("snapshot"));
      UPSWARM_CHECK(store_.remove("timestamp"));
    }
    UPSWARM_CHECK(store_.save("root", next.bytes));
    root_ = std::move(next);
  }
  return {};
}

/// The trusted timestamp, from memory or the store, and the time that it proves to have passed.
Result<void> Workflow::raise_time() {
  if (!timestamp_) {
    UPSWARM_TRY(timestamp_, stored<Timestamp>("timestamp", kLongestTimestamp, signers_of(root_->value, "timestamp"),
                                              parse_timestamp));
  }
  if (timestamp_ && profile_.timestamp_life)
    now_ = std::max(now_, timestamp_->value.expires - *profile_.timestamp_life);
  return {};
}

/// 5.4
Result<void> Workflow::update_timestamp() {
  UPSWARM_TRY(auto bytes, download("timestamp.json", kLongestTimestamp));
  if (timestamp_ && timestamp_->bytes == bytes) return check_expiry(*timestamp_, "timestamp");
  const auto signers = signers_of(root_->value, "timestamp");
  UPSWARM_TRY(auto fresh,
              verify<Timestamp>(std::move(bytes), "timestamp", kLongestTimestamp, signers, parse_timestamp));
  if (timestamp_) {
    const auto& before = timestamp_->value;
    if (fresh.value.version < before.version) return went_back("timestamp", before.version, fresh.value.version);
    if (fresh.value.version == before.version) return check_expiry(*timestamp_, "timestamp");
    if (fresh.value.snapshot.version < before.snapshot.version)
      return went_back("timestamp: snapshot", before.snapshot.version, fresh.value.snapshot.version);
  }
  UPSWARM_CHECK(check_expiry(fresh, "timestamp"));
  UPSWARM_CHECK(store_.save("timestamp", fresh.bytes));
  timestamp_ = std::move(fresh);
  return {};
}

/// 5.5
Result<void> Workflow::update_snapshot() {
  const auto signers = signers_of(root_->value, "snapshot");
  const auto& told = timestamp_->value.snapshot;
  if (!snapshot_) {
    UPSWARM_TRY(snapshot_, stored<Snapshot>("snapshot", kLongestSnapshot, signers, parse_snapshot));
  }
  if (snapshot_ && is_as_told(*snapshot_, told)) return check_expiry(*snapshot_, "snapshot");
  UPSWARM_TRY(auto fresh, fetch_told<Snapshot>("snapshot", told, kLongestSnapshot, signers, parse_snapshot));
  if (snapshot_) UPSWARM_CHECK(check_rollback(snapshot_->value, fresh.value));
  UPSWARM_CHECK(check_expiry(fresh, "snapshot"));
  UPSWARM_CHECK(store_.save("snapshot", fresh.bytes));
  snapshot_ = std::move(fresh);
  return {};
}

Result<MetaFile> Workflow::told_of(const std::string& role) const {
  const auto found = snapshot_->value.meta.find(role + ".json");
  if (found == snapshot_->value.meta.end()) return untrusted(role, "the snapshot does not list it", "mix_and_match");
  return found->second;
}

/// 5.6, for targets and each role it delegates to.
Result<Accepted<Targets>> Workflow::known_or_stored_or_fetched(const std::string& role, const Sha256& vouched_by,
                                                               const Signers& signers) {
  const auto parse = [&role](const Envelope& envelope) { return parse_targets(envelope, role); };
  UPSWARM_TRY(const auto told, told_of(role));
  std::optional<Accepted<Targets>> old;
  if (const auto before = known_.find(role); before != known_.end() && before->second.vouched_by == vouched_by) {
    old = std::move(before->second);
    known_.erase(before);
  } else {
    UPSWARM_TRY(old, stored<Targets>(role, kLongestTargets, signers, parse));
  }
  if (old && is_as_told(*old, told)) {
    if (!takes_expired_) UPSWARM_CHECK(check_expiry(*old, role));
    return std::move(*old);
  }
  UPSWARM_TRY(auto fresh, fetch_told<Targets>(role, told, kLongestTargets, signers, parse));
  UPSWARM_CHECK(check_expiry(fresh, role));
  UPSWARM_CHECK(store_.save(role, fresh.bytes));
  return fresh;
}

Result<const Targets*> Workflow::use(const std::string& role, const std::string& delegator, const Signers& signers) {
  const auto vouched_by = delegator == kRoot ? root_->digest : roles_.at(delegator).digest;
  const auto found = roles_.find(role);
  if (found != roles_.end() && found->second.vouched_by == vouched_by) return &found->second.value;
  UPSWARM_TRY(auto accepted, known_or_stored_or_fetched(role, vouched_by, signers));
  accepted.vouched_by = vouched_by;
  return &roles_.insert_or_assign(role, std::move(accepted)).first->second.value;
}

Result<const Targets*> Workflow::use_top_targets() { return use(kTargets, kRoot, signers_of(root_->value, kTargets)); }

/// The store's timestamp, snapshot and targets, which must belong together.
Result<void> Workflow::load_top() {
  if (!timestamp_) {
    UPSWARM_TRY(auto bytes, store_.load("timestamp"));
    UPSWARM_TRY(timestamp_, verify<Timestamp>(std::move(bytes), "timestamp", kLongestTimestamp,
                                              signers_of(root_->value, "timestamp"), parse_timestamp));
  }
  if (!snapshot_) {
    UPSWARM_TRY(auto bytes, store_.load("snapshot"));
    UPSWARM_TRY(snapshot_, verify<Snapshot>(std::move(bytes), "snapshot", kLongestSnapshot,
                                            signers_of(root_->value, "snapshot"), parse_snapshot));
  }
  const auto apart = [](const char* role) {
    return untrusted(role, "the store holds another version than was told", "mix_and_match");
  };
  if (!is_as_told(*snapshot_, timestamp_->value.snapshot)) return apart("snapshot");
  UPSWARM_TRY(const auto told, told_of(kTargets));
  const auto before = known_.find(kTargets);
  if (before != known_.end() && before->second.vouched_by == root_->digest && is_as_told(before->second, told)) {
    roles_.insert_or_assign(kTargets, std::move(before->second));
    known_.erase(before);
    return {};
  }
  UPSWARM_TRY(auto bytes, store_.load(kTargets));
  const auto parse = [](const Envelope& envelope) { return parse_targets(envelope, kTargets); };
  UPSWARM_TRY(auto targets,
              verify<Targets>(std::move(bytes), kTargets, kLongestTargets, signers_of(root_->value, kTargets), parse));
  if (!is_as_told(targets, told)) return apart(kTargets);
  targets.vouched_by = root_->digest;
  roles_.insert_or_assign(kTargets, std::move(targets));
  return {};
}

Result<void> Workflow::refresh() {
  start(false);
  UPSWARM_CHECK(update_root());
  UPSWARM_CHECK(raise_time());
  UPSWARM_CHECK(check_expiry(*root_, "root"));
  UPSWARM_CHECK(update_timestamp());
  UPSWARM_CHECK(update_snapshot());
  UPSWARM_CHECK(use_top_targets());
  is_ready_ = true;
  return {};
}

Result<void> Workflow::load() {
  start(true);
  UPSWARM_CHECK(load_root());
  UPSWARM_CHECK(raise_time());
  UPSWARM_CHECK(load_top());
  is_ready_ = true;
  return {};
}

}  // namespace upswarm::trust
