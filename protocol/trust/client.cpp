#include "protocol/trust/client.hpp"

#include <algorithm>
#include <limits>
#include <set>

namespace upswarm::trust {
namespace {

constexpr std::int64_t kAnyEpoch = std::numeric_limits<std::int64_t>::max();

/// A role that was verified, with the bytes as they were served.
template <typename T>
struct Accepted {
  T value;
  std::string bytes;
  std::string delegator = {};  ///< of a delegated role: by whose keys it was verified
};

/// Who may sign a role, as the role above it says.
struct Signers {
  const RoleKeys& role;
  const std::map<KeyId, PublicKey>& keys;
};

Signers signers_of(const Root& root, const char* role) { return {root.roles.at(role), root.keys}; }

Error untrusted(const std::string& role, std::string cause, const char* reason) {
  return {ErrorKind::untrusted, "verify " + role, std::move(cause), reason};
}

Error too_long(const std::string& name, Bytes longest) {
  return {ErrorKind::corrupt, "fetch " + name, "longer than " + to_string(longest), "too_long"};
}

Error went_back(const std::string& role, RoleVersion from, RoleVersion to) {
  return untrusted(role, "version " + std::to_string(to) + " comes after " + std::to_string(from), "rollback");
}

/// A file that signed metadata promises is there on a whole repository: "not there" must not look like "never signed".
template <typename T>
Result<T> promised(Result<T> fetched) {
  if (fetched || fetched.error().kind != ErrorKind::not_found) return fetched;
  auto error = std::move(fetched).error();
  error.kind = ErrorKind::unreachable;
  error.reason = "missing";
  return error;
}

bool has_length_and_digest(std::string_view bytes, const MetaFile& told) {
  return (!told.length || told.length->count == bytes.size()) && (!told.sha256 || *told.sha256 == sha256(bytes));
}

template <typename T>
bool is_as_told(const Accepted<T>& role, const MetaFile& told) {
  return role.value.version == told.version && has_length_and_digest(role.bytes, told);
}

/// The keys of a role themselves: a new id for an old key is no rotation.
std::set<std::string> keys_of(const Root& root, const char* role) {
  std::set<std::string> keys;
  for (const auto& id : root.roles.at(role).key_ids) {
    const auto key = root.keys.find(id);
    keys.insert(key == root.keys.end() ? id : key->second.public_text);
  }
  return keys;
}

bool has_rotated(const Root& from, const Root& to, const char* role) {
  return keys_of(from, role) != keys_of(to, role);
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

struct TrustClient::State {
  TrustStore& store;
  RepositorySource& source;
  const SignatureVerifier& verifier;
  const Clock& clock;

  Time now;  ///< of the whole refresh
  bool is_ready = false;
  bool takes_expired = false;
  std::optional<Accepted<Root>> root;
  std::optional<Accepted<Timestamp>> timestamp;
  std::optional<Accepted<Snapshot>> snapshot;
  std::map<std::string, Accepted<Targets>> roles;  ///< "targets" and the delegated ones

  void start(bool expired_too) {
    now = clock.now();
    is_ready = false;
    takes_expired = expired_too;
    timestamp.reset();
    snapshot.reset();
    roles.clear();
  }

  template <typename T>
  Result<void> check_expiry(const Accepted<T>& role, const std::string& name) const {
    if (role.value.expires > now) return {};
    return untrusted(name, "it expired at " + to_string(role.value.expires) + ", now it is " + to_string(now),
                     "expired");
  }

  std::string name_of(const std::string& role, RoleVersion version) const {
    return metadata_name(role, root->value.consistent_snapshot ? std::optional(version) : std::nullopt);
  }

  Result<std::string> download(const std::string& name, Bytes longest) {
    UPSWARM_TRY(auto bytes, source.metadata(name, longest));
    if (bytes.size() > longest.count) return too_long(name, longest);
    return bytes;
  }

  template <typename T, typename Parse>
  Result<Accepted<T>> verify(std::string bytes, const std::string& role, Bytes longest, const Signers& signers,
                             Parse parse) const {
    UPSWARM_TRY(const auto envelope, parse_envelope(bytes, role, longest));
    UPSWARM_CHECK(verify_signatures(envelope, signers.role, signers.keys, verifier, role));
    UPSWARM_TRY(auto value, parse(envelope));
    return Accepted<T>{std::move(value), std::move(bytes)};
  }

  /// What the store has of a role, if that still counts. What does not is as good as not there: it is fetched anew.
  template <typename T, typename Parse>
  Result<std::optional<Accepted<T>>> stored(const std::string& role, Bytes longest, const Signers& signers,
                                            Parse parse) const {
    auto bytes = store.load(role);
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
  Result<Accepted<T>> fetch_told(const std::string& role, const MetaFile& told, Bytes longest, const Signers& signers,
                                 Parse parse) {
    const auto name = name_of(role, told.version);
    if (told.length && *told.length > longest) return too_long(name, longest);
    UPSWARM_TRY(auto bytes, promised(download(name, told.length.value_or(longest))));
    if (!has_length_and_digest(bytes, told))
      return untrusted(role, "length or digest is not what was signed", "mix_and_match");
    UPSWARM_TRY(auto fresh, verify<T>(std::move(bytes), role, longest, signers, parse));
    if (fresh.value.version != told.version) {
      return untrusted(
          role, "version " + std::to_string(told.version) + " is wanted, not " + std::to_string(fresh.value.version),
          "wrong_version");
    }
    return fresh;
  }

  Result<void> load_root();
  Result<void> update_root();
  Result<Accepted<Root>> next_root(std::string bytes) const;
  Result<void> update_timestamp();
  Result<void> update_snapshot();
  Result<void> load_top();

  Result<MetaFile> told_of(const std::string& role) const;
  Result<const Targets*> use(const std::string& role, const std::string& delegator, const Signers& signers);
  Result<Accepted<Targets>> stored_or_fetched(const std::string& role, const Signers& signers);
};

/// 5.3.1, and a look whether the disk kept it whole.
Result<void> TrustClient::State::load_root() {
  root.reset();
  auto bytes = store.load("root");
  if (!bytes && bytes.error().kind == ErrorKind::not_found) {
    return Error{ErrorKind::not_found, "load the trusted root", "no first root was placed here", "no_root"};
  }
  UPSWARM_CHECK(bytes);
  UPSWARM_TRY(const auto envelope, parse_envelope(*bytes, "the trusted root", kLongestRoot));
  UPSWARM_TRY(auto value, parse_root(envelope));
  UPSWARM_CHECK(verify_signatures(envelope, value.roles.at("root"), value.keys, verifier, "the trusted root"));
  root = Accepted<Root>{std::move(value), std::move(*bytes)};
  return {};
}

/// 5.3.4 and 5.3.5: signed by the old root's keys and its own, and the very next version.
Result<Accepted<Root>> TrustClient::State::next_root(std::string bytes) const {
  const auto wanted = root->value.version + 1;
  UPSWARM_TRY(const auto envelope, parse_envelope(bytes, "root", kLongestRoot));
  UPSWARM_CHECK(verify_signatures(envelope, root->value.roles.at("root"), root->value.keys, verifier,
                                  "root by the keys before it"));
  UPSWARM_TRY(auto value, parse_root(envelope));
  UPSWARM_CHECK(verify_signatures(envelope, value.roles.at("root"), value.keys, verifier, "root by its own keys"));
  if (value.version < wanted) return went_back("root", root->value.version, value.version);
  if (value.version > wanted) {
    return untrusted("root", "version " + std::to_string(wanted) + " is wanted, not " + std::to_string(value.version),
                     "wrong_version");
  }
  return Accepted<Root>{std::move(value), std::move(bytes)};
}

/// 5.3
Result<void> TrustClient::State::update_root() {
  UPSWARM_CHECK(load_root());
  for (int i = 0; i < kMostRootRotations && root->value.version < std::numeric_limits<RoleVersion>::max(); ++i) {
    auto bytes = download(metadata_name("root", root->value.version + 1), kLongestRoot);
    if (!bytes && bytes.error().kind == ErrorKind::not_found) break;
    UPSWARM_CHECK(bytes);
    UPSWARM_TRY(auto next, next_root(std::move(*bytes)));
    // 5.3.11, already here and before the new root: after a stop in between the old root is still there and the step is
    // taken again. The other way round a version forged with stolen keys could stay for ever.
    if (has_rotated(root->value, next.value, "timestamp") || has_rotated(root->value, next.value, "snapshot")) {
      UPSWARM_CHECK(store.remove("snapshot"));
      UPSWARM_CHECK(store.remove("timestamp"));
    }
    UPSWARM_CHECK(store.save("root", next.bytes));
    root = std::move(next);
  }
  return check_expiry(*root, "root");
}

/// 5.4
Result<void> TrustClient::State::update_timestamp() {
  const auto signers = signers_of(root->value, "timestamp");
  UPSWARM_TRY(auto old, stored<Timestamp>("timestamp", kLongestTimestamp, signers, parse_timestamp));
  UPSWARM_TRY(auto bytes, download("timestamp.json", kLongestTimestamp));
  UPSWARM_TRY(auto fresh,
              verify<Timestamp>(std::move(bytes), "timestamp", kLongestTimestamp, signers, parse_timestamp));
  if (old) {
    const auto& before = old->value;
    if (fresh.value.version < before.version) return went_back("timestamp", before.version, fresh.value.version);
    if (fresh.value.version == before.version) {
      timestamp = std::move(old);
      return check_expiry(*timestamp, "timestamp");
    }
    if (fresh.value.snapshot.version < before.snapshot.version) {
      return went_back("timestamp: snapshot", before.snapshot.version, fresh.value.snapshot.version);
    }
  }
  UPSWARM_CHECK(check_expiry(fresh, "timestamp"));
  UPSWARM_CHECK(store.save("timestamp", fresh.bytes));
  timestamp = std::move(fresh);
  return {};
}

/// 5.5
Result<void> TrustClient::State::update_snapshot() {
  const auto signers = signers_of(root->value, "snapshot");
  const auto& told = timestamp->value.snapshot;
  UPSWARM_TRY(auto old, stored<Snapshot>("snapshot", kLongestSnapshot, signers, parse_snapshot));
  if (old && is_as_told(*old, told)) {
    UPSWARM_CHECK(check_expiry(*old, "snapshot"));
    snapshot = std::move(old);
    return {};
  }
  UPSWARM_TRY(auto fresh, fetch_told<Snapshot>("snapshot", told, kLongestSnapshot, signers, parse_snapshot));
  if (old) UPSWARM_CHECK(check_rollback(old->value, fresh.value));
  UPSWARM_CHECK(check_expiry(fresh, "snapshot"));
  UPSWARM_CHECK(store.save("snapshot", fresh.bytes));
  snapshot = std::move(fresh);
  return {};
}

Result<MetaFile> TrustClient::State::told_of(const std::string& role) const {
  const auto found = snapshot->value.meta.find(role + ".json");
  if (found == snapshot->value.meta.end()) return untrusted(role, "the snapshot does not list it", "mix_and_match");
  return found->second;
}

/// 5.6, for targets and each role it delegates to.
Result<Accepted<Targets>> TrustClient::State::stored_or_fetched(const std::string& role, const Signers& signers) {
  const auto parse = [&role](const Envelope& envelope) { return parse_targets(envelope, role); };
  UPSWARM_TRY(const auto told, told_of(role));
  UPSWARM_TRY(auto old, stored<Targets>(role, kLongestTargets, signers, parse));
  if (old && is_as_told(*old, told)) {
    if (!takes_expired) UPSWARM_CHECK(check_expiry(*old, role));
    return std::move(*old);
  }
  UPSWARM_TRY(auto fresh, fetch_told<Targets>(role, told, kLongestTargets, signers, parse));
  UPSWARM_CHECK(check_expiry(fresh, role));
  UPSWARM_CHECK(store.save(role, fresh.bytes));
  return fresh;
}

/// A role as `delegator` delegates it. Another delegator may name other keys: then the role is verified anew.
Result<const Targets*> TrustClient::State::use(const std::string& role, const std::string& delegator,
                                               const Signers& signers) {
  const auto found = roles.find(role);
  if (found != roles.end() && found->second.delegator == delegator) return &found->second.value;
  UPSWARM_TRY(auto accepted, stored_or_fetched(role, signers));
  accepted.delegator = delegator;
  return &roles.insert_or_assign(role, std::move(accepted)).first->second.value;
}

/// The store's timestamp, snapshot and targets, which must belong together.
Result<void> TrustClient::State::load_top() {
  UPSWARM_TRY(auto timestamp_bytes, store.load("timestamp"));
  UPSWARM_TRY(timestamp, verify<Timestamp>(std::move(timestamp_bytes), "timestamp", kLongestTimestamp,
                                           signers_of(root->value, "timestamp"), parse_timestamp));
  UPSWARM_TRY(auto snapshot_bytes, store.load("snapshot"));
  UPSWARM_TRY(snapshot, verify<Snapshot>(std::move(snapshot_bytes), "snapshot", kLongestSnapshot,
                                         signers_of(root->value, "snapshot"), parse_snapshot));
  const auto apart = [](const char* role) {
    return untrusted(role, "the store holds another version than was told", "mix_and_match");
  };
  if (!is_as_told(*snapshot, timestamp->value.snapshot)) return apart("snapshot");
  UPSWARM_TRY(auto targets_bytes, store.load("targets"));
  const auto parse = [](const Envelope& envelope) { return parse_targets(envelope, "targets"); };
  UPSWARM_TRY(auto targets, verify<Targets>(std::move(targets_bytes), "targets", kLongestTargets,
                                            signers_of(root->value, "targets"), parse));
  UPSWARM_TRY(const auto told, told_of("targets"));
  if (!is_as_told(targets, told)) return apart("targets");
  roles.insert_or_assign("targets", std::move(targets));
  return {};
}

TrustClient::TrustClient(TrustStore& store, RepositorySource& source, const SignatureVerifier& verifier,
                         const Clock& clock)
    : state_(new State{.store = store,
                       .source = source,
                       .verifier = verifier,
                       .clock = clock,
                       .now = {},
                       .root = {},
                       .timestamp = {},
                       .snapshot = {},
                       .roles = {}}) {}

TrustClient::~TrustClient() = default;

Result<void> TrustClient::refresh() {
  state_->start(false);
  UPSWARM_CHECK(state_->update_root());
  UPSWARM_CHECK(state_->update_timestamp());
  UPSWARM_CHECK(state_->update_snapshot());
  UPSWARM_CHECK(state_->use("targets", "root", signers_of(state_->root->value, "targets")));
  state_->is_ready = true;
  return {};
}

Result<void> TrustClient::load() {
  state_->start(true);
  UPSWARM_CHECK(state_->load_root());
  UPSWARM_CHECK(state_->load_top());
  state_->is_ready = true;
  return {};
}

Result<TrustedTarget> TrustClient::find(const std::string& path) {
  const auto doing = "find the target " + path;
  if (!state_->is_ready) return Error{ErrorKind::invalid, doing, "refresh or load must succeed first"};
  struct Visit {
    std::string role;
    std::string delegator;
    Signers signers;
    std::int64_t epoch;
  };
  std::vector<Visit> waiting;
  waiting.push_back(
      {"targets", state_->roles.at("targets").delegator, signers_of(state_->root->value, "targets"), kAnyEpoch});
  std::set<std::string> visited;
  while (!waiting.empty()) {
    const auto visit = std::move(waiting.back());
    waiting.pop_back();
    if (!visited.insert(visit.role).second) continue;
    if (visited.size() > static_cast<std::size_t>(kMostRolesVisited)) {
      return Error{ErrorKind::not_found, doing, "not within " + std::to_string(kMostRolesVisited) + " roles"};
    }
    UPSWARM_TRY(const auto* const role, state_->use(visit.role, visit.delegator, visit.signers));
    if (const auto found = role->targets.find(path); found != role->targets.end()) {
      return TrustedTarget{path, found->second, visit.role, visit.epoch};
    }
    std::vector<Visit> next;
    for (const auto& child : role->delegations.roles) {
      if (!is_responsible(child, path)) continue;
      next.push_back(
          {child.name, visit.role, {child.keys, role->delegations.keys}, std::min(visit.epoch, child.epoch)});
      if (!child.terminating) continue;
      waiting.clear();
      break;
    }
    std::move(next.rbegin(), next.rend(), std::back_inserter(waiting));
  }
  return Error{ErrorKind::not_found, doing, "no role speaks of it"};
}

Result<std::string> TrustClient::fetch(const std::string& path, Bytes longest) {
  UPSWARM_TRY(const auto target, find(path));
  if (target.file.length > longest) return too_long(path, longest);
  const auto name = state_->root->value.consistent_snapshot ? target.consistent_name() : path;
  UPSWARM_TRY(auto bytes, promised(state_->source.target(name, target.file.length)));
  if (bytes.size() != target.file.length.count || sha256(bytes) != target.file.sha256) {
    return Error{ErrorKind::corrupt, "fetch " + path, "length or digest is not what was signed", "wrong_digest"};
  }
  return bytes;
}

TrustClient::Expiry TrustClient::expires_first() const {
  std::vector<Expiry> all;
  if (state_->root) all.push_back({state_->root->value.expires, "root"});
  if (state_->timestamp) all.push_back({state_->timestamp->value.expires, "timestamp"});
  if (state_->snapshot) all.push_back({state_->snapshot->value.expires, "snapshot"});
  for (const auto& [name, role] : state_->roles) all.push_back({role.value.expires, name});
  const auto first = std::ranges::min_element(all, {}, &Expiry::time);
  return first == all.end() ? Expiry{} : *first;
}

RoleVersion TrustClient::root_version() const { return state_->root ? state_->root->value.version : 0; }

RoleVersion TrustClient::timestamp_version() const { return state_->timestamp ? state_->timestamp->value.version : 0; }

std::map<std::string, std::string> TrustClient::files() const {
  std::map<std::string, std::string> files;
  if (!state_->root) return files;
  files[metadata_name("root", state_->root->value.version)] = state_->root->bytes;
  if (state_->timestamp) files[metadata_name("timestamp", std::nullopt)] = state_->timestamp->bytes;
  if (state_->snapshot) files[state_->name_of("snapshot", state_->snapshot->value.version)] = state_->snapshot->bytes;
  for (const auto& [name, role] : state_->roles) files[state_->name_of(name, role.value.version)] = role.bytes;
  return files;
}

std::string TrustedTarget::consistent_name() const {
  const auto slash = path.rfind('/');
  const auto last = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(0, last) + file.sha256.hex() + "." + path.substr(last);
}

}  // namespace upswarm::trust
