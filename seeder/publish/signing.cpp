#include "seeder/publish/signing.hpp"

#include <algorithm>

#include "protocol/trust/canonical_json.hpp"
#include "seeder/publish/change_words.hpp"
#include "seeder/publish/wishes.hpp"

namespace upswarm::publish {
namespace {

constexpr const char* kPackagesEnd = ".packages";
constexpr std::size_t kBlock = 256 * 1024;

bool holds(const std::vector<trust::KeyId>& ids, const trust::KeyId& id) {
  return std::ranges::find(ids, id) != ids.end();
}

void add(Document& document, const trust::SigningKey& key) {
  const auto canonical = trust::to_canonical(document.content);
  document.signatures.push_back({key.id(), key.sign(as_bytes(canonical))});
}

/// Unlocks what can help, and signs with it where a signature is wanted.
Result<void> sign_here(const Base& base, ChangeFile& change, KeyRing& keys) {
  for (auto& document : change.documents) {
    UPSWARM_TRY(const auto groups, signers_of(base, change, document));
    for (const auto& group : groups) UPSWARM_CHECK(keys.unlock(document.role, group.role));
    for (const auto* key : keys.keys_of(document.role)) {
      const auto wants = [key](const Signers& group) { return holds(group.role.key_ids, key->id()); };
      if (std::ranges::any_of(groups, wants)) add(document, *key);
    }
  }
  return {};
}

/// The targets that the documents sign and the base does not.
Result<std::map<std::string, trust::TargetFile>> added_targets(const Base& base, const ChangeFile& change) {
  std::map<std::string, trust::TargetFile> added;
  for (const auto& document : change.documents) {
    if (document.role == "root") continue;
    UPSWARM_TRY(const auto envelope,
                trust::parse_envelope(write_signed(document), document.role, trust::kLongestTargets));
    UPSWARM_TRY(const auto content, trust::parse_targets(envelope, document.role));
    const auto old = base.roles.find(document.role);
    for (const auto& [path, target] : content.targets) {
      const bool is_known = old != base.roles.end() && old->second.targets.contains(path) &&
                            old->second.targets.at(path).sha256 == target.sha256;
      if (!is_known) added.emplace(path, target);
    }
  }
  return added;
}

Result<Change> as_commit(const Repository& repository, const Base& base, const ChangeFile& change,
                         const Path& packages) {
  Change commit{.bundle = {.name = change.name}};
  for (const auto& document : change.documents) {
    UPSWARM_TRY(const auto version, version_of(document));
    commit.bundle.metadata.emplace_back(trust::metadata_name(document.role, version), write_signed(document));
  }
  commit.bundle.small_targets = change.targets;
  commit.bundle.rollouts = change.rollouts;
  UPSWARM_TRY(const auto added, added_targets(base, change));
  for (const auto& [path, target] : added) {
    const auto kept = kept_in(path);
    if (!kept) continue;
    const auto folder = repository.folder().releases() / *kept;
    commit.bundle.packages.emplace(consistent_name(path, target.sha256), folder / Path(path).filename());
    if (commit.packages.empty() && packages != folder) commit.packages.emplace_back(packages, folder);
  }
  return commit;
}

Result<std::string> commit(Repository& repository, const Base& base, const ChangeFile& change, const Path& packages) {
  UPSWARM_CHECK(check_change(base, change));
  UPSWARM_CHECK(verify_change(base, change));
  UPSWARM_TRY(const auto made, as_commit(repository, base, change, packages));
  return repository.commit(made);
}

/// The base as the repository has it now.
Result<Base> base_of(const Repository& repository, const ChangeFile& change) {
  Base base{.root = repository.root(), .targets = repository.targets()};
  for (const auto& [role, product] : repository.roles()) {
    if (product->release.version > 0 && change.find(role) != nullptr) {
      base.roles.emplace(role, product->release);
      for (const auto& [path, index] : product->indexes) base.indexes.emplace(path, index);
    }
  }
  return base;
}

/// The signed files that the signers will want to see the change against.
Result<void> fill_base(const Repository& repository, const Base& base, ChangeFile& change) {
  for (const auto* role : {"root", "targets"}) {
    UPSWARM_TRY(change.base[role], repository.signed_file(role));
  }
  for (const auto& [role, content] : base.roles) {
    UPSWARM_TRY(change.base[role], repository.signed_file(role));
    for (const auto& [path, target] : content.targets) {
      const auto is_next = [&path](const auto& one) { return consistent_name(path, sha256(one.second)) == one.first; };
      if (std::ranges::none_of(change.targets, is_next)) continue;
      const auto name = consistent_name(path, target.sha256);
      UPSWARM_TRY(change.base_targets[name], repository.small_target(name));
    }
  }
  return {};
}

Result<Path> write_pending(Files& files, const Repository& repository, const Base& base, const ChangeFile& change,
                           const Path& packages) {
  const auto folder = repository.folder().changes();
  UPSWARM_CHECK(make_folders(files, folder));
  UPSWARM_TRY(const auto words, words_of(base, change));
  UPSWARM_TRY(const auto number, repository.next_bundle_name(change.name));
  const auto file = folder / (number + kChangeEnd);
  if (!packages.empty()) {
    const auto beside = folder / (number + kPackagesEnd);
    UPSWARM_CHECK(remove_tree(files, beside));
    UPSWARM_CHECK(files.rename(packages, beside));
    UPSWARM_CHECK(files.sync_folder(folder));
  }
  // First: no change is ever seen without it.
  UPSWARM_CHECK(keep_wishes(files, folder / (number + kWishesEnd), change));
  UPSWARM_CHECK(write_file_atomically(files, file, write_change(change, words)));
  return file;
}

Result<void> check_package(Files& files, const Path& path, const trust::TargetFile& target) {
  UPSWARM_TRY(const auto file, files.open(path));
  Sha256Hasher hasher;
  ByteBuffer block(kBlock);
  Bytes at;
  for (;;) {
    UPSWARM_TRY(const auto count, file->read_at(at, block));
    if (count == 0) break;
    hasher.update(ByteView(block).first(count));
    at += Bytes{count};
  }
  if (at == target.length && hasher.finish() == target.sha256) return {};
  return Error{ErrorKind::corrupt, "check " + path.string(), "it is not the package that the change signs", "altered"};
}

/// The same change with the signatures of all copies.
Result<ChangeFile> read_copies(Files& files, const std::vector<Path>& copies) {
  std::optional<ChangeFile> merged;
  for (const auto& path : copies) {
    UPSWARM_TRY(const auto text, read_file(files, path, kLongestChange));
    UPSWARM_TRY(auto change, parse_change(text, path.string()));
    if (!merged) {
      merged = std::move(change);
      continue;
    }
    const auto is_equal = [](const Document& a, const Document& b) {
      return a.role == b.role && a.content == b.content;
    };
    if (merged->name != change.name || merged->targets != change.targets ||
        !std::ranges::equal(merged->documents, change.documents, is_equal)) {
      return Error{ErrorKind::untrusted, "read " + path.string(), "it is not a copy of the same change", "altered"};
    }
    if (!is_same(merged->rollouts, change.rollouts)) {
      return Error{ErrorKind::untrusted, "read " + path.string(),
                   "it asks for other rollouts than " + copies.front().string(), "rollouts"};
    }
    for (std::size_t i = 0; i < change.documents.size(); ++i) {
      auto& into = merged->documents[i].signatures;
      for (const auto& one : change.documents[i].signatures) {
        if (std::ranges::find(into, one.key_id, &trust::Signature::key_id) == into.end()) into.push_back(one);
      }
    }
  }
  if (!merged) return Error{ErrorKind::invalid, "publish a change", "no change file was given"};
  return std::move(*merged);
}

/// What lies beside a change file under its name; nothing for a name that is no change file's.
std::optional<Path> beside(const Repository& repository, const std::string& name, const char* end) {
  if (!name.ends_with(kChangeEnd)) return std::nullopt;
  return repository.folder().changes() / (name.substr(0, name.size() - std::string_view(kChangeEnd).size()) + end);
}

/// The folder of packages that lies in changes/ under the name of one of the copies; where they are kept for good, when
/// an earlier attempt moved them there and stopped.
Result<Path> packages_of(Files& files, const Repository& repository, const std::vector<Path>& copies,
                         const Path& kept) {
  for (const auto& copy : copies) {
    auto folder = beside(repository, copy.filename().string(), kPackagesEnd);
    if (!folder) continue;
    UPSWARM_TRY(const auto there, exists(files, *folder));
    if (there) return *std::move(folder);
  }
  auto moved = repository.folder().releases() / kept;
  UPSWARM_TRY(const auto there, exists(files, moved));
  if (there) return moved;
  return Error{ErrorKind::not_found, "find the packages of " + copies.front().string(),
               "changes/ has no folder of its name: keep the name of the change file, and publish where it was made"};
}

}  // namespace

Result<Signed> sign_and_commit(Files& files, Repository& repository, ChangeFile change, const Path& packages,
                               KeyRing& keys) {
  UPSWARM_TRY(const auto base, base_of(repository, change));
  UPSWARM_CHECK(sign_here(base, change, keys));
  Signed outcome;
  UPSWARM_TRY(outcome.missing, missing_signatures(base, change));
  if (outcome.missing.empty()) {
    UPSWARM_TRY(outcome.bundle, commit(repository, base, change, packages));
    return outcome;
  }
  UPSWARM_CHECK(fill_base(repository, base, change));
  UPSWARM_TRY(outcome.change, write_pending(files, repository, base, change, packages));
  return outcome;
}

Result<OpenedChange> open_change(Files& files, const Path& file, const std::optional<std::string>& trusted_root) {
  UPSWARM_TRY(const auto text, read_file(files, file, kLongestChange));
  OpenedChange opened;
  UPSWARM_TRY(opened.change, parse_change(text, file.string()));
  UPSWARM_TRY(opened.base, read_base(opened.change));
  if (trusted_root && *trusted_root != opened.change.base.at("root")) {
    return Error{ErrorKind::untrusted, "open " + file.string(),
                 "it is not built on the root that was given, but on version " +
                     std::to_string(opened.base.root.version) + " with SHA-256 " + opened.base.digests.at("root"),
                 "root"};
  }
  UPSWARM_TRY(opened.words, words_of(opened.base, opened.change));
  UPSWARM_TRY(opened.missing, missing_signatures(opened.base, opened.change));
  return opened;
}

Result<std::vector<Missing>> add_signature(Files& files, const Path& file, OpenedChange opened,
                                           const trust::SigningKey& key) {
  bool signed_before = false;
  bool signed_now = false;
  for (auto& document : opened.change.documents) {
    UPSWARM_TRY(const auto groups, signers_of(opened.base, opened.change, document));
    const auto wants = [&key](const Signers& group) { return holds(group.role.key_ids, key.id()); };
    if (std::ranges::none_of(groups, wants)) continue;
    if (std::ranges::find(document.signatures, key.id(), &trust::Signature::key_id) != document.signatures.end()) {
      signed_before = true;
      continue;
    }
    add(document, key);
    signed_now = true;
  }
  const auto refused = [&](const char* why, const char* reason) {
    return Error{ErrorKind::invalid, "sign " + file.string() + " with key " + short_id(key.id()), why, reason};
  };
  if (!signed_now && signed_before) return refused("this key has signed it already", "signed_already");
  if (!signed_now) return refused("nothing in it is to be signed by this key", "wrong_key");
  UPSWARM_CHECK(write_file_atomically(files, file, write_change(opened.change, opened.words)));
  return missing_signatures(opened.base, opened.change);
}

Result<Published> publish_change(Files& files, Repository& repository, const std::vector<Path>& copies) {
  UPSWARM_TRY(const auto change, read_copies(files, copies));
  UPSWARM_TRY(const auto base, base_of(repository, change));
  UPSWARM_CHECK(check_change(base, change));
  UPSWARM_TRY(const auto missing, missing_signatures(base, change));
  if (!missing.empty()) {
    return Error{ErrorKind::untrusted, "publish " + copies.front().string(),
                 "signatures are missing:\n" + missing_words(missing), "wrong_signature"};
  }
  UPSWARM_TRY(const auto own, check_wishes(files, repository.folder().changes(), base, change));
  UPSWARM_TRY(const auto added, added_targets(base, change));
  Path packages;
  for (const auto& [path, target] : added) {
    const auto kept = kept_in(path);
    if (!kept) continue;
    if (packages.empty()) {
      UPSWARM_TRY(packages, packages_of(files, repository, copies, *kept));
    }
    UPSWARM_CHECK(check_package(files, packages / Path(path).filename(), target));
  }
  UPSWARM_TRY(auto bundle, commit(repository, base, change, packages));
  for (const auto& path : own) UPSWARM_CHECK(files.remove_file(path));
  return Published{std::move(bundle), change.rollouts};
}

Result<std::string> discard_change(Files& files, const Repository& repository, const Path& change) {
  const auto doing = "discard " + change.string();
  const auto name = change.filename().string();
  const auto packages = beside(repository, name, kPackagesEnd);
  const auto wishes = beside(repository, name, kWishesEnd);
  if (!packages || !wishes)
    return Error{ErrorKind::invalid, doing, "it is no change file: they end in " + std::string(kChangeEnd)};
  const auto folder = repository.folder().changes();
  const auto is_changes = [&folder](const Path& other) {
    std::error_code failed;
    return std::filesystem::equivalent(other, folder, failed);
  };
  // A name, a path, or what `status` shows: a path from the repository.
  const bool is_inside = !change.has_parent_path() || is_changes(change.parent_path()) ||
                         is_changes(repository.folder().root / change.parent_path());
  if (!is_inside) return Error{ErrorKind::invalid, doing, "it is not in " + folder.string(), "elsewhere"};
  UPSWARM_TRY(const bool has_file, exists(files, folder / name));
  UPSWARM_TRY(const bool has_packages, exists(files, *packages));
  UPSWARM_TRY(const bool has_wishes, exists(files, *wishes));
  if (!has_file && !has_packages && !has_wishes)
    return Error{ErrorKind::not_found, doing, "no such change waits for signatures"};
  // The file first: without it nobody can publish, and packages alone are only space.
  if (has_file) UPSWARM_CHECK(files.remove_file(folder / name));
  UPSWARM_CHECK(files.sync_folder(folder));
  if (has_wishes) UPSWARM_CHECK(files.remove_file(*wishes));
  UPSWARM_CHECK(remove_tree(files, *packages));
  return name;
}

}  // namespace upswarm::publish
