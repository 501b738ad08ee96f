#include "seeder/publish/products.hpp"

#include <set>

namespace upswarm::publish {
namespace {

constexpr int kMostRootKeys = 20;
constexpr const char* kOnlineRoles[] = {"timestamp", "snapshot", "rollout"};

/// Removes a folder when its maker did not finish.
class UnfinishedFolder {
 public:
  UnfinishedFolder(Files& files, Path path) : files_(files), path_(std::move(path)) {}
  UnfinishedFolder(const UnfinishedFolder&) = delete;
  UnfinishedFolder& operator=(const UnfinishedFolder&) = delete;
  ~UnfinishedFolder() {
    if (!finished_) ignore_failure(remove_tree(files_, path_), "the error that led here is the one to report");
  }
  void finish() { finished_ = true; }

 private:
  Files& files_;
  Path path_;
  bool finished_ = false;
};

Time after_days(const Clock& clock, std::int64_t days) { return clock.now() + std::chrono::days(days); }

void delegate(trust::Delegations& delegations, const trust::PublicKey& key, std::string role, bool terminating,
              std::vector<std::string> paths) {
  const auto id = trust::id_of(key);
  delegations.keys[id] = key;
  delegations.roles.push_back({.name = std::move(role),
                               .keys = {{id}, 1},
                               .terminating = terminating,
                               .paths = std::move(paths),
                               .path_hash_prefixes = {}});
}

Result<void> check_wanted(const NewRepository& wanted) {
  std::set<std::string> seen;
  for (const auto& product : wanted.products) {
    UPSWARM_CHECK(trust::parse_name(product));
    if (!seen.insert(product).second)
      return Error{ErrorKind::invalid, "make a repository", "the product " + product + " twice"};
  }
  if (wanted.root_keys < 1 || wanted.root_keys > kMostRootKeys || wanted.root_threshold < 1 ||
      wanted.root_threshold > wanted.root_keys) {
    return Error{ErrorKind::invalid, "make a repository",
                 "there must be 1 to " + std::to_string(kMostRootKeys) + " root keys, and a threshold not above them"};
  }
  return {};
}

Result<void> check_free(Files& files, const Path& folder, const Path& part) {
  const auto names = files.list(folder);
  if (names && !names->empty())
    return Error{ErrorKind::denied, "make a repository in " + folder.string(), "the folder is not empty"};
  if (!names && names.error().kind != ErrorKind::not_found) return names.error();
  const auto left = files.list(part);
  if (!left && left.error().kind == ErrorKind::not_found) return {};
  if (!left) return left.error();
  // Only what an earlier attempt left is ours to remove.
  UPSWARM_TRY(const auto ours, exists(files, RepositoryFolder{part}.settings()));
  if (!ours && !left->empty()) return Error{ErrorKind::denied, "make a repository", part.string() + " is in the way"};
  return remove_tree(files, part);
}

struct MadeKeys {
  std::vector<trust::PublicKey> root;
  trust::PublicKey targets;
  std::map<std::string, trust::PublicKey> online;
};

Result<MadeKeys> make_keys(Files& files, const RepositoryFolder& folder, const NewRepository& wanted, KeyRing& ring) {
  UPSWARM_CHECK(files.make_folder(folder.keys(), 0700));
  UPSWARM_CHECK(files.make_folder(folder.online_keys(), 0700));
  MadeKeys made;
  for (int i = 1; i <= wanted.root_keys; ++i) {
    UPSWARM_TRY(auto key, ring.make_key("root", std::to_string(i), wanted.strength));
    made.root.push_back(std::move(key));
  }
  UPSWARM_TRY(made.targets, ring.make_key("targets", "1", wanted.strength));
  for (const auto* role : kOnlineRoles) {
    const auto key = trust::SigningKey::generate();
    const auto path = folder.online_keys() / (std::string(role) + ".key");
    UPSWARM_CHECK(write_file_atomically(files, path, write_online_key(key), 0600));
    made.online.emplace(role, key.public_key());
  }
  return made;
}

trust::Root first_root(const MadeKeys& keys, const NewRepository& wanted, const Clock& clock) {
  trust::Root root{.version = 1,
                   .expires = after_days(clock, wanted.settings.root_days),
                   .consistent_snapshot = true,
                   .keys = {},
                   .roles = {}};
  const auto give = [&root](const char* role, const trust::PublicKey& key) {
    const auto id = trust::id_of(key);
    root.keys[id] = key;
    root.roles[role].key_ids.push_back(id);
  };
  for (const auto& key : keys.root) give("root", key);
  give("targets", keys.targets);
  give("timestamp", keys.online.at("timestamp"));
  give("snapshot", keys.online.at("snapshot"));
  root.roles["root"].threshold = wanted.root_threshold;
  return root;
}

Json empty_release(const Clock& clock, const Settings& settings) {
  trust::Targets release;
  release.version = 1;
  release.expires = after_days(clock, settings.release_days);
  return to_json(release);
}

/// Everything of a new repository inside `folder`, which is there and empty.
Result<void> fill(Files& files, const RepositoryFolder& folder, const NewRepository& wanted, const Clock& clock,
                  const PassphraseSource& passphrase) {
  UPSWARM_CHECK(write_file_atomically(files, folder.settings(), write_settings(wanted.settings)));
  for (const auto& path :
       {folder.metadata(), folder.targets(), folder.releases(), folder.outgoing(), folder.handed_over()}) {
    UPSWARM_CHECK(files.make_folder(path, 0755));
  }
  KeyRing ring(files, folder.keys(), passphrase);
  UPSWARM_TRY(const auto keys, make_keys(files, folder, wanted, ring));
  trust::Targets targets;
  targets.version = 1;
  targets.expires = after_days(clock, wanted.settings.targets_days);
  delegate(targets.delegations, keys.online.at("rollout"), "rollout", true, {"rollout/*/*"});
  BundleParts first{.name = "init"};
  const auto sign = [&](const std::string& role, const Json& content) {
    first.metadata.emplace_back("1." + role + ".json", trust::seal(content, ring.keys_of(role)));
  };
  for (const auto& product : wanted.products) {
    const auto role = release_role(product);
    UPSWARM_TRY(const auto key, ring.make_key(role, "1", wanted.strength));
    delegate_product(targets.delegations, key, role);
    sign(role, empty_release(clock, wanted.settings));
    if (!wanted.nightly) continue;
    UPSWARM_TRY(const auto nightly, ring.make_key(prerelease_role(product), "1", wanted.strength));
    delegate_product(targets.delegations, nightly, prerelease_role(product));
  }
  sign("targets", to_json(targets));
  sign("root", to_json(first_root(keys, wanted, clock)));
  for (const auto& [name, bytes] : first.metadata)
    UPSWARM_CHECK(write_file_atomically(files, folder.metadata() / name, bytes));
  UPSWARM_CHECK(write_bundle_folder(files, folder.outgoing() / ("00000001-" + first.name), first));
  return files.sync_folder(folder.root);
}

}  // namespace

Result<void> make_repository(Files& files, const Path& folder, const NewRepository& wanted, const Clock& clock,
                             const PassphraseSource& passphrase) {
  UPSWARM_CHECK(check_wanted(wanted));
  auto target = std::filesystem::absolute(folder).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  const Path part = target.string() + ".part";
  UPSWARM_CHECK(check_free(files, target, part));
  UnfinishedFolder unfinished(files, part);
  UPSWARM_CHECK(make_folders(files, part));
  UPSWARM_CHECK(fill(files, {part}, wanted, clock, passphrase));
  UPSWARM_CHECK(Repository::open(files, part, Repository::Access::reading));
  UPSWARM_CHECK(files.rename(part, target));
  unfinished.finish();
  return files.sync_folder(target.parent_path());
}

/// `*` never matches `/`: the number of parts is part of the promise.
void delegate_product(trust::Delegations& delegations, const trust::PublicKey& key, const std::string& role) {
  const auto product = role.substr(role.find('-') + 1);
  if (role == release_role(product)) {
    delegate(delegations, key, role, false, {"pkg/" + product + "/*/*/*", "index/" + product + "/*/*"});
  } else {
    delegate(delegations, key, role, false, {"pre/" + product + "/*/*/*", "preindex/" + product + "/*/*"});
  }
}

Result<Signed> add_product(Files& files, Repository& repository, const std::string& product, bool nightly,
                           const Clock& clock, KeyRing& keys, const KeyStrength& strength) {
  UPSWARM_CHECK(trust::parse_name(product));
  if (repository.products().contains(product))
    return Error{ErrorKind::invalid, "add the product " + product, "it is there already"};
  // Before a key is made: a wrong passphrase must leave nothing behind.
  UPSWARM_CHECK(keys.unlock("targets", repository.root().roles.at("targets")));
  auto targets = repository.targets();
  ++targets.version;
  targets.expires = after_days(clock, repository.settings().targets_days);
  for (const auto& role : {release_role(product), prerelease_role(product)}) {
    if (role == prerelease_role(product) && !nightly) continue;
    UPSWARM_TRY(const auto name, keys.free_name(role));
    UPSWARM_TRY(const auto key, keys.make_key(role, name, strength));
    delegate_product(targets.delegations, key, role);
  }
  ChangeFile change{.name = "add-" + product};
  change.add("targets").content = to_json(targets);
  change.add(release_role(product)).content = empty_release(clock, repository.settings());
  return sign_and_commit(files, repository, std::move(change), {}, keys);
}

Result<Signed> renew(Files& files, Repository& repository, bool with_root, const Clock& clock, KeyRing& keys) {
  const auto& settings = repository.settings();
  ChangeFile change{.name = with_root ? "renew-all" : "renew"};
  const auto add = [&](const std::string& role, auto content, std::int64_t days) {
    content.expires = after_days(clock, days);
    ++content.version;
    change.add(role).content = to_json(content);
  };
  if (with_root) add("root", repository.root(), settings.root_days);
  add("targets", repository.targets(), settings.targets_days);
  for (const auto& [name, product] : repository.products()) add(product.role(), product.release, settings.release_days);
  return sign_and_commit(files, repository, std::move(change), {}, keys);
}

}  // namespace upswarm::publish
