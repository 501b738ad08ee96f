#include "seeder/candidate_check.hpp"

#include <algorithm>
#include <set>

#include "protocol/base/log.hpp"
#include "seeder/index_history.hpp"
#include "seeder/new_beginning.hpp"
#include "seeder/torrent_file.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::size_t kBlock = 256 * 1024;

Error bad(const std::string& what, std::string why, std::string reason) {
  return {ErrorKind::corrupt, "check " + what, std::move(why), std::move(reason)};
}

Result<Sha256> digest_of(Files& files, const Path& path) {
  UPSWARM_TRY(const auto file, files.open(path));
  Sha256Hasher hasher;
  ByteBuffer block(kBlock);
  for (Bytes at;;) {
    UPSWARM_TRY(const auto count, file->read_at(at, block));
    if (count == 0) return hasher.finish();
    hasher.update(ByteView(block).first(count));
    at += Bytes{count};
  }
}

class CandidateCheck {
 public:
  CandidateCheck(Files& files, const Candidate& candidate, trust::TrustClient& client, const Clock& clock)
      : files_(files), candidate_(candidate), client_(client), clock_(clock) {
    for (const auto& [role, file] : candidate.base.roles) {
      for (const auto& [path, target] : file.content.targets)
        known_.insert(trust::TrustedTarget{path, target, role}.consistent_name());
    }
  }

  Result<void> run() {
    UPSWARM_CHECK(client_.refresh());
    for (const auto& [role, file] : candidate_.view.roles) {
      if (role != "rollout") UPSWARM_CHECK(check_role(role, file));
    }
    for (const auto& target : fresh_) UPSWARM_CHECK(check_content(target));
    for (const auto& target : indexes_) UPSWARM_CHECK(check_index(target));
    UPSWARM_CHECK(add_unchanged_indexes());
    for (const auto& [product, indexes] : parsed_) UPSWARM_CHECK(check_counters(indexes));
    UPSWARM_CHECK(check_rollouts());
    for (const auto& [name, length] : candidate_.offer.targets) {
      if (!named_.contains(name)) return bad(name, "no signed metadata names this file of the bundle", "not_signed");
    }
    return {};
  }

 private:
  static bool is_nightly_index(const std::string& path) { return path.starts_with("preindex/"); }
  static bool is_index(const std::string& path) { return path.starts_with("index/") || is_nightly_index(path); }
  static bool may_change(const std::string& path) { return !path.starts_with("pkg/") && !path.starts_with("pre/"); }

  bool has_new_beginning(const std::string& role) const { return begins_anew(candidate_.base, candidate_.view, role); }

  bool is_changed(const std::string& role, const RoleFile& file) const {
    const auto old = candidate_.base.roles.find(role);
    return old == candidate_.base.roles.end() || old->second.bytes != file.bytes;
  }

  const trust::DelegatedRole* delegation_of(const std::string& role) const {
    const auto& roles = candidate_.view.roles.at("targets").content.delegations.roles;
    const auto found = std::ranges::find(roles, role, &trust::DelegatedRole::name);
    return found == roles.end() ? nullptr : &*found;
  }

  /// By the delegation itself: the client would only look at a role for a path that leads to it.
  Result<void> check_signers(const std::string& role, const RoleFile& file, const trust::DelegatedRole& delegation) {
    const auto& delegations = candidate_.view.roles.at("targets").content.delegations;
    UPSWARM_TRY(const auto envelope, trust::parse_envelope(file.bytes, role, trust::kLongestTargets));
    return trust::verify_signatures(envelope, delegation.keys, delegations.keys, trust::ed25519_verifier(), role);
  }

  /// Makes the client fetch and verify a role, by asking for a path that this role may speak of.
  Result<void> check_signatures(const std::string& role, const RoleFile& file) {
    if (role == "targets") return {};
    const auto* delegation = delegation_of(role);
    if (delegation == nullptr) {
      if (!is_changed(role, file)) return {};
      return bad(role, "targets delegates nothing to it", "delegation");
    }
    UPSWARM_CHECK(check_signers(role, file, *delegation));
    if (delegation->paths.empty()) return check_expiry(role, file);
    auto path = delegation->paths.front();
    std::ranges::replace_if(
        path, [](char c) { return c == '*' || c == '?'; }, 'x');
    const auto found = client_.find(path);
    if (found || found.error().kind == ErrorKind::not_found) return {};
    if (found.error().reason != "expired" || is_changed(role, file)) return found.error();
    log::warning("an unchanged role has expired", {{"role", role}, {"why", found.error().message()}});
    return {};
  }

  Result<void> check_expiry(const std::string& role, const RoleFile& file) const {
    if (file.content.expires > clock_.now() || !is_changed(role, file)) return {};
    return Error{ErrorKind::untrusted, "check " + role, "it expired at " + to_string(file.content.expires), "expired"};
  }

  /// Each find() reads and verifies roles anew, so it is asked for what is new alone; for the rest, the pattern
  /// decides.
  Result<void> check_role(const std::string& role, const RoleFile& file) {
    UPSWARM_CHECK(check_signatures(role, file));
    const auto* delegation = delegation_of(role);
    for (const auto& [path, target] : file.content.targets) {
      const bool is_known = known_.contains(trust::TrustedTarget{path, target, role}.consistent_name());
      bool may_speak = false;
      if (is_known && delegation != nullptr) {
        may_speak = trust::is_responsible(*delegation, path);
      } else {
        const auto found = client_.find(path);
        if (!found && found.error().kind != ErrorKind::not_found) return found.error();
        may_speak =
            found && found->role == role && found->file.sha256 == target.sha256 && found->file.length == target.length;
      }
      if (!may_speak || signed_.contains(path)) {
        return bad(path, role + " lists it, but is not the role that may speak of it", "delegation");
      }
      const auto* old = candidate_.base.find(path);
      if (old != nullptr && old->sha256 != target.sha256 && !may_change(path) && !has_new_beginning(role)) {
        return bad(path, "it is another file than before under the same name", "package");
      }
      add(path, target, role);
      if (is_index(path) && (is_changed(role, file) || !is_known)) indexes_.push_back({path, target, role});
    }
    return {};
  }

  void add(const std::string& path, const trust::TargetFile& file, const std::string& role) {
    const trust::TrustedTarget target{path, file, role};
    const auto name = target.consistent_name();
    named_.insert(name);
    signed_[path] = file;
    if (!known_.contains(name) || candidate_.offer.targets.contains(name)) fresh_.push_back(target);
  }

  /// Length and digest of a new target, wherever it is: in the bundle, or left in the repository by a crash.
  Result<void> check_content(const trust::TrustedTarget& target) {
    const auto name = target.consistent_name();
    const bool offered = candidate_.offer.targets.contains(name);
    const auto path = offered ? candidate_.offer.target_file(name) : candidate_.repository / "targets" / name;
    const auto info = files_.info(path);
    if (!info) {
      if (info.error().kind != ErrorKind::not_found) return info.error();
      return bad(target.path, "it is signed, but neither in the bundle nor in the repository", "missing");
    }
    if (info->size != target.file.length) {
      return bad(target.path,
                 "it has " + std::to_string(info->size.count) + " bytes, signed are " +
                     std::to_string(target.file.length.count),
                 "length");
    }
    UPSWARM_TRY(const auto digest, digest_of(files_, path));
    if (digest != target.file.sha256) return bad(target.path, "its SHA-256 is not the signed one", "digest");
    return {};
  }

  Result<void> check_index(const trust::TrustedTarget& target) {
    UPSWARM_TRY(const auto bytes, candidate_.source.target(target.consistent_name(), trust::kLongestIndex));
    UPSWARM_TRY(const auto index, trust::parse_index(bytes, target.path));
    const bool own = target.path == trust::index_path(index.product, index.channel, index.platform) ||
                     target.path == "pre" + trust::index_path(index.product, index.channel, index.platform);
    if (!own) return bad(target.path, "it speaks of another product, channel or platform", "index");
    // What a thief left binds nobody, nor does it make old entries new.
    const bool begins_here = has_new_beginning(target.role);
    auto served = index_before(target.path);
    if (!served && !begins_here) return std::move(served).error();
    auto before = served ? *std::move(served) : std::nullopt;
    UPSWARM_TRY(const auto found, client_.find(target.path));
    UPSWARM_CHECK(check_succession(before && !begins_here ? &*before : nullptr, index, found.epoch));
    parsed_[index.product].push_back({index, std::move(before), is_nightly_index(target.path)});
    for (const auto& entry : index.entries) {
      if (entry.counter < index.floor || !entry.not_known.empty()) continue;  // its packages were not read
      UPSWARM_CHECK(check_package(entry.full));
      for (const auto& delta : entry.deltas) UPSWARM_CHECK(check_package(delta.file));
    }
    return {};
  }

  /// Of the products whose indexes change. One that was lost or damaged must not keep the others from changing.
  Result<void> add_unchanged_indexes() {
    for (const auto& [path, file] : signed_) {
      const auto is_it = [&path](const auto& target) { return target.path == path; };
      if (!is_index(path) || std::ranges::any_of(indexes_, is_it)) continue;
      const auto product = path.substr(path.find('/') + 1, path.find('/', path.find('/') + 1) - path.find('/') - 1);
      if (!parsed_.contains(product)) continue;
      auto index = index_before(path);
      if (!index && index.error().kind != ErrorKind::corrupt) return index.error();
      if (!index || !*index) {
        log::warning("an index cannot be read: its counters are not known", {{"index", path}});
        continue;
      }
      parsed_[product].push_back({**index, **index, is_nightly_index(path)});
    }
    return {};
  }

  /// Nothing when clients are served none.
  Result<std::optional<trust::Index>> index_before(const std::string& path) {
    const auto* old = candidate_.base.find(path);
    if (old == nullptr) return std::optional<trust::Index>();
    const auto name = trust::TrustedTarget{path, *old, ""}.consistent_name();
    const auto bytes = candidate_.source.target(name, trust::kLongestIndex);
    // A repository that lost it must not keep the publisher from bringing all of it again.
    if (!bytes && bytes.error().kind == ErrorKind::not_found) return std::optional<trust::Index>();
    UPSWARM_CHECK(bytes);
    UPSWARM_TRY(auto index, trust::parse_index(*bytes, path));
    return std::optional(std::move(index));
  }

  Result<void> check_package(const trust::PackageFile& package) {
    const auto found = signed_.find(package.path);
    if (found == signed_.end()) return bad(package.path, "an index names it, but no role signs it", "not_signed");
    if (found->second.length != package.length || found->second.sha256 != package.sha256) {
      return bad(package.path, "index and role disagree about it", "index");
    }
    const auto torrent_path = package.path + ".torrent";
    const auto torrent_file = signed_.find(torrent_path);
    if (torrent_file == signed_.end()) return bad(torrent_path, "it is not signed", "not_signed");
    const trust::TrustedTarget target{torrent_path, torrent_file->second, ""};
    if (known_.contains(target.consistent_name())) return {};
    UPSWARM_TRY(const auto bytes, candidate_.source.target(target.consistent_name(), trust::kLongestTorrent));
    UPSWARM_TRY(const auto facts, read_torrent(bytes, torrent_path));
    const auto name = package.path.substr(package.path.rfind('/') + 1);
    if (facts.info_hash != package.info_hash || facts.piece_length != package.piece_length ||
        facts.length != package.length || facts.name != name) {
      return bad(torrent_path, "info-hash, piece length, length or name is not what the index says", "torrent");
    }
    return {};
  }

  /// What was just signed online: a defect of ours would show here.
  Result<void> check_rollouts() {
    for (const auto& [path, target] : signed_) {
      if (!is_index(path)) continue;
      const auto rollout = "rollout/" + path.substr(path.find('/') + 1);
      const auto slash = rollout.rfind('/');
      const auto bytes =
          client_.fetch(rollout.substr(0, slash) + "." + rollout.substr(slash + 1), trust::kLongestRollout);
      if (!bytes && bytes.error().kind == ErrorKind::not_found) continue;
      if (!bytes) return bytes.error();
      UPSWARM_CHECK(trust::parse_rollout(*bytes, rollout));
    }
    return {};
  }

  Files& files_;
  const Candidate& candidate_;
  trust::TrustClient& client_;
  const Clock& clock_;
  std::set<std::string> known_;  // consistent names that clients are served now
  std::set<std::string> named_;  // consistent names that the candidate signs
  std::map<std::string, trust::TargetFile> signed_;
  std::vector<trust::TrustedTarget> fresh_;
  std::vector<trust::TrustedTarget> indexes_;                // of roles that change, also those that are as they were
  std::map<std::string, std::vector<CurrentIndex>> parsed_;  // by product: the same, then those of its other roles
};

}  // namespace

Result<void> check_candidate(Files& files, const Candidate& candidate, const Clock& clock) {
  if (candidate.view.roots.empty()) return bad("the root", "there is none", "missing");
  UPSWARM_TRY(auto store, trust::TrustStore::open(files, candidate.store));
  UPSWARM_CHECK(store.place_first_root(candidate.view.roots.begin()->second, trust::ed25519_verifier()));
  trust::TrustClient client(store, candidate.source, trust::ed25519_verifier(), clock);
  return CandidateCheck(files, candidate, client, clock).run();
}

}  // namespace upswarm::seeder
