#include "seeder/incoming.hpp"

#include "protocol/base/log.hpp"
#include "seeder/candidate_check.hpp"
#include "seeder/catalogue.hpp"
#include "seeder/durable.hpp"
#include "seeder/names.hpp"
#include "seeder/new_beginning.hpp"
#include "seeder/offline_keys.hpp"

namespace upswarm::seeder {
namespace {

constexpr auto kRetryAfter = std::chrono::seconds(30);
constexpr const char* kUnfinished = ".part";

/// The bundle is at fault, as opposed to this machine.
bool is_refusal(ErrorKind kind) {
  return kind == ErrorKind::corrupt || kind == ErrorKind::untrusted || kind == ErrorKind::not_found ||
         kind == ErrorKind::invalid;
}

/// A failure of our own folder, whatever it looks like: no bundle is at fault.
template <typename T>
Result<T> ours(Result<T> result) {
  if (result || !is_refusal(result.error().kind)) return result;
  auto error = std::move(result).error();
  error.kind = ErrorKind::internal;
  return error;
}

Error conflict(const std::string& name, std::string why, std::string reason) {
  return {ErrorKind::untrusted, "take in " + name, std::move(why), std::move(reason)};
}

Result<void> copy_folder(Files& files, const Path& from, const Path& to) {
  UPSWARM_CHECK(remove_tree(files, to));
  UPSWARM_CHECK(make_folders(files, to));
  UPSWARM_TRY(const auto names, files.list(from));
  for (const auto& name : names) {
    UPSWARM_TRY(const auto file, files.open(from / name));
    UPSWARM_CHECK(copy_file(files, *file, to / name, 0644));
  }
  return {};
}

}  // namespace

Incoming::Incoming(Files& files, SeederFolder folder, Path keys_folder, Database& database, const Clock& clock)
    : files_(files),
      folder_(std::move(folder)),
      shelf_(files, folder_.metadata()),
      keys_folder_(std::move(keys_folder)),
      database_(database),
      clock_(clock),
      versions_(database, files, folder_.metadata(), clock) {}

Result<void> Incoming::start() {
  const std::lock_guard turn(turn_);
  UPSWARM_TRY(const auto view, read_repository(files_, folder_.metadata()));
  UPSWARM_TRY(const auto found, find_keys(files_, keys_folder_));
  UPSWARM_CHECK(check_no_offline_key(found, view));
  return after_change();
}

Result<OnlineKeys> Incoming::read_keys(const RepositoryView& view) const {
  UPSWARM_TRY(const auto found, find_keys(files_, keys_folder_));
  UPSWARM_CHECK(check_no_offline_key(found, view));
  return read_online_keys(files_, keys_folder_);
}

/// A bundle that gives an offline role to a key that lies here is at fault itself.
Result<void> Incoming::check_roles(const RepositoryView& view) const {
  UPSWARM_TRY(const auto found, find_keys(files_, keys_folder_));
  auto checked = check_no_offline_key(found, view);
  if (checked || checked.error().reason != "offline_key") return checked;
  auto error = std::move(checked).error();
  error.kind = ErrorKind::untrusted;
  return error;
}

std::vector<RoleLife> Incoming::lives() const {
  const std::lock_guard lock(lives_mutex_);
  return lives_;
}

bool Incoming::must_sign() {
  const std::lock_guard turn(turn_);
  return is_due(signing_times_, clock_.now());
}

Result<void> Incoming::add_roots(RepositoryView& view, const OfferedBundle& offer) const {
  const auto newest = view.roots.empty() ? 0 : view.roots.rbegin()->first;
  for (const auto& [text, bytes] : offer.metadata) {
    const auto name = parse_versioned_name(text);
    if (!name || name->role != "root") continue;
    const auto [place, is_new] = view.roots.emplace(name->version, bytes);
    if (!is_new && place->second != bytes) return conflict(text, "another root of this version is in use", "conflict");
    if (is_new && name->version < newest)
      return conflict(text, "it is older than the root in use, and not known", "rollback");
  }
  if (view.roots.empty()) return conflict("the bundle", "there is no root yet, and none in it", "missing");
  auto expected = view.roots.begin()->first;
  for (const auto& [version, bytes] : view.roots) {
    if (version != expected++)
      return conflict("root", "version " + std::to_string(expected - 1) + " is missing", "wrong_version");
  }
  const auto& last = view.roots.rbegin()->second;
  UPSWARM_TRY(const auto envelope, trust::parse_envelope(last, "root", trust::kLongestRoot));
  UPSWARM_TRY(view.root, trust::parse_root(envelope));
  return {};
}

Result<void> Incoming::add_role(const RepositoryView& base, RepositoryView& view, const OfferedBundle& offer,
                                const std::string& text) const {
  UPSWARM_TRY(const auto name, parse_versioned_name(text));
  const auto& bytes = offer.metadata.at(text);
  UPSWARM_TRY(auto file, parse_role_file(bytes, name.role));
  if (file.content.version != name.version) return conflict(text, "its content has another version", "wrong_version");
  const auto old = view.roles.find(name.role);
  if (old == view.roles.end() || old->second.content.version < name.version) {
    view.roles.insert_or_assign(name.role, std::move(file));
    return {};
  }
  if (old->second.bytes == bytes) return {};
  const auto served = base.roles.find(name.role);
  const bool is_as_served = served != base.roles.end() && served->second.bytes == old->second.bytes;
  if (is_as_served && begins_anew(base, view, name.role)) {
    UPSWARM_TRY(const bool is_forgotten, forgets_versions(base, view));
    if (!is_forgotten) {
      return conflict(text,
                      "version " + std::to_string(old->second.content.version) +
                          " is in use, signed by keys that count no more, and clients remember it: rotate snapshot, "
                          "too, and hand over both in one bundle",
                      "rollback");
    }
    view.roles.insert_or_assign(name.role, std::move(file));
    return {};
  }
  if (old->second.content.version == name.version)
    return conflict(text, "another file of this version is in use", "conflict");
  const auto known = read_file(files_, folder_.metadata() / text, trust::kLongestTargets);
  if (known && *known == bytes) return {};  // an old bundle once more: it changes nothing
  return conflict(text, "version " + std::to_string(old->second.content.version) + " is in use: going back is refused",
                  "rollback");
}

Result<RepositoryView> Incoming::add(const RepositoryView& base, const OfferedBundle& offer) const {
  auto view = base;
  UPSWARM_CHECK(add_roots(view, offer));
  // Targets before the others: it says whose they are now.
  for (const bool is_targets : {true, false}) {
    for (const auto& [text, bytes] : offer.metadata) {
      const auto name = parse_versioned_name(text);
      if (!name || name->role == "root" || (name->role == "targets") != is_targets) continue;
      UPSWARM_CHECK(add_role(base, view, offer, text));
    }
  }
  if (!view.roles.contains("targets"))
    return conflict("the bundle", "there is no targets.json yet, and none in it", "missing");
  return view;
}

Result<void> Incoming::judge(const RepositoryView& base, const RepositoryView& view, const OfferedBundle& offer,
                             const SignedFiles& made) {
  FolderSource source(files_, {offer.folder, folder_.repository()});
  for (const auto& [name, bytes] : made.metadata) source.put_metadata(name, bytes);
  for (const auto& [name, bytes] : made.targets) source.put_target(name, bytes);
  const Path store = folder_.check_store().string() + ".candidate";
  UPSWARM_CHECK(ours(copy_folder(files_, folder_.check_store(), store)));
  const Candidate candidate{base, view, offer, source, folder_.repository(), store};
  auto result = check_candidate(files_, candidate, clock_);
  UPSWARM_CHECK(remove_tree(files_, store));
  return result;
}

Result<void> Incoming::take_in_held(const Path& bundle, Steering steering) {
  UPSWARM_TRY(const auto base, ours(read_repository(files_, folder_.metadata())));
  UPSWARM_TRY(const auto keys, read_keys(base));
  UPSWARM_TRY(const auto offer, read_offered_bundle(files_, bundle));
  UPSWARM_TRY(const auto view, add(base, offer));
  UPSWARM_CHECK(check_roles(view));
  FolderSource source(files_, {offer.folder, folder_.repository()});
  OnlineSigner signer(keys, versions_, clock_);
  const bool new_root = base.roots.size() != view.roots.size();
  UPSWARM_TRY(const auto made, signer.sign({.view = view,
                                            .source = source,
                                            .wishes = offer.bundle.rollouts,
                                            .steering = steering,
                                            .how = new_root ? Signing::all : Signing::due,
                                            .trusts_clock = trusts_clock_,
                                            .before = &base}));
  if (!made.empty() || !offer.targets.empty()) UPSWARM_CHECK(judge(base, view, offer, made));
  UPSWARM_CHECK(ours(publish(&offer, made)));
  return ours(remove_tree(files_, bundle));
}

Result<Verdict> Incoming::take_in(const Path& bundle, Steering steering) {
  const std::lock_guard turn(turn_);
  const auto taken = take_in_held(bundle, steering);
  if (taken) {
    log::info("bundle taken in", {{"bundle", bundle.filename().string()}});
    return Verdict{};
  }
  if (!is_refusal(taken.error().kind)) return taken.error();
  log::warning(
      "bundle refused",
      {{"bundle", bundle.filename().string()}, {"why", taken.error().message()}, {"reason", taken.error().reason}});
  return Verdict{taken.error()};
}

Result<void> Incoming::move_targets(const OfferedBundle& offer) {
  for (const auto& [name, length] : offer.targets) {
    const auto to = folder_.targets() / name;
    UPSWARM_CHECK(make_folders(files_, to.parent_path()));
    UPSWARM_CHECK(sync_file(offer.target_file(name)));
    UPSWARM_CHECK(files_.rename(offer.target_file(name), to));
    // Up to the top: folders on the way may be new.
    for (auto at = to.parent_path(); at != folder_.repository(); at = at.parent_path())
      UPSWARM_CHECK(files_.sync_folder(at));
  }
  return {};
}

Result<void> Incoming::write_metadata(const OfferedBundle* offer, const SignedFiles& made) {
  const auto write = [this](const std::string& name, const std::string& bytes) {
    return write_file_atomically(files_, folder_.metadata() / name, bytes);
  };
  std::map<std::string, std::string> roots;
  if (offer != nullptr) {
    for (const auto& [text, bytes] : offer->metadata) {
      const auto name = parse_versioned_name(text);
      const auto old = read_file(files_, folder_.metadata() / text, trust::kLongestTargets);
      if (!name || (old && *old == bytes)) continue;
      if (name->role == "root") roots[text] = bytes;
      else UPSWARM_CHECK(write(text, bytes));
    }
  }
  for (const auto& [name, bytes] : made.metadata) {
    if (name != "timestamp.json") UPSWARM_CHECK(write(name, bytes));
  }
  const auto write_roots = [&]() -> Result<void> {
    for (const auto& [name, bytes] : roots) UPSWARM_CHECK(write(name, bytes));
    return {};
  };
  // Roots last, that a stop in between is mended by the same bundle: it is checked against the roots that are here, and
  // what a new one makes clients forget (new_beginning.hpp) is seen again. At the beginning there is nothing to forget.
  UPSWARM_TRY(const bool is_served, exists(files_, folder_.metadata() / "timestamp.json"));
  if (!is_served) UPSWARM_CHECK(write_roots());
  if (const auto timestamp = made.metadata.find("timestamp.json"); timestamp != made.metadata.end()) {
    UPSWARM_CHECK(write(timestamp->first, timestamp->second));
  }
  return is_served ? write_roots() : Result<void>();
}

Result<void> Incoming::publish(const OfferedBundle* offer, const SignedFiles& made) {
  for (const auto& [role, version] : made.versions) UPSWARM_CHECK(versions_.record(role, version));
  if (offer != nullptr) UPSWARM_CHECK(move_targets(*offer));
  for (const auto& [name, bytes] : made.targets) {
    const auto to = folder_.targets() / name;
    UPSWARM_CHECK(make_folders(files_, to.parent_path()));
    UPSWARM_CHECK(write_file_atomically(files_, to, bytes));
  }
  const auto written = write_metadata(offer, made);
  shelf_.clear();  // also after half of it
  UPSWARM_CHECK(written);
  return after_change();
}

Result<void> Incoming::after_change() {
  UPSWARM_TRY(const auto view, read_repository(files_, folder_.metadata()));
  signing_times_ = signing_times(view);
  UPSWARM_TRY(auto lives, note_lives(database_, view, clock_.now()));
  {
    const std::lock_guard lock(lives_mutex_);
    lives_ = std::move(lives);
  }
  follow();
  UPSWARM_CHECK(write_catalogue(database_, view, list_seed_files(files_, folder_.repository(), view)));
  if (changed_) changed_(view);
  return {};
}

/// Keeps the check store where a client is that follows this repository, so that older things are refused later.
void Incoming::follow() {
  FolderSource source(files_, {folder_.repository()});
  auto store = trust::TrustStore::open(files_, folder_.check_store());
  if (!store) return log::error("the check store cannot be opened", {{"why", store.error().message()}});
  const auto view = read_repository(files_, folder_.metadata());
  if (!view || view->roots.empty() || !view->timestamp) return;
  const auto placed = store->place_first_root(view->roots.begin()->second, trust::ed25519_verifier());
  trust::TrustClient client(*store, source, trust::ed25519_verifier(), clock_);
  const auto followed = placed ? client.refresh() : placed;
  if (!followed) return log::error("clients will refuse this repository", {{"why", followed.error().message()}});
  for (const auto& [role, file] : view->roles) {
    if (file.content.targets.empty()) continue;
    const auto found = client.find(file.content.targets.begin()->first);
    if (!found) log::error("clients will refuse a role", {{"role", role}, {"why", found.error().message()}});
  }
}

Result<bool> Incoming::sign(Signing how) {
  const std::lock_guard turn(turn_);
  UPSWARM_TRY(const auto view, read_repository(files_, folder_.metadata()));
  if (!view.timestamp) return false;
  UPSWARM_TRY(const auto keys, read_keys(view));
  FolderSource source(files_, {folder_.repository()});
  OnlineSigner signer(keys, versions_, clock_);
  UPSWARM_TRY(const auto made, signer.sign({.view = view,
                                            .source = source,
                                            .wishes = {},
                                            .steering = Steering::any,
                                            .how = how,
                                            .trusts_clock = trusts_clock_}));
  if (made.empty()) return false;
  UPSWARM_CHECK(publish(nullptr, made));
  log::info("signed", {{"timestamp", made.versions.back().second}, {"files", made.metadata.size()}});
  return true;
}

Result<void> Incoming::reject(const Path& bundle, const Error& why) {
  const auto name = bundle.filename().string();
  auto to = folder_.rejected() / name;
  for (int number = 2;; ++number) {
    UPSWARM_TRY(const auto taken, exists(files_, to));
    if (!taken) break;
    to = folder_.rejected() / (name + "." + std::to_string(number));
  }
  UPSWARM_CHECK(files_.rename(bundle, to));
  auto text = why.message() + "\n";
  if (!why.reason.empty()) text += "reason: " + why.reason + "\n";
  UPSWARM_CHECK(write_file_atomically(files_, to / "reason.txt", text));
  return files_.sync_folder(folder_.rejected());
}

Result<IncomingCount> Incoming::poll() {
  IncomingCount count;
  UPSWARM_TRY(const auto names, files_.list(folder_.incoming()));
  for (const auto& name : names) {
    const auto bundle = folder_.incoming() / name;
    const auto info = files_.info(bundle);
    if (name.ends_with(kUnfinished) || !info || info->type != FileType::folder) continue;
    const auto retry = retry_at_.find(name);
    // Bundles build on those before them: one that must wait holds the rest up.
    if (retry != retry_at_.end() && clock_.now() < retry->second) {
      ++count.waiting;
      break;
    }
    const auto verdict = take_in(bundle, Steering::any);
    const auto done = verdict && verdict->refused ? reject(bundle, *verdict->refused) : Result<void>();
    if (!verdict || !done) {
      const auto& why = verdict ? done.error() : verdict.error();
      log::error("a bundle cannot be taken in now", {{"bundle", name}, {"why", why.message()}});
      retry_at_[name] = clock_.now() + kRetryAfter;
      ++count.waiting;
      break;
    }
    retry_at_.erase(name);
    ++(verdict->refused ? count.refused : count.taken);
  }
  return count;
}

}  // namespace upswarm::seeder
