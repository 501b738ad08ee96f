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

trust::RoleKeys only(const trust::SigningKey& key) { return {{key.id()}, 1}; }

void delegate(trust::Delegations& delegations, const trust::SigningKey& key, std::string role, bool terminating,
              std::vector<std::string> paths) {
  delegations.keys[key.id()] = key.public_key();
  delegations.roles.push_back({.name = std::move(role),
                               .keys = only(key),
                               .terminating = terminating,
                               .paths = std::move(paths),
                               .path_hash_prefixes = {}});
}

/// `*` never matches `/`: the number of parts is part of the promise.
std::vector<std::string> release_paths(const std::string& product) {
  return {"pkg/" + product + "/*/*/*", "index/" + product + "/*/*"};
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
  std::vector<trust::SigningKey> root;
  std::vector<trust::SigningKey> targets;
  std::map<std::string, trust::SigningKey> online;
};

Result<MadeKeys> make_keys(Files& files, const RepositoryFolder& folder, const NewRepository& wanted, KeyRing& ring) {
  UPSWARM_CHECK(files.make_folder(folder.keys(), 0700));
  UPSWARM_CHECK(files.make_folder(folder.online_keys(), 0700));
  MadeKeys made;
  for (int i = 1; i <= wanted.root_keys; ++i) {
    UPSWARM_TRY(auto key, ring.make_key("root", i, wanted.strength));
    made.root.push_back(std::move(key));
  }
  UPSWARM_TRY(auto targets, ring.make_key("targets", 1, wanted.strength));
  made.targets.push_back(std::move(targets));
  for (const auto* role : kOnlineRoles) {
    auto key = trust::SigningKey::generate();
    const auto path = folder.online_keys() / (std::string(role) + ".key");
    UPSWARM_CHECK(write_file_atomically(files, path, write_online_key(key), 0600));
    made.online.emplace(role, std::move(key));
  }
  return made;
}

trust::Root first_root(const MadeKeys& keys, const NewRepository& wanted, const Clock& clock) {
  trust::Root root{.version = 1,
                   .expires = after_days(clock, wanted.settings.root_days),
                   .consistent_snapshot = true,
                   .keys = {},
                   .roles = {}};
  const auto give = [&root](const char* role, const trust::SigningKey& key) {
    root.keys[key.id()] = key.public_key();
    root.roles[role].key_ids.push_back(key.id());
  };
  for (const auto& key : keys.root) give("root", key);
  give("targets", keys.targets.front());
  give("timestamp", keys.online.at("timestamp"));
  give("snapshot", keys.online.at("snapshot"));
  root.roles["root"].threshold = wanted.root_threshold;
  return root;
}

std::string empty_release(const trust::SigningKey& key, trust::RoleVersion version, const Clock& clock,
                          const Settings& settings) {
  trust::Targets release;
  release.version = version;
  release.expires = after_days(clock, settings.release_days);
  return trust::seal(to_json(release), {&key});
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
  for (const auto& product : wanted.products) {
    const auto role = release_role(product);
    UPSWARM_TRY(const auto key, ring.make_key(role, 1, wanted.strength));
    delegate(targets.delegations, key, role, false, release_paths(product));
    first.metadata.emplace_back("1." + role + ".json", empty_release(key, 1, clock, wanted.settings));
  }
  first.metadata.emplace_back("1.targets.json", seal_with(to_json(targets), keys.targets));
  first.metadata.emplace_back("1.root.json", seal_with(to_json(first_root(keys, wanted, clock)), keys.root));
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
  UPSWARM_CHECK(make_folders(files, part));
  UnfinishedFolder unfinished(files, part);
  UPSWARM_CHECK(fill(files, {part}, wanted, clock, passphrase));
  UPSWARM_CHECK(Repository::open(files, part, Repository::Access::reading));
  UPSWARM_CHECK(files.rename(part, target));
  unfinished.finish();
  return files.sync_folder(target.parent_path());
}

Result<std::string> add_product(Files& files, Repository& repository, const std::string& product, const Clock& clock,
                                KeyRing& keys, const KeyStrength& strength) {
  UPSWARM_CHECK(trust::parse_name(product));
  if (repository.products().contains(product))
    return Error{ErrorKind::invalid, "add the product " + product, "it is there already"};
  UPSWARM_TRY(const auto signers, keys.unlock("targets", repository.root().roles.at("targets")));
  const auto role = release_role(product);
  // A file of that name is of an attempt that did not end: nothing delegates to its key.
  UPSWARM_TRY(const auto key, keys.make_key(role, 1, strength));
  auto targets = repository.targets();
  ++targets.version;
  targets.expires = after_days(clock, repository.settings().targets_days);
  delegate(targets.delegations, key, role, false, release_paths(product));
  Change change{.bundle = {.name = "add-" + product}};
  change.bundle.metadata.emplace_back("1." + role + ".json", empty_release(key, 1, clock, repository.settings()));
  change.bundle.metadata.emplace_back(std::to_string(targets.version) + ".targets.json",
                                      seal_with(to_json(targets), signers));
  UPSWARM_CHECK(files.sync_folder(repository.folder().keys()));
  return repository.commit(change);
}

Result<std::string> renew(Repository& repository, bool with_root, const Clock& clock, KeyRing& keys) {
  Change change{.bundle = {.name = with_root ? "renew-all" : "renew"}};
  const auto add = [&change](const std::string& role, trust::RoleVersion version, std::string bytes) {
    change.bundle.metadata.emplace_back(std::to_string(version) + "." + role + ".json", std::move(bytes));
  };
  for (const auto& [name, product] : repository.products()) {
    UPSWARM_TRY(const auto signers, keys.unlock(release_role(name), product.keys));
    auto release = product.release;
    release.expires = after_days(clock, repository.settings().release_days);
    ++release.version;
    add(release_role(name), release.version, seal_with(to_json(release), signers));
  }
  UPSWARM_TRY(const auto signers, keys.unlock("targets", repository.root().roles.at("targets")));
  auto targets = repository.targets();
  targets.expires = after_days(clock, repository.settings().targets_days);
  ++targets.version;
  add("targets", targets.version, seal_with(to_json(targets), signers));
  if (with_root) {
    UPSWARM_TRY(const auto root_signers, keys.unlock("root", repository.root().roles.at("root")));
    auto root = repository.root();
    root.expires = after_days(clock, repository.settings().root_days);
    ++root.version;
    add("root", root.version, seal_with(to_json(root), root_signers));
  }
  return repository.commit(change);
}

}  // namespace upswarm::publish
