#include "installer/mending.hpp"

#include <set>

#include "installer/guard.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::installer {
namespace {

using messages::DamageKind;
using package::place_of;

constexpr std::size_t kMostSyncedAlone = 64;
constexpr std::size_t kMostAsides = 1'000;  // repairs that found something, between two updates
constexpr std::uint32_t kFolderMode = 0755;

class Mending {
 public:
  Mending(Files& files, const Path& folder, const package::Tree& tree, const Path& beside)
      : files_(files), folder_(folder), tree_(tree), beside_(beside) {}

  Result<void> mend_top(const Survey& survey) {
    for (const auto& one : survey.found) {
      if (one.path != kTreeItself) continue;
      if (one.kind == DamageKind::mode) UPSWARM_CHECK(files_.set_mode(folder_, kFolderMode));
      else UPSWARM_CHECK(move_away(folder_, "tree"));
    }
    UPSWARM_TRY(const bool is_there, exists(files_, folder_));
    if (!is_there) {
      UPSWARM_CHECK(files_.make_folder(folder_, kFolderMode));
      UPSWARM_CHECK(files_.sync_folder(folder_.parent_path()));
    }
    UPSWARM_CHECK(be_safe_in(folder_));
    UPSWARM_TRY(const bool is_ready, exists(files_, beside_));
    return is_ready ? Result<void>() : files_.make_folder(beside_, kFolderMode);
  }

  Result<void> mend(const Survey::Finding& one) {
    const auto path = place_of(folder_, one.path);
    UPSWARM_CHECK(be_safe_in(path.parent_path()));
    if (one.kind == DamageKind::extra) return move_away(path, one.path);
    const auto& entry = tree_.entries.at(*one.entry);
    if (one.kind == DamageKind::mode) {
      UPSWARM_CHECK(files_.set_mode(path, entry.mode));
      if (entry.type == FileType::regular) return files_.sync_file(path);
      touched_.insert(path);
      return be_safe_in(path);
    }
    return replace(entry, path);
  }

  Result<void> sync() {
    bool as_one = false;
    if (touched_.size() > kMostSyncedAlone) {
      UPSWARM_TRY(as_one, files_.can_sync_as_one(folder_));
    }
    if (as_one) return files_.sync_as_one(folder_);
    for (const auto& path : touched_) UPSWARM_CHECK(files_.sync_folder(path));
    return {};
  }

 private:
  /// Where others may write, a name means at any moment what they want. Folders come before what is in them, so that
  /// what was open to others is closed by now.
  Result<void> be_safe_in(const Path& folder) {
    if (safe_.contains(folder)) return {};
    if (folder != folder_) UPSWARM_CHECK(be_safe_in(folder.parent_path()));
    UPSWARM_CHECK(check_private_alone(files_, folder));
    safe_.insert(folder);
    return {};
  }

  /// Nothing that somebody put here is lost.
  Result<void> move_away(const Path& path, const std::string& name) {
    if (aside_.empty()) {
      UPSWARM_TRY(aside_, free_aside());
    }
    const auto to = place_of(aside_, name);
    UPSWARM_CHECK(make_folders(files_, to.parent_path()));
    UPSWARM_CHECK(files_.rename(path, to));
    if (path != folder_) touched_.insert(path.parent_path());
    touched_.insert(to.parent_path());
    return {};
  }

  Result<Path> free_aside() {
    for (std::size_t i = 1; i <= kMostAsides; ++i) {
      const auto folder = beside_.parent_path() / kAside / std::to_string(i);
      UPSWARM_TRY(const bool is_taken, exists(files_, folder));
      if (!is_taken) return folder;
    }
    return Error{ErrorKind::denied, "move aside what is in the way in " + folder_.string(),
                 "too much is in " + (beside_.parent_path() / kAside).string() + " already; move it away",
                 "in_the_way"};
  }

  Result<void> replace(const package::TreeEntry& entry, const Path& path) {
    const auto info = files_.info(path);
    if (!info && info.error().kind != ErrorKind::not_found) return info.error();
    // What a rename cannot take the place of, and what other files of somebody's may be in.
    const bool is_in_the_way = info && (entry.type == FileType::folder || info->type == FileType::folder);
    if (is_in_the_way) UPSWARM_CHECK(move_away(path, std::string(entry.path)));
    touched_.insert(path.parent_path());
    if (entry.type == FileType::folder) {
      touched_.insert(path);
      return files_.make_folder(path, entry.mode);
    }
    if (entry.type == FileType::regular) return files_.rename(place_of(beside_, entry.path), path);
    // Not in `beside`, where any name may be one of the tree's.
    const auto made = beside_.parent_path() / ".link";
    UPSWARM_CHECK(remove_tree(files_, made));
    UPSWARM_CHECK(files_.make_symlink(std::string(entry.link_target), made));
    return files_.rename(made, path);
  }

  Files& files_;
  const Path& folder_;
  const package::Tree& tree_;
  const Path& beside_;
  Path aside_;
  std::set<Path> touched_;  // folders
  std::set<Path> safe_;     // folders
};

}  // namespace

std::vector<bool> to_unpack(const Survey& survey, const package::Tree& tree) {
  if (!survey.needs_package) return {};
  std::vector<bool> wanted(tree.entries.size());
  for (const auto& one : survey.found) {
    if (!one.entry || one.kind == DamageKind::mode) continue;
    const auto& entry = tree.entries[*one.entry];
    if (entry.type != FileType::regular) continue;
    wanted[*one.entry] = true;
    const std::string_view path = entry.path;
    for (auto end = path.rfind('/'); end != std::string_view::npos; end = path.substr(0, end).rfind('/'))
      wanted[static_cast<std::size_t>(tree.find(path.substr(0, end)) - tree.entries.data())] = true;
  }
  return wanted;
}

Result<void> mend_tree(Files& files, const Path& folder, const package::Tree& tree, const Survey& survey,
                       const Path& beside, bool is_asked) {
  Mending mending(files, folder, tree, beside);
  UPSWARM_CHECK(mending.mend_top(survey));
  std::optional<Error> first;
  std::size_t failures = 0;
  for (const auto& one : survey.found) {
    if (one.path == kTreeItself || one.is_mounted || (one.kind == DamageKind::extra && !is_asked)) continue;
    auto mended = mending.mend(one);
    if (mended) continue;
    ++failures;
    if (!first) first = std::move(mended).error();
  }
  UPSWARM_CHECK(mending.sync());
  if (!first) return {};
  if (failures > 1) first->cause += "; and " + std::to_string(failures - 1) + " more could not be mended";
  return *first;
}

}  // namespace upswarm::installer
