#include "seeder/publish/repository.hpp"

#include <algorithm>
#include <charconv>

namespace upswarm::publish {
namespace {

constexpr Bytes kLongestSettings = 64_KiB;
constexpr std::int64_t kMostDays = 3660;
constexpr std::string_view kRolePrefix = "rel-";
constexpr std::string_view kPrereleasePrefix = "pre-";
constexpr std::size_t kNumberDigits = 8;
constexpr const char* kPart = ".part";

struct VersionedFile {
  trust::RoleVersion version = 0;
  std::string role;
};

/// "3.rel-app.json"; anything else in the folder is not ours.
std::optional<VersionedFile> parse_versioned_file(std::string_view name) {
  constexpr std::string_view kEnd = ".json";
  if (!name.ends_with(kEnd)) return std::nullopt;
  name.remove_suffix(kEnd.size());
  VersionedFile file;
  const auto [end, status] = std::from_chars(name.data(), name.data() + name.size(), file.version);
  const auto digits = static_cast<std::size_t>(end - name.data());
  if (status != std::errc() || file.version < 1 || name.front() == '0' || digits + 1 >= name.size() || *end != '.') {
    return std::nullopt;
  }
  file.role = name.substr(digits + 1);
  return file;
}

std::string versioned_file(const std::string& role, trust::RoleVersion version) {
  return std::to_string(version) + "." + role + ".json";
}

/// The number before a bundle's name; 0 when there is none.
std::uint64_t number_of(const std::string& bundle) {
  std::uint64_t number = 0;
  std::from_chars(bundle.data(), bundle.data() + std::min(bundle.size(), kNumberDigits), number);
  return number;
}

Result<std::vector<std::string>> list_or_none(Files& files, const Path& folder) {
  auto names = files.list(folder);
  if (!names && names.error().kind == ErrorKind::not_found) return std::vector<std::string>{};
  return names;
}

}  // namespace

std::string write_settings(const Settings& settings) {
  return to_text(Json{{"format", 1},
                      {"root_days", settings.root_days},
                      {"targets_days", settings.targets_days},
                      {"release_days", settings.release_days},
                      {"prerelease_days", settings.prerelease_days},
                      {"deltas", settings.deltas},
                      {"hotfix_deltas", settings.hotfix_deltas}},
                 1) +
         "\n";
}

Result<Settings> parse_settings(std::string_view text, const std::string& what) {
  auto json = parse_json(text, what, {.longest = kLongestSettings, .deepest = 3});
  if (!json) return Error{ErrorKind::invalid, json.error().context, json.error().cause};
  ObjectReader in(*json, what, ErrorKind::invalid);
  in.integer("format", 1, 1);
  Settings settings;
  settings.root_days = in.integer_or("root_days", settings.root_days, 1, kMostDays);
  settings.targets_days = in.integer_or("targets_days", settings.targets_days, 1, kMostDays);
  settings.release_days = in.integer_or("release_days", settings.release_days, 1, kMostDays);
  settings.prerelease_days = in.integer_or("prerelease_days", settings.prerelease_days, 1, kMostDays);
  constexpr auto kMost = static_cast<std::int64_t>(trust::kMostDeltas);
  settings.deltas = in.integer_or("deltas", settings.deltas, 0, kMost);
  settings.hotfix_deltas = in.integer_or("hotfix_deltas", settings.hotfix_deltas, 0, kMost);
  UPSWARM_CHECK(in.finish());
  return settings;
}

std::string release_role(const std::string& product) { return std::string(kRolePrefix) + product; }
std::string prerelease_role(const std::string& product) { return std::string(kPrereleasePrefix) + product; }

std::optional<Path> kept_in(const std::string& target) {
  const bool is_pre = target.starts_with("pre/");
  if (!is_pre && !target.starts_with("pkg/")) return std::nullopt;
  auto folder = Path(target.substr(target.find('/') + 1)).parent_path();
  if (is_pre) folder += kPrereleaseFolderEnd;
  return folder;
}

std::string Product::role() const { return stage == Stage::release ? release_role(name) : prerelease_role(name); }

std::string Product::path_of(const std::string& channel, const std::string& platform) const {
  return stage == Stage::release ? trust::index_path(name, channel, platform)
                                 : trust::preindex_path(name, channel, platform);
}

trust::ReleaseCounter Product::highest_counter() const {
  trust::ReleaseCounter highest;
  for (const auto& [path, index] : indexes) {
    highest = std::max(highest, index.floor);
    for (const auto& entry : index.entries) highest = std::max(highest, entry.counter);
  }
  return highest;
}

trust::Index Product::index_of(const std::string& channel, const std::string& platform) const {
  const auto found = indexes.find(path_of(channel, platform));
  if (found != indexes.end()) return found->second;
  return {.product = name, .channel = channel, .platform = platform, .floor = {}, .entries = {}};
}

Result<Repository> Repository::open(Files& files, const Path& folder, Access access) {
  Repository repository(files, {folder});
  auto settings = read_file(files, repository.folder_.settings(), kLongestSettings);
  if (!settings && settings.error().kind == ErrorKind::not_found) {
    return Error{ErrorKind::not_found, "open the repository " + folder.string(),
                 "no repository.json there; make one with: upswarm-publish init DIR"};
  }
  if (!settings) return std::move(settings).error();
  UPSWARM_TRY(repository.settings_, parse_settings(*settings, repository.folder_.settings().string()));
  if (access == Access::writing) {
    auto lock = FileLock::take(repository.folder_.lock());
    if (!lock) return std::move(lock).error().within("open the repository " + folder.string());
    repository.lock_ = std::move(*lock);
    UPSWARM_CHECK(repository.tidy());
  }
  UPSWARM_CHECK(repository.load());
  return repository;
}

Result<trust::Envelope> Repository::load_role(const std::string& role, Bytes longest) const {
  const auto found = versions_.find(role);
  if (found == versions_.end()) {
    return Error{ErrorKind::corrupt, "open the repository " + folder_.root.string(),
                 "metadata of " + role + " is missing"};
  }
  const auto path = folder_.metadata() / versioned_file(role, found->second);
  UPSWARM_TRY(const auto bytes, read_file(*files_, path, longest));
  return trust::parse_envelope(bytes, path.string(), longest);
}

Result<void> Repository::load() {
  UPSWARM_TRY(const auto names, files_->list(folder_.metadata()));
  for (const auto& name : names) {
    const auto file = parse_versioned_file(name);
    if (file) versions_[file->role] = std::max(versions_[file->role], file->version);
  }
  const auto& verifier = trust::ed25519_verifier();
  UPSWARM_TRY(const auto root, load_role("root", trust::kLongestRoot));
  UPSWARM_TRY(root_, trust::parse_root(root));
  UPSWARM_CHECK(trust::verify_signatures(root, root_.roles.at("root"), root_.keys, verifier, "root"));
  UPSWARM_TRY(const auto targets, load_role("targets", trust::kLongestTargets));
  UPSWARM_CHECK(trust::verify_signatures(targets, root_.roles.at("targets"), root_.keys, verifier, "targets"));
  UPSWARM_TRY(targets_, trust::parse_targets(targets, "targets"));
  for (const auto& role : targets_.delegations.roles) {
    if (role.name.starts_with(kRolePrefix) || role.name.starts_with(kPrereleasePrefix))
      UPSWARM_CHECK(load_product(role));
  }
  return {};
}

Result<void> Repository::load_product(const trust::DelegatedRole& role) {
  Product product;
  product.name = role.name.substr(kRolePrefix.size());
  product.stage = role.name.starts_with(kRolePrefix) ? Stage::release : Stage::prerelease;
  product.keys = role.keys;
  product.epoch = role.epoch;
  auto& products = product.stage == Stage::release ? products_ : prereleases_;
  // Delegated to before the first nightly build: its key need not be at the desk for that.
  if (product.stage == Stage::prerelease && !versions_.contains(role.name)) {
    products.emplace(product.name, std::move(product));
    return {};
  }
  UPSWARM_TRY(const auto envelope, load_role(role.name, trust::kLongestTargets));
  UPSWARM_CHECK(
      trust::verify_signatures(envelope, role.keys, targets_.delegations.keys, trust::ed25519_verifier(), role.name));
  UPSWARM_TRY(product.release, trust::parse_targets(envelope, role.name));
  UPSWARM_CHECK(load_indexes(product));
  products.emplace(product.name, std::move(product));
  return {};
}

Result<void> check_is_understood(const trust::Index& index, const std::string& what) {
  for (const auto& entry : index.entries) {
    if (const auto names = trust::unknown_requirements(entry))
      return Error{ErrorKind::invalid, what, entry.version + " needs a newer upswarm-publish: " + *names};
  }
  return {};
}

Result<void> Repository::load_indexes(Product& product) {
  for (const auto& [path, target] : product.release.targets) {
    if (!path.starts_with("index/") && !path.starts_with("preindex/")) continue;
    const auto file = folder_.targets() / consistent_name(path, target.sha256);
    UPSWARM_TRY(const auto bytes, read_file(*files_, file, trust::kLongestIndex));
    if (sha256(bytes) != target.sha256) {
      return Error{ErrorKind::corrupt, "read " + file.string(), "it is not what " + product.role() + " signed"};
    }
    UPSWARM_TRY(auto index, trust::parse_index(bytes, file.string()));
    UPSWARM_CHECK(check_is_understood(index, file.string()));
    product.indexes.emplace(path, std::move(index));
  }
  return {};
}

std::map<std::string, const Product*> Repository::roles() const {
  std::map<std::string, const Product*> all;
  for (const auto* products : {&products_, &prereleases_}) {
    for (const auto& [name, product] : *products) all.emplace(product.role(), &product);
  }
  return all;
}

trust::ReleaseCounter Repository::next_counter(const std::string& product, Stage stage) const {
  trust::ReleaseCounter highest;
  for (const auto* products : {&products_, &prereleases_}) {
    const auto found = products->find(product);
    if (found != products->end()) highest = std::max(highest, found->second.highest_counter());
  }
  const auto& own = stage == Stage::release ? products_ : prereleases_;
  const auto found = own.find(product);
  if (found != own.end() && found->second.epoch > highest.epoch) return {found->second.epoch, 1};
  return {highest.epoch, highest.n + 1};
}

Result<std::string> Repository::signed_file(const std::string& role) const {
  const auto found = versions_.find(role);
  if (found == versions_.end()) return Error{ErrorKind::not_found, "read " + role, "nothing of it was signed yet"};
  return read_file(*files_, folder_.metadata() / versioned_file(role, found->second), trust::kLongestTargets);
}

Result<std::string> Repository::small_target(const std::string& consistent_name) const {
  return read_file(*files_, folder_.targets() / consistent_name, trust::kLongestIndex);
}

Result<const Product*> Repository::product(const std::string& name, Stage stage) const {
  const auto& own = stage == Stage::release ? products_ : prereleases_;
  const auto found = own.find(name);
  if (found != own.end()) return &found->second;
  if (stage == Stage::prerelease && products_.contains(name)) {
    return Error{ErrorKind::not_found, "find the nightly builds of " + name,
                 "nobody may sign them yet; make a key with `keys new pre-" + name +
                     "` and let it sign with `keys add-signer pre-" + name + " FILE.pub.json`"};
  }
  std::string known;
  for (const auto& [other, product] : products_) known += (known.empty() ? "" : ", ") + other;
  return Error{
      ErrorKind::not_found, "find the product " + name,
      known.empty() ? "there are no products yet; add one with: upswarm-publish add-product P" : "there are: " + known};
}

/// A bundle whose metadata never became current belongs to a command that did not end: its versions will be signed
/// again with other content, and a seeder must never see both.
Result<bool> Repository::is_committed(const Path& bundle) const {
  UPSWARM_TRY(const auto names, list_or_none(*files_, bundle / "metadata"));
  for (const auto& name : names) {
    UPSWARM_TRY(const auto offered, read_file(*files_, bundle / "metadata" / name, trust::kLongestTargets));
    const auto ours = read_file(*files_, folder_.metadata() / name, trust::kLongestTargets);
    if (!ours && ours.error().kind != ErrorKind::not_found) return ours.error();
    if (!ours || *ours != offered) return false;
  }
  return true;
}

Result<void> Repository::tidy() {
  UPSWARM_CHECK(remove_tree(*files_, folder_.work()));
  UPSWARM_CHECK(remove_tree(*files_, folder_.becoming().string() + kPart));
  UPSWARM_CHECK(become());
  UPSWARM_TRY(const auto names, list_or_none(*files_, folder_.outgoing()));
  for (const auto& name : names) {
    const auto bundle = folder_.outgoing() / name;
    UPSWARM_TRY(const auto taken, exists(*files_, folder_.handed_over() / (name + ".json")));
    if (!taken && !name.ends_with(kPart)) {
      UPSWARM_TRY(const auto committed, is_committed(bundle));
      if (committed) continue;
    }
    UPSWARM_CHECK(remove_tree(*files_, bundle));
  }
  return {};
}

Result<std::vector<std::string>> Repository::current_metadata(const Change& change) const {
  auto versions = versions_;
  for (const auto& [name, bytes] : change.bundle.metadata) {
    if (const auto file = parse_versioned_file(name)) versions.erase(file->role);
  }
  // What no delegation names was left by a command that did not end.
  std::erase_if(versions, [this](const auto& one) {
    return one.first != "targets" &&
           (!one.first.starts_with(kRolePrefix) || !products_.contains(one.first.substr(kRolePrefix.size()))) &&
           (!one.first.starts_with(kPrereleasePrefix) ||
            !prereleases_.contains(one.first.substr(kPrereleasePrefix.size())));
  });
  std::vector<std::string> names;
  UPSWARM_TRY(const auto all, files_->list(folder_.metadata()));
  for (const auto& name : all) {
    const auto file = parse_versioned_file(name);
    if (!file) continue;
    const auto current = versions.find(file->role);
    // The whole chain of roots: a seeder, like a client, goes from one to the next.
    if (file->role == "root" || (current != versions.end() && current->second == file->version)) names.push_back(name);
  }
  return names;
}

Result<std::string> Repository::next_bundle_name(const std::string& name) const {
  std::uint64_t highest = 0;
  for (const auto& folder : {folder_.outgoing(), folder_.handed_over(), folder_.changes()}) {
    UPSWARM_TRY(const auto names, list_or_none(*files_, folder));
    for (const auto& one : names) highest = std::max(highest, number_of(one));
  }
  auto number = std::to_string(highest + 1);
  if (number.size() < kNumberDigits) number.insert(0, kNumberDigits - number.size(), '0');
  return number + "-" + name;
}

Result<std::string> Repository::commit(const Change& change) {
  auto parts = change.bundle;
  if (!parts.metadata.empty()) {
    UPSWARM_TRY(const auto names, current_metadata(change));
    for (const auto& name : names) {
      UPSWARM_TRY(auto bytes, read_file(*files_, folder_.metadata() / name, trust::kLongestTargets));
      parts.metadata.emplace_back(name, std::move(bytes));
    }
  }
  for (const auto& [from, to] : change.packages) {
    UPSWARM_CHECK(make_folders(*files_, to.parent_path()));
    UPSWARM_CHECK(remove_tree(*files_, to));
    UPSWARM_CHECK(files_->rename(from, to));
    UPSWARM_CHECK(files_->sync_folder(to.parent_path()));
  }
  UPSWARM_TRY(const auto name, next_bundle_name(parts.name));
  const Path part = folder_.outgoing() / (name + kPart);
  UPSWARM_CHECK(write_bundle_folder(*files_, part, parts));
  for (const auto& [target, bytes] : parts.small_targets) {
    UPSWARM_CHECK(make_folders(*files_, (folder_.targets() / target).parent_path()));
    UPSWARM_CHECK(write_file_atomically(*files_, folder_.targets() / target, bytes));
  }
  UPSWARM_CHECK(files_->rename(part, folder_.outgoing() / name));
  UPSWARM_CHECK(files_->sync_folder(folder_.outgoing()));
  if (change.bundle.metadata.empty()) return name;
  // All at once: a role signed by new keys would not verify beside a delegation that still names the old ones.
  const Path becoming_part = folder_.becoming().string() + kPart;
  UPSWARM_CHECK(remove_tree(*files_, becoming_part));
  UPSWARM_CHECK(files_->make_folder(becoming_part, 0755));
  for (const auto& [file, bytes] : change.bundle.metadata)
    UPSWARM_CHECK(write_file_atomically(*files_, becoming_part / file, bytes));
  UPSWARM_CHECK(files_->rename(becoming_part, folder_.becoming()));
  UPSWARM_CHECK(files_->sync_folder(folder_.root));
  UPSWARM_CHECK(become());
  return name;
}

/// The second half of a commit, also of one that stopped in it.
Result<void> Repository::become() {
  UPSWARM_TRY(const auto names, list_or_none(*files_, folder_.becoming()));
  for (const auto& name : names) {
    UPSWARM_TRY(const auto bytes, read_file(*files_, folder_.becoming() / name, trust::kLongestTargets));
    UPSWARM_CHECK(write_file_atomically(*files_, folder_.metadata() / name, bytes));
  }
  return remove_tree(*files_, folder_.becoming());
}

Result<std::vector<std::string>> Repository::outgoing() const { return list_or_none(*files_, folder_.outgoing()); }

Result<std::vector<std::string>> Repository::changes() const {
  UPSWARM_TRY(auto names, list_or_none(*files_, folder_.changes()));
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".change.json"); });
  return names;
}

Result<void> Repository::mark_handed_over(const std::string& bundle) {
  const auto from = folder_.outgoing() / bundle;
  UPSWARM_TRY(const auto record, read_file(*files_, from / "bundle.json", seeder::kLongestBundleFile));
  UPSWARM_CHECK(make_folders(*files_, folder_.handed_over()));
  UPSWARM_CHECK(write_file_atomically(*files_, folder_.handed_over() / (bundle + ".json"), record));
  return remove_tree(*files_, from);
}

Result<std::optional<seeder::RolloutWish>> Repository::last_wish(const std::string& product, const std::string& channel,
                                                                 const std::string& platform,
                                                                 const trust::ReleaseCounter& counter) const {
  UPSWARM_TRY(const auto waiting, list_or_none(*files_, folder_.outgoing()));
  UPSWARM_TRY(const auto done, list_or_none(*files_, folder_.handed_over()));
  std::vector<Path> newest_first;
  for (auto name = waiting.rbegin(); name != waiting.rend(); ++name) {
    newest_first.push_back(folder_.outgoing() / *name / "bundle.json");
  }
  for (auto name = done.rbegin(); name != done.rend(); ++name) {
    if (name->ends_with(".json")) newest_first.push_back(folder_.handed_over() / *name);
  }
  for (const auto& path : newest_first) {
    UPSWARM_TRY(const auto text, read_file(*files_, path, seeder::kLongestBundleFile));
    UPSWARM_TRY(const auto bundle, seeder::parse_bundle(text, path.string()));
    for (const auto& wish : bundle.rollouts) {
      if (wish.product == product && wish.channel == channel && wish.platform == platform &&
          wish.item.counter == counter) {
        return std::optional(wish);
      }
    }
  }
  return std::optional<seeder::RolloutWish>();
}

}  // namespace upswarm::publish
