#include "seeder/publish/everything.hpp"

namespace upswarm::publish {
namespace {

constexpr std::size_t kMostFiles = 20'000;  // as the seeder takes (seeder/offered_bundle.hpp)
constexpr std::size_t kRoomForMetadata = 2'000;

class Everything {
 public:
  Everything(Files& files, const Repository& repository) : files_(files), repository_(repository) {}

  Result<Change> collect() {
    change_.bundle.name = "everything";
    for (const auto& [role, product] : repository_.roles()) {
      for (const auto& [path, target] : product->release.targets) UPSWARM_CHECK(add(path, target));
    }
    const auto& bundle = change_.bundle;
    if (bundle.packages.size() + bundle.small_targets.size() + kRoomForMetadata > kMostFiles) {
      return Error{ErrorKind::invalid, "make a bundle of everything",
                   "these are more than " + std::to_string(kMostFiles) +
                       " files; copy the seeder's repository/targets from a backup first, and hand over one change"};
    }
    // One of the current files is enough for commit() to add all others.
    const auto name = std::to_string(repository_.targets().version) + ".targets.json";
    UPSWARM_TRY(auto bytes, read_file(files_, repository_.folder().metadata() / name, trust::kLongestTargets));
    change_.bundle.metadata.emplace_back(name, std::move(bytes));
    UPSWARM_CHECK(add_waiting_wishes());
    return std::move(change_);
  }

 private:
  Result<void> add(const std::string& path, const trust::TargetFile& target) {
    const auto name = consistent_name(path, target.sha256);
    const auto kept = kept_in(path);
    if (!kept) {
      UPSWARM_TRY(change_.bundle.small_targets[name],
                  read_file(files_, repository_.folder().targets() / name, trust::kLongestIndex));
      return {};
    }
    const auto file = repository_.folder().releases() / *kept / Path(path).filename();
    UPSWARM_TRY(const auto there, exists(files_, file));
    if (!there) {
      return Error{
          ErrorKind::not_found, "make a bundle of everything",
          file.string() + " is gone: put it back from a backup, or from the seeder's repository/targets/" + name};
    }
    change_.bundle.packages.emplace(name, file);
    return {};
  }

  Result<void> add_waiting_wishes() {
    UPSWARM_TRY(const auto names, repository_.outgoing());
    for (const auto& name : names) {
      const auto path = repository_.folder().outgoing() / name / "bundle.json";
      UPSWARM_TRY(const auto text, read_file(files_, path, seeder::kLongestBundleFile));
      UPSWARM_TRY(auto bundle, seeder::parse_bundle(text, path.string()));
      for (auto& wish : bundle.rollouts) change_.bundle.rollouts.push_back(std::move(wish));
    }
    return {};
  }

  Files& files_;
  const Repository& repository_;
  Change change_;
};

}  // namespace

Result<std::string> hand_over_everything(Files& files, Repository& repository, Destination& destination,
                                         const package::ProgressSink& progress, std::stop_token stop) {
  UPSWARM_TRY(const auto waiting, repository.outgoing());
  UPSWARM_TRY(const auto change, Everything(files, repository).collect());
  UPSWARM_TRY(auto name, repository.commit(change));
  UPSWARM_CHECK(destination.give(repository.folder().outgoing() / name, name, progress, std::move(stop)));
  for (const auto& one : waiting) UPSWARM_CHECK(repository.mark_handed_over(one));
  UPSWARM_CHECK(repository.mark_handed_over(name));
  return name;
}

}  // namespace upswarm::publish
