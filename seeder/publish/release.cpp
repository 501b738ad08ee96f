#include "seeder/publish/release.hpp"

#include <algorithm>

#include "protocol/base/config.hpp"
#include "protocol/base/hex.hpp"
#include "protocol/base/log.hpp"
#include "seeder/publish/layout_check.hpp"

namespace upswarm::publish {
namespace {

constexpr std::size_t kSaltLength = 16;
constexpr std::size_t kLongestBundleName = 150;
constexpr Bytes kRoomForSignatures = 64_KiB;

std::string what_of(const ReleaseRequest& request) {
  return "release " + request.name.product + " " + request.name.version;
}

/// Machines would only find out after they stopped the release before it.
Result<void> check_program(Files& files, const std::optional<trust::Command>& command, const char* which,
                           const ReleaseRequest& request) {
  if (!command || command->argv.empty() || Path(command->argv.front()).is_absolute()) return {};
  const auto& program = command->argv.front();
  const auto wrong = [&](const std::string& why) {
    return Error{ErrorKind::invalid, request.recipe.string() + ": " + which, program + why};
  };
  const auto file = files.info(request.folder / program);
  if (!file && file.error().kind == ErrorKind::not_found) return wrong(" is not in " + request.folder.string());
  if (!file) return file.error();
  if (file->type == FileType::folder) return wrong(" is a folder");
  const bool has_modes = !request.name.platform.starts_with("windows");
  if (has_modes && file->type == FileType::regular && (file->mode & 0111U) == 0)
    return wrong(" is not executable: chmod +x");
  return {};
}

/// The packages of the same version from another channel, when there is one.
/// Of the same stage alone: what a nightly build signed expires long before a release does.
const trust::Entry* same_version(const Product& product, const ReleaseRequest& request) {
  for (const auto& [path, index] : product.indexes) {
    if (index.platform != request.name.platform) continue;
    for (const auto& entry : index.entries) {
      if (entry.version == request.name.version) return &entry;
    }
  }
  return nullptr;
}

Result<void> check_version(const Product& product, const ReleaseRequest& request) {
  const auto index = product.index_of(request.channel, request.name.platform);
  const auto same = [&](const trust::Entry& entry) { return entry.version == request.name.version; };
  if (std::ranges::none_of(index.entries, same)) return {};
  return Error{ErrorKind::invalid, what_of(request),
               "this version is already released to " + request.channel + " for " + request.name.platform,
               "version_exists"};
}

/// Machines left it, or are about to: of a withdrawn release without a way back they wait on it for the next one.
bool is_left(const trust::Index& index, const trust::Entry& entry) {
  const auto* const withdrawal = index.withdrawal_of(entry.counter);
  return withdrawal != nullptr && withdrawal->go_back_to;
}

/// Releases that machines on this channel most likely run come first, the newest of them before others and those that
/// machines left at the end; then those of other channels in the same order.
std::vector<DeltaBase> choose_bases(const Repository& repository, const Product& product, const ReleaseRequest& request,
                                    std::size_t most) {
  struct Candidate {
    bool same_channel;
    bool is_left;
    bool is_nightly;
    const trust::Entry* entry;
  };
  std::vector<Candidate> candidates;
  const auto collect = [&](const Product& from) {
    for (const auto& [path, index] : from.indexes) {
      if (index.platform != request.name.platform) continue;
      for (const auto& entry : index.entries) {
        candidates.push_back(
            {index.channel == request.channel, is_left(index, entry), from.stage == Stage::prerelease, &entry});
      }
    }
  };
  collect(product);
  // A nightly build follows on releases, too.
  if (request.name.is_nightly) collect(repository.products().at(product.name));
  std::ranges::sort(candidates, [](const Candidate& a, const Candidate& b) {
    if (a.same_channel != b.same_channel) return a.same_channel;
    if (a.is_left != b.is_left) return b.is_left;
    return a.entry->counter > b.entry->counter;
  });
  std::vector<DeltaBase> bases;
  for (const auto& candidate : candidates) {
    if (bases.size() == most) break;
    const auto& entry = *candidate.entry;
    const auto known = [&](const DeltaBase& base) { return base.content == entry.content; };
    if (std::ranges::any_of(bases, known)) continue;
    const ReleaseName name{request.name.product, entry.version, request.name.platform, candidate.is_nightly};
    bases.push_back({entry.version, entry.content, entry.index_digest,
                     repository.folder().releases() / name.kept_in() / name.full_file()});
  }
  return bases;
}

/// The oldest entry but the newest that nobody is to go back to; the oldest of all where there is none.
std::vector<trust::Entry>::iterator dispensable(trust::Index& index) {
  const auto newest = index.entries.end() - 1;
  const auto found = std::find_if(index.entries.begin(), newest, [&index](const trust::Entry& entry) {
    return std::ranges::none_of(index.withdrawn, [&](const auto& one) { return one.go_back_to == entry.counter; });
  });
  return found == newest ? index.entries.begin() : found;
}

/// With what is said of it: a withdrawal speaks of entries alone.
void drop_oldest(trust::Index& index) {
  const auto dropped = dispensable(index);
  const auto gone = dropped->counter;
  const auto version = dropped->version;
  index.entries.erase(dropped);
  std::erase_if(index.withdrawn, [&](const auto& one) { return one.counter == gone; });
  for (auto& one : index.withdrawn) {
    if (one.go_back_to != gone) continue;
    one.go_back_to.reset();
    log::warning("the index has no room for the release that machines go back to: they stay",
                 {{"product", index.product},
                  {"channel", index.channel},
                  {"platform", index.platform},
                  {"withdrawn", one.counter.text()},
                  {"dropped", version}});
  }
}

/// Drops the oldest entries until the index has the form that clients take: the newest are the ones that count.
Result<std::string> write_index(trust::Index& index) {
  while (index.entries.size() > trust::kMostEntries) drop_oldest(index);
  for (;;) {
    auto text = to_json(index).dump();
    if (Bytes{text.size()} <= trust::kLongestIndex) return text;
    if (index.entries.size() <= 1)
      return Error{ErrorKind::invalid, "write the index of " + index.product, "the entry is too long"};
    drop_oldest(index);
  }
}

std::string bundle_name(const ReleaseRequest& request, const trust::ReleaseCounter& counter) {
  auto name = request.name.product + "-" + safe_part(request.name.version) + "-" + request.channel + "-" +
              request.name.platform + "-" + counter.text();
  if (name.size() > kLongestBundleName) name = request.name.product + "-" + counter.text();
  return name;
}

/// The entry with everything that the recipe says, and nothing else.
Result<trust::Entry> read_release_recipe(Files& files, const ReleaseRequest& request) {
  UPSWARM_TRY(const auto config, read_config(request.recipe));
  trust::Entry entry;
  auto in = config.reader();
  UPSWARM_CHECK(trust::read_recipe(in, entry));
  UPSWARM_CHECK(in.finish());
  entry.requirements = trust::requirements_of(entry);
  if (entry.health.kind == trust::HealthCheck::Kind::command)
    UPSWARM_CHECK(check_program(files, entry.health.command, "health.command", request));
  UPSWARM_CHECK(check_program(files, entry.hooks.before, "hooks.before", request));
  UPSWARM_CHECK(check_program(files, entry.hooks.after, "hooks.after", request));
  UPSWARM_CHECK(check_program(files, entry.hooks.rollback, "hooks.rollback", request));
  return entry;
}

class ReleaseMaker {
 public:
  ReleaseMaker(Files& files, Repository& repository, const ReleaseRequest& request, const Product& product)
      : files_(files), repository_(repository), request_(request), product_(product) {}

  Result<void> check(KeyRing& keys) {
    UPSWARM_TRY(report_.entry, read_release_recipe(files_, request_));
    UPSWARM_CHECK(check_layout(files_, product_, request_, report_.entry));
    return keys.unlock(product_.role(), product_.keys);
  }

  Result<void> pack(const package::ProgressSink& progress, const std::stop_token& stop) {
    if (const auto* same = same_version(product_, request_)) return reuse(*same);
    const auto work = repository_.folder().work();
    packed_in_ = work / "packages";
    UPSWARM_TRY(auto made, make_packages(files_, request_.name, request_.folder, packed_in_,
                                         choose_bases(repository_, product_, request_, most_deltas()), work / "base",
                                         progress, stop));
    auto& entry = report_.entry;
    entry.full = std::move(made.full);
    entry.index_length = made.index_length;
    entry.index_digest = made.index_digest;
    entry.content = made.content;
    entry.deltas = std::move(made.deltas);
    report_.notes = std::move(made.notes);
    targets_ = std::move(made.targets);
    return {};
  }

  Result<ReleaseReport> sign(const Clock& clock, KeyRing& keys) {
    auto& entry = report_.entry;
    entry.version = request_.name.version;
    entry.counter = repository_.next_counter(product_.name, product_.stage);
    entry.salt = to_hex(random_bytes(kSaltLength));
    // What max_hold_days is counted from: without it a stolen rollout key could hold the release for ever.
    if (entry.urgent && !entry.not_before) entry.not_before = clock.now();
    auto index = product_.index_of(request_.channel, request_.name.platform);
    index.entries.push_back(entry);
    UPSWARM_TRY(auto change, change_index(repository_, product_, index, targets_, clock));
    change.name = bundle_name(request_, entry.counter);
    if (request_.permille) change.rollouts.push_back(wish());
    UPSWARM_TRY(report_.signed_as, sign_and_commit(files_, repository_, std::move(change), packed_in_, keys));
    return std::move(report_);
  }

 private:
  std::size_t most_deltas() const {
    const auto& settings = repository_.settings();
    const auto usual = report_.entry.urgent ? settings.hotfix_deltas : settings.deltas;
    return static_cast<std::size_t>(request_.deltas ? *request_.deltas : usual);
  }

  Result<void> reuse(const trust::Entry& same) {
    UPSWARM_TRY(const auto tree, package::scan_tree(files_, request_.folder));
    if (package::content_digest(tree) != same.content) {
      return Error{ErrorKind::invalid, what_of(request_),
                   "this version is already released to another channel, with other content", "version_exists"};
    }
    auto& entry = report_.entry;
    entry.full = same.full;
    entry.index_length = same.index_length;
    entry.index_digest = same.index_digest;
    entry.content = same.content;
    entry.deltas = same.deltas;
    report_.packages_reused = true;
    return {};
  }

  seeder::RolloutWish wish() const {
    return {.product = product_.name,
            .channel = request_.channel,
            .platform = request_.name.platform,
            .item = {.counter = report_.entry.counter,
                     .entry = report_.entry.digest(),
                     .permille = *request_.permille,
                     .paused = false,
                     .reason = {}}};
  }

  Files& files_;
  Repository& repository_;
  const ReleaseRequest& request_;
  const Product& product_;
  Path packed_in_;
  std::map<std::string, trust::TargetFile> targets_;
  ReleaseReport report_;
};

Result<void> check_request(Files& files, const ReleaseRequest& request) {
  UPSWARM_CHECK(check_release_name(request.name));
  UPSWARM_CHECK(trust::parse_name(request.channel));
  if (request.permille && (*request.permille < 0 || *request.permille > 1000)) {
    return Error{ErrorKind::invalid, what_of(request), "a rollout is from 0 to 1000 permille"};
  }
  if (request.deltas && (*request.deltas < 0 || *request.deltas > static_cast<int>(trust::kMostDeltas))) {
    return Error{ErrorKind::invalid, what_of(request),
                 "there can be 0 to " + std::to_string(trust::kMostDeltas) + " deltas"};
  }
  auto info = files.info(request.folder);
  if (!info) return std::move(info).error().within(what_of(request));
  if (info->type == FileType::folder) return {};
  return Error{ErrorKind::invalid, what_of(request), request.folder.string() + " is not a folder"};
}

}  // namespace

Result<ChangeFile> change_index(const Repository& repository, const Product& product, const trust::Index& index,
                                const std::map<std::string, trust::TargetFile>& added, const Clock& clock) {
  auto fitting = index;
  UPSWARM_TRY(auto text, write_index(fitting));
  // Clients refuse what this parser refuses: better now than on every machine.
  UPSWARM_CHECK(trust::parse_index(text, "the new index"));
  const auto path = product.path_of(index.channel, index.platform);
  auto release = product.release;
  ++release.version;
  release.expires =
      clock.now() + std::chrono::days(product.stage == Stage::release ? repository.settings().release_days
                                                                      : repository.settings().prerelease_days);
  for (const auto& [name, target] : added) release.targets[name] = target;
  release.targets[path] = {Bytes{text.size()}, sha256(text)};
  ChangeFile change;
  auto& document = change.add(product.role());
  document.content = to_json(release);
  if (Bytes{write_signed(document).size()} + kRoomForSignatures > trust::kLongestTargets) {
    return Error{ErrorKind::invalid, "sign as " + product.role(), "the product has too many releases for one role"};
  }
  change.targets.emplace(consistent_name(path, sha256(text)), std::move(text));
  return change;
}

Result<ReleaseReport> make_release(Files& files, Repository& repository, const ReleaseRequest& request,
                                   const Clock& clock, KeyRing& keys, const package::ProgressSink& progress,
                                   std::stop_token stop) {
  UPSWARM_CHECK(check_request(files, request));
  UPSWARM_TRY(const auto* product,
              repository.product(request.name.product, request.name.is_nightly ? Stage::prerelease : Stage::release));
  UPSWARM_CHECK(check_version(*product, request));
  ReleaseMaker maker(files, repository, request, *product);
  UPSWARM_CHECK(maker.check(keys));
  auto made = [&]() -> Result<ReleaseReport> {
    UPSWARM_CHECK(maker.pack(progress, stop));
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, what_of(request), "asked to stop"};
    return maker.sign(clock, keys);
  }();
  ignore_failure(remove_tree(files, repository.folder().work()), "the next open removes it");
  return made;
}

}  // namespace upswarm::publish
