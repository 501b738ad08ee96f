#include "seeder/publish/change_check.hpp"

#include <algorithm>
#include <set>

#include "protocol/trust/canonical_json.hpp"
#include "protocol/trust/client.hpp"
#include "seeder/publish/bundle_folder.hpp"
#include "seeder/publish/repository.hpp"

namespace upswarm::publish {
namespace {

Error altered(const std::string& what, std::string why) {
  return {ErrorKind::untrusted, "check " + what, std::move(why), "altered"};
}

Result<trust::Envelope> as_envelope(const Document& document) {
  const auto longest = document.role == "root" ? trust::kLongestRoot : trust::kLongestTargets;
  return trust::parse_envelope(write_signed(document), document.role, longest);
}

Result<trust::Root> root_of(const Document& document) {
  UPSWARM_TRY(const auto envelope, as_envelope(document));
  return trust::parse_root(envelope);
}

Result<trust::Targets> targets_of(const Document& document) {
  UPSWARM_TRY(const auto envelope, as_envelope(document));
  return trust::parse_targets(envelope, document.role);
}

Signers top_level(const trust::Root& root, const std::string& role, std::string who) {
  return {root.roles.at(role), root.keys, std::move(who)};
}

const trust::DelegatedRole* delegation_of(const trust::Targets& targets, const std::string& role) {
  const auto found = std::ranges::find(targets.delegations.roles, role, &trust::DelegatedRole::name);
  return found == targets.delegations.roles.end() ? nullptr : &*found;
}

Result<Signers> delegated(const trust::Targets& targets, const std::string& role) {
  const auto* delegation = delegation_of(targets, role);
  if (delegation == nullptr) {
    return Error{ErrorKind::untrusted, "find who signs " + role, "the role targets does not delegate to it",
                 "delegation"};
  }
  return Signers{delegation->keys, targets.delegations.keys, role};
}

/// One role of the base: the files that it carries are verified before anything is read from them.
template <typename Parse>
auto verified(const ChangeFile& change, const std::string& role, Bytes longest, Parse parse, Base& base)
    -> decltype(parse(std::declval<trust::Envelope>())) {
  const auto found = change.base.find(role);
  if (found == change.base.end()) return altered("the base of the change", "it does not carry " + role);
  UPSWARM_TRY(const auto envelope, trust::parse_envelope(found->second, "the base " + role, longest));
  base.digests[role] = sha256(found->second).hex();
  return parse(envelope);
}

Result<void> verify(const trust::Envelope& envelope, const Signers& signers) {
  return trust::verify_signatures(envelope, signers.role, signers.keys, trust::ed25519_verifier(), signers.who);
}

Result<void> read_base_indexes(const ChangeFile& change, Base& base) {
  for (const auto& [name, text] : change.base_targets) {
    bool is_signed = false;
    for (const auto& [role, content] : base.roles) {
      for (const auto& [path, target] : content.targets) {
        if (consistent_name(path, target.sha256) != name || sha256(text) != target.sha256) continue;
        UPSWARM_TRY(base.indexes[path], trust::parse_index(text, path));
        is_signed = true;
      }
    }
    if (!is_signed) return altered("the base of the change", "nobody signed " + name);
  }
  return {};
}

/// The keys whose signature under `document` is good, and whether each signature is.
Result<void> check_signatures(const std::vector<Signers>& groups, const Document& document) {
  const auto canonical = trust::to_canonical(document.content);
  for (const auto& signature : document.signatures) {
    const auto is_good = [&](const Signers& group) {
      const auto key = group.keys.find(signature.key_id);
      return key != group.keys.end() &&
             std::ranges::find(group.role.key_ids, signature.key_id) != group.role.key_ids.end() &&
             trust::ed25519_verifier().is_good(key->second, signature.value, as_bytes(canonical));
    };
    if (std::ranges::any_of(groups, is_good)) continue;
    return altered(document.role, "the signature of key " + signature.key_id.substr(0, 16) +
                                      " is not good: the change was altered after it was signed");
  }
  return {};
}

Result<void> check_index(const std::string& path, const std::string& text) {
  UPSWARM_TRY(const auto index, trust::parse_index(text, path));
  UPSWARM_CHECK(check_is_understood(index, path));
  const auto own = trust::index_path(index.product, index.channel, index.platform);
  if (path == own || path == "pre" + own) return {};
  return altered(path, "it speaks of another product, channel or platform");
}

/// Each index that a document adds must be there and readable, or nobody could say what he signs.
Result<void> check_targets(const Base& base, const Document& document, const trust::Targets& content,
                           const ChangeFile& change, std::set<std::string>& used) {
  const auto old = base.roles.find(document.role);
  for (const auto& [path, target] : content.targets) {
    if (!path.starts_with("index/") && !path.starts_with("preindex/")) continue;
    const auto name = consistent_name(path, target.sha256);
    const auto text = change.targets.find(name);
    if (text != change.targets.end()) {
      if (sha256(text->second) != target.sha256 || text->second.size() != target.length.count)
        return altered(path, "its digest is not the one to be signed");
      UPSWARM_CHECK(check_index(path, text->second));
      used.insert(name);
      continue;
    }
    const bool is_known = old != base.roles.end() && old->second.targets.contains(path) &&
                          old->second.targets.at(path).sha256 == target.sha256;
    if (!is_known) return altered(path, "the change does not carry it");
  }
  return {};
}

/// The version that is current, 0 for a role that is new.
trust::RoleVersion current_version(const Base& base, const std::string& role) {
  if (role == "root") return base.root.version;
  if (role == "targets") return base.targets.version;
  const auto found = base.roles.find(role);
  return found == base.roles.end() ? 0 : found->second.version;
}

/// What the parsers pass over would be signed and never told to the signer.
Result<void> check_known(const Document& document) {
  const auto is_whole = [&document](const Json& known) -> Result<void> {
    if (known == document.content) return {};
    return altered(document.role, "it holds fields that this program does not know, or not in their usual form");
  };
  if (document.role == "root") {
    UPSWARM_TRY(const auto root, root_of(document));
    return is_whole(to_json(root));
  }
  UPSWARM_TRY(const auto targets, targets_of(document));
  const auto is_foreign = [](const auto& one) { return one.second.sha512.has_value(); };
  if (targets.delegations.succinct || std::ranges::any_of(targets.targets, is_foreign))
    return altered(document.role, "it has hash bins or SHA-512 digests, which no repository of Upswarm has");
  return is_whole(to_json(targets));
}

Result<void> check_version(const Base& base, const Document& document) {
  UPSWARM_TRY(const auto version, version_of(document));
  const auto current = current_version(base, document.role);
  if (version == current + 1) return {};
  return Error{ErrorKind::untrusted, "check " + document.role,
               "the change was made for version " + std::to_string(version) + ", but " + std::to_string(current) +
                   " is current: make it again",
               "stale"};
}

}  // namespace

Result<Base> read_base(const ChangeFile& change) {
  Base base;
  const auto parse_root = [](const trust::Envelope& envelope) -> Result<trust::Root> {
    UPSWARM_TRY(auto root, trust::parse_root(envelope));
    UPSWARM_CHECK(verify(envelope, top_level(root, "root", "the base root")));
    return root;
  };
  UPSWARM_TRY(base.root, verified(change, "root", trust::kLongestRoot, parse_root, base));
  const auto parse_targets = [&](const trust::Envelope& envelope) -> Result<trust::Targets> {
    UPSWARM_CHECK(verify(envelope, top_level(base.root, "targets", "the base targets")));
    return trust::parse_targets(envelope, "targets");
  };
  UPSWARM_TRY(base.targets, verified(change, "targets", trust::kLongestTargets, parse_targets, base));
  for (const auto& [role, text] : change.base) {
    if (role == "root" || role == "targets") continue;
    UPSWARM_TRY(const auto signers, delegated(base.targets, role));
    const auto parse = [&](const trust::Envelope& envelope) -> Result<trust::Targets> {
      UPSWARM_CHECK(verify(envelope, signers));
      return trust::parse_targets(envelope, role);
    };
    UPSWARM_TRY(base.roles[role], verified(change, role, trust::kLongestTargets, parse, base));
  }
  UPSWARM_CHECK(read_base_indexes(change, base));
  return base;
}

Result<std::vector<Signers>> signers_of(const Base& base, const ChangeFile& change, const Document& document) {
  if (document.role == "root") {
    UPSWARM_TRY(const auto root, root_of(document));
    return std::vector{top_level(base.root, "root", "root before this change"), top_level(root, "root", "root")};
  }
  if (document.role == "targets") {
    const auto* root_document = change.find("root");
    if (root_document == nullptr) return std::vector{top_level(base.root, "targets", "targets")};
    UPSWARM_TRY(const auto root, root_of(*root_document));
    return std::vector{top_level(root, "targets", "targets")};
  }
  const auto* targets_document = change.find("targets");
  if (targets_document == nullptr) {
    UPSWARM_TRY(auto signers, delegated(base.targets, document.role));
    return std::vector{std::move(signers)};
  }
  UPSWARM_TRY(const auto targets, targets_of(*targets_document));
  UPSWARM_TRY(auto signers, delegated(targets, document.role));
  return std::vector{std::move(signers)};
}

Result<void> check_change(const Base& base, const ChangeFile& change) {
  std::set<std::string> used;
  for (const auto& document : change.documents) {
    UPSWARM_CHECK(check_version(base, document));
    UPSWARM_CHECK(check_known(document));
    UPSWARM_TRY(const auto groups, signers_of(base, change, document));
    UPSWARM_CHECK(check_signatures(groups, document));
    if (document.role == "root") continue;
    UPSWARM_TRY(const auto content, targets_of(document));
    UPSWARM_CHECK(check_targets(base, document, content, change, used));
  }
  for (const auto& [name, text] : change.targets) {
    if (!used.contains(name)) return altered(name, "no document of the change signs it");
  }
  return {};
}

Result<std::vector<Missing>> missing_signatures(const Base& base, const ChangeFile& change) {
  std::vector<Missing> all;
  for (const auto& document : change.documents) {
    UPSWARM_TRY(const auto groups, signers_of(base, change, document));
    const auto canonical = trust::to_canonical(document.content);
    for (const auto& group : groups) {
      Missing one{.role = document.role, .who = group.who, .good = 0, .wanted = group.role.threshold, .may_sign = {}};
      std::set<std::string> good;
      for (const auto& id : group.role.key_ids) {
        const auto key = group.keys.find(id);
        if (key == group.keys.end()) continue;
        const auto signature = std::ranges::find(document.signatures, id, &trust::Signature::key_id);
        if (signature != document.signatures.end() &&
            trust::ed25519_verifier().is_good(key->second, signature->value, as_bytes(canonical))) {
          good.insert(key->second.public_text);
        } else {
          one.may_sign.push_back(id);
        }
      }
      one.good = static_cast<int>(good.size());
      if (one.good < one.wanted) all.push_back(std::move(one));
    }
  }
  return all;
}

Result<void> verify_change(const Base& base, const ChangeFile& change) {
  for (const auto& document : change.documents) {
    UPSWARM_TRY(const auto envelope, as_envelope(document));
    UPSWARM_TRY(const auto groups, signers_of(base, change, document));
    for (const auto& group : groups) UPSWARM_CHECK(verify(envelope, group));
  }
  return {};
}

Result<trust::RoleVersion> version_of(const Document& document) {
  if (document.role == "root") {
    UPSWARM_TRY(const auto root, root_of(document));
    return root.version;
  }
  UPSWARM_TRY(const auto targets, targets_of(document));
  return targets.version;
}

}  // namespace upswarm::publish
