#include "agent/repository_view.hpp"

#include <algorithm>

#include "agent/target_cache.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {
namespace {

constexpr const char* kEtag = "timestamp_etag";
constexpr const char* kFullRefreshAt = "full_refresh_at";
constexpr std::string_view kRootSuffix = ".root.json";

std::string root_name(trust::RoleVersion version) { return std::to_string(version) + std::string(kRootSuffix); }

/// A file that is not there, though it was promised, was looked for by a seeder that answers.
bool is_about_the_way(const Error& error) {
  return (error.kind == ErrorKind::unreachable && error.reason != "missing") || error.reason == "certificate";
}

/// Neither about what is served nor about the way to it: no other product would fare better.
bool is_of_this_machine(const Error& error) {
  using enum ErrorKind;
  return error.kind != untrusted && error.kind != corrupt && error.kind != not_found && error.kind != unreachable;
}

/// It is wrong as it was signed or served, not just away.
bool is_final(const Error& error) {
  return !is_about_the_way(error) && (error.kind == ErrorKind::untrusted || error.kind == ErrorKind::corrupt);
}

Result<trust::RoleVersion> version_of_root(std::string_view bytes) {
  UPSWARM_TRY(const auto envelope, trust::parse_envelope(bytes, "root", trust::kLongestRoot));
  UPSWARM_TRY(const auto root, trust::parse_root(envelope));
  return root.version;
}

}  // namespace

std::string earlier_form(const trust::TrustStore& store, const std::string& name) {
  constexpr std::string_view kEnd = ".json";
  const auto dot = name.find('.');
  if (dot == std::string::npos || !name.ends_with(kEnd) || name.size() < dot + 1 + kEnd.size()) return "";
  return store.load(name.substr(dot + 1, name.size() - dot - 1 - kEnd.size())).value_or("");
}

RepositoryFolders::RepositoryFolders(Files& files, Path roots, Path targets, trust::TrustStore store)
    : files_(&files),
      roots_(std::move(roots)),
      targets_(std::move(targets)),
      store_(std::make_unique<trust::TrustStore>(std::move(store))) {}

Result<RepositoryFolders> RepositoryFolders::open(Files& files, const Path& state_folder, const Path& root_file) {
  for (const char* name : {"roots", "targets"}) UPSWARM_CHECK(make_folders(files, state_folder / name, 0750));
  UPSWARM_TRY(auto store, trust::TrustStore::open(files, state_folder / "trust"));
  RepositoryFolders folders(files, state_folder / "roots", state_folder / "targets", std::move(store));
  const auto placed = folders.store().load("root");
  if (placed) return folders;
  if (placed.error().kind != ErrorKind::not_found) return placed.error();
  if (root_file.empty()) {
    return Error{ErrorKind::not_found, "find a root of trust", "the store is empty and root_file is not set",
                 "no_root"};
  }
  auto first = read_file(files, root_file, trust::kLongestRoot);
  if (!first) {
    auto error = std::move(first).error().within("find a root of trust (root_file in agent.toml)");
    error.reason = "no_root";
    return error;
  }
  UPSWARM_CHECK(folders.store().place_first_root(*first, trust::ed25519_verifier()));
  UPSWARM_TRY(const auto version, version_of_root(*first));
  UPSWARM_CHECK(folders.keep_root(version, *first));
  log::info("first root of trust placed", {{"file", root_file.string()}, {"version", version}});
  return folders;
}

Result<std::string> RepositoryFolders::load_root(trust::RoleVersion version) const {
  return read_file(*files_, roots_ / root_name(version), trust::kLongestRoot);
}

Result<void> RepositoryFolders::keep_root(trust::RoleVersion version, std::string_view bytes) const {
  return write_file_atomically(*files_, roots_ / root_name(version), bytes);
}

/// Between the TUF client and the seeder: small targets from the cache, and each root that comes by remembered.
class RepositoryView::RootKeeper final : public trust::RepositorySource {
 public:
  RootKeeper(trust::RepositorySource& source, const RepositoryFolders& folders)
      : cache_(source, folders.files(), folders.targets()) {}

  Result<std::string> metadata(const std::string& name, Bytes longest) override {
    auto bytes = cache_.metadata(name, longest);
    if (bytes && name.ends_with(kRootSuffix)) roots_[name] = *bytes;
    return bytes;
  }
  Result<std::string> target(const std::string& name, Bytes longest) override { return cache_.target(name, longest); }

  /// Keeps the roots that came by and were accepted: those up to the version that is trusted now.
  Result<void> keep_accepted(const RepositoryFolders& folders, trust::RoleVersion trusted) {
    for (const auto& [name, bytes] : roots_) {
      const auto version = version_of_root(bytes);
      if (!version || *version > trusted || name != root_name(*version)) continue;
      UPSWARM_CHECK(folders.keep_root(*version, bytes));
    }
    roots_.clear();
    return {};
  }

  TargetCache& cache() { return cache_; }

 private:
  TargetCache cache_;
  std::map<std::string, std::string> roots_;
};

RepositoryView::RepositoryView(RepositoryFolders& folders, StateStore& state, HttpClient& http, const Clock& clock,
                               const std::string& seeder_url)
    : folders_(folders),
      state_(state),
      clock_(clock),
      http_(http, seeder_url, {}, [&folders](const std::string& name) { return earlier_form(folders.store(), name); }),
      source_(std::make_unique<RootKeeper>(http_, folders)),
      client_(folders.store(), *source_, trust::ed25519_verifier(), clock) {}

RepositoryView::~RepositoryView() = default;

Result<bool> RepositoryView::refresh(bool full, std::stop_token stop) {
  http_.stop_by(std::move(stop));
  is_new_ = false;
  UPSWARM_TRY(const auto etag, state_.setting(kEtag));
  UPSWARM_TRY(const auto last_full, state_.setting(kFullRefreshAt));
  const auto refreshed_at = parse_time(last_full);
  const auto now = clock_.now();
  // A clock that was set back must not put the daily refresh off.
  const bool is_recent = refreshed_at && *refreshed_at <= now && now - *refreshed_at < kFullRefreshEvery;
  UPSWARM_TRY(const auto poll, http_.poll(full || !is_recent ? "" : etag));
  new_etag_ = poll.etag;
  if (poll.unchanged && use_what_is_here()) return false;
  UPSWARM_CHECK(refresh_fully());
  is_new_ = true;
  return true;
}

bool RepositoryView::use_what_is_here() {
  const auto loaded = client_.load();
  return loaded && client_.expires_first().time > clock_.now();
}

Result<void> RepositoryView::refresh_fully() {
  const auto refreshed = client_.refresh();
  // Also after an error: what was accepted before it is in the store, and the installer will need it.
  if (const auto root = folders_.store().load("root")) {
    UPSWARM_TRY(const auto version, version_of_root(*root));
    UPSWARM_CHECK(source_->keep_accepted(folders_, version));
  }
  return refreshed;
}

std::optional<Error> Offer::passing() const {
  const auto found = std::ranges::find_if(failed, [](const auto& one) { return !is_final(one.second); });
  return found == failed.end() ? missed : std::optional(found->second);
}

Result<Offer> RepositoryView::offer(const messages::Hello& hello) {
  Offer offer;
  for (const auto& product : hello.products) {
    Offer own;
    const auto added = add_product(product, own);
    if (added) {
      offer.files.merge(own.files);
      if (own.missed) offer.missed = std::move(own.missed);
      continue;
    }
    if (is_of_this_machine(added.error())) return added.error();
    offer.failed.insert_or_assign(product.product, added.error());
  }
  const auto is_away = [](const auto& one) { return is_about_the_way(one.second); };
  if (!offer.failed.empty() && offer.failed.size() == hello.products.size() &&
      std::ranges::all_of(offer.failed, is_away))
    return offer.failed.begin()->second;
  // After the targets: finding them may have fetched delegated roles.
  for (auto& [name, bytes] : client_.files()) offer.files["metadata/" + name] = std::move(bytes);
  UPSWARM_CHECK(add_roots(hello.root_version, offer));
  return offer;
}

Result<void> RepositoryView::add_product(const messages::ProductState& product, Offer& offer) {
  const auto index = trust::index_path(product.product, product.channel, product.platform);
  const bool has_nightlies = product.prerelease && add_nightlies(product, offer);
  const auto added = add_target(index, trust::kLongestIndex, offer);
  if (!added && added.error().kind == ErrorKind::not_found && has_nightlies) {
    log::debug("there are nightly builds alone", {{"product", product.product}});
  } else if (!added && added.error().kind == ErrorKind::not_found) {
    log::warning("the seeder does not publish this product", {{"product", product.product}, {"index", index}});
    return {};
  } else {
    UPSWARM_CHECK(added);
  }
  return add_filter(product, offer);
}

/// What is wrong with nightly builds must not keep the releases from the machine.
bool RepositoryView::add_nightlies(const messages::ProductState& product, Offer& offer) {
  const auto index = trust::preindex_path(product.product, product.channel, product.platform);
  const auto added = add_target(index, trust::kLongestIndex, offer);
  if (!added) log::info("no nightly builds", {{"product", product.product}, {"why", added.error().message()}});
  return added.has_value();
}

/// The installer, too, takes whatever is wrong with a filter for none.
Result<void> RepositoryView::add_filter(const messages::ProductState& product, Offer& offer) {
  const auto added = add_target(trust::rollout_path(product.product, product.channel, product.platform),
                                trust::kLongestRollout, offer);
  if (added) return {};
  const auto& why = added.error();
  if (is_of_this_machine(why)) return why;
  if (is_about_the_way(why)) offer.missed = why;
  log::info("no rollout filter", {{"product", product.product}, {"why", why.message()}});
  return {};
}

Result<void> RepositoryView::add_roots(trust::RoleVersion above, Offer& offer) {
  // An installer without a root refuses by itself; it needs no long chain for that.
  const auto first = above > 0 ? above + 1 : client_.root_version();
  const auto last = std::min(client_.root_version(), first + trust::kMostRootRotations - 1);
  for (auto version = first; version <= last; ++version) {
    auto bytes = folders_.load_root(version);
    // Fetched anew it is not kept: nobody has verified it here.
    if (!bytes) bytes = http_.metadata(root_name(version), trust::kLongestRoot);
    UPSWARM_TRY(offer.files["metadata/" + root_name(version)], std::move(bytes));
  }
  return {};
}

Result<void> RepositoryView::add_target(const std::string& path, Bytes longest, Offer& offer) {
  UPSWARM_TRY(const auto target, client_.find(path));
  UPSWARM_TRY(offer.files["targets/" + target.consistent_name()], client_.fetch(path, longest));
  return {};
}

std::vector<trust::Entry> RepositoryView::releases(const messages::ProductState& product) {
  std::vector<trust::Entry> all;
  const auto add = [&](const std::string& path) {
    const auto bytes = client_.fetch(path, trust::kLongestIndex);
    auto index = bytes ? trust::parse_index(*bytes, path) : Result<trust::Index>(bytes.error());
    if (index) std::ranges::move(index->entries, std::back_inserter(all));
    else log::info("no releases to plan by", {{"index", path}, {"why", index.error().message()}});
  };
  add(trust::index_path(product.product, product.channel, product.platform));
  if (product.prerelease) add(trust::preindex_path(product.product, product.channel, product.platform));
  return all;
}

Result<std::string> RepositoryView::torrent(const trust::PackageFile& file) {
  return client_.fetch(file.path + ".torrent", trust::kLongestTorrent);
}

trust::TrustClient::Expiry RepositoryView::expires_first() const { return client_.expires_first(); }

Result<void> RepositoryView::settle() {
  if (!is_new_) return {};
  source_->cache().drop_unused();
  UPSWARM_CHECK(state_.set(kEtag, new_etag_));
  return state_.set(kFullRefreshAt, to_string(clock_.now()));
}

}  // namespace upswarm::agent
