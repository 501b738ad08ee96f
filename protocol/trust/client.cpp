#include "protocol/trust/client.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "protocol/trust/target_check.hpp"
#include "protocol/trust/workflow.hpp"

namespace upswarm::trust {
namespace {

constexpr std::int64_t kAnyEpoch = std::numeric_limits<std::int64_t>::max();

/// A role on the way to a target, and by whom it is reached.
struct Visit {
  std::string role;
  std::string delegator;
  Signers signers;
  std::int64_t epoch = 1;
};

}  // namespace

TrustClient::TrustClient(TrustStore& store, RepositorySource& source, const SignatureVerifier& verifier,
                         const Clock& clock, const Profile& profile)
    : workflow_(std::make_unique<Workflow>(store, source, verifier, clock, profile)) {}

TrustClient::~TrustClient() = default;

Result<void> TrustClient::refresh() { return workflow_->refresh(); }

Result<void> TrustClient::load() { return workflow_->load(); }

Result<TrustedTarget> TrustClient::find(const std::string& path) {
  const auto doing = "find the target " + path;
  if (!workflow_->is_ready()) return Error{ErrorKind::invalid, doing, "refresh or load must succeed first"};
  const auto& root = workflow_->root()->value;
  std::vector<Visit> waiting;
  waiting.push_back({"targets", "root", {root.roles.at("targets"), root.keys}, kAnyEpoch});
  std::set<std::string> visited;
  while (!waiting.empty()) {
    const auto visit = std::move(waiting.back());
    waiting.pop_back();
    if (!visited.insert(visit.role).second) continue;
    if (visited.size() > static_cast<std::size_t>(kMostRolesVisited))
      return Error{ErrorKind::not_found, doing, "not within " + std::to_string(kMostRolesVisited) + " roles"};
    UPSWARM_TRY(const auto* const role, workflow_->use(visit.role, visit.delegator, visit.signers));
    if (const auto found = role->targets.find(path); found != role->targets.end())
      return TrustedTarget{path, found->second, visit.role, visit.epoch};
    const auto next = delegates_for(role->delegations, path);
    if (!next.empty() && next.back().terminating) waiting.clear();
    for (auto one = next.rbegin(); one != next.rend(); ++one) {
      waiting.push_back(
          {one->name, visit.role, {one->keys, role->delegations.keys}, std::min(visit.epoch, one->epoch)});
    }
  }
  return Error{ErrorKind::not_found, doing, "no role speaks of it"};
}

Result<std::string> TrustClient::fetch(const std::string& path, Bytes longest) {
  UPSWARM_TRY(const auto target, find(path));
  if (target.file.length > longest) return longer_than(path, longest);
  UPSWARM_TRY(auto bytes, promised(workflow_->source().target(name_of(target), target.file.length)));
  TargetCheck check(target.file);
  check.update(as_bytes(bytes));
  if (!check.is_whole())
    return Error{ErrorKind::corrupt, "fetch " + path, "length or digest is not what was signed", "wrong_digest"};
  return bytes;
}

std::string TrustClient::name_of(const TrustedTarget& target) const {
  return workflow_->root()->value.consistent_snapshot ? target.consistent_name() : target.path;
}

TrustClient::Expiry TrustClient::expires_first() const {
  std::vector<Expiry> all;
  if (workflow_->root()) all.push_back({workflow_->root()->value.expires, "root"});
  if (workflow_->timestamp()) all.push_back({workflow_->timestamp()->value.expires, "timestamp"});
  if (workflow_->snapshot()) all.push_back({workflow_->snapshot()->value.expires, "snapshot"});
  for (const auto& [name, role] : workflow_->roles()) all.push_back({role.value.expires, name});
  const auto first = std::ranges::min_element(all, {}, &Expiry::time);
  return first == all.end() ? Expiry{} : *first;
}

Time TrustClient::now() const { return workflow_->now(); }

RoleVersion TrustClient::root_version() const { return workflow_->root() ? workflow_->root()->value.version : 0; }

RoleVersion TrustClient::timestamp_version() const {
  return workflow_->timestamp() ? workflow_->timestamp()->value.version : 0;
}

std::map<std::string, std::string> TrustClient::files() const {
  std::map<std::string, std::string> files;
  if (!workflow_->root()) return files;
  files[metadata_name("root", workflow_->root()->value.version)] = workflow_->root()->bytes;
  if (workflow_->timestamp()) files[metadata_name("timestamp", std::nullopt)] = workflow_->timestamp()->bytes;
  if (workflow_->snapshot())
    files[workflow_->name_of("snapshot", workflow_->snapshot()->value.version)] = workflow_->snapshot()->bytes;
  for (const auto& [name, role] : workflow_->roles()) files[workflow_->name_of(name, role.value.version)] = role.bytes;
  return files;
}

std::string TrustedTarget::consistent_name() const {
  const auto slash = path.rfind('/');
  const auto last = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(0, last) + (file.sha512 ? file.sha512->hex() : file.sha256.hex()) + "." + path.substr(last);
}

}  // namespace upswarm::trust
