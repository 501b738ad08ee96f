#include "seeder/new_beginning.hpp"

#include <algorithm>

namespace upswarm::seeder {
namespace {

const trust::DelegatedRole* delegation_in(const RepositoryView& view, const std::string& role) {
  const auto targets = view.roles.find("targets");
  if (targets == view.roles.end()) return nullptr;
  const auto& roles = targets->second.content.delegations.roles;
  const auto found = std::ranges::find(roles, role, &trust::DelegatedRole::name);
  return found == roles.end() ? nullptr : &*found;
}

}  // namespace

bool begins_anew(const RepositoryView& base, const RepositoryView& view, const std::string& role) {
  const auto served = base.roles.find(role);
  const auto* const before = delegation_in(base, role);
  const auto* const now = delegation_in(view, role);
  if (served == base.roles.end() || before == nullptr || now == nullptr || now->epoch <= before->epoch) return false;
  const auto envelope = trust::parse_envelope(served->second.bytes, role, trust::kLongestTargets);
  const auto& keys = view.roles.at("targets").content.delegations.keys;
  return envelope && !trust::verify_signatures(*envelope, now->keys, keys, trust::ed25519_verifier(), role);
}

Result<bool> forgets_versions(const RepositoryView& base, const RepositoryView& view) {
  if (!base.root) return false;
  auto before = *base.root;
  for (auto next = view.roots.upper_bound(before.version); next != view.roots.end(); ++next) {
    UPSWARM_TRY(const auto envelope, trust::parse_envelope(next->second, "root", trust::kLongestRoot));
    UPSWARM_TRY(auto root, trust::parse_root(envelope));
    if (trust::has_rotated(before, root, "snapshot") || trust::has_rotated(before, root, "timestamp")) return true;
    before = std::move(root);
  }
  return false;
}

}  // namespace upswarm::seeder
