#include "installer/mending.hpp"

#include <set>

#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::installer {
namespace {

using messages::DamageKind;
using package::place_of;

constexpr std::size_t kMostSyncedAlone = 64;
constexpr std::uint32_t kFolderMode = 0755;

class Mending {
 public:
  Mending(Files& files, const Path& folder, const package::Tree& tree, const Path& beside)
      : files_(files), folder_(folder), tree_(tree), beside_(beside) {}

  Result<void> mend(const Survey::Finding& one) {
    const auto path = place_of(folder_, one.path);
    if (one.kind == DamageKind::extra) {
      touched_.insert(path.parent_path());
      return remove_tree(files_, path);
    }
    const auto& entry = tree_.entries.at(*one.entry);
    if (one.kind == DamageKind::mode) {
      UPSWARM_CHECK(files_.set_mode(path, entry.mode));
      if (entry.type == FileType::regular) return files_.sync_file(path);
      touched_.insert(path);
      return {};
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
  Result<void> replace(const package::TreeEntry& entry, const Path& path) {
    const auto info = files_.info(path);
    if (!info && info.error().kind != ErrorKind::not_found) return info.error();
    // What a rename cannot take the place of.
    const bool is_in_the_way = info && (entry.type == FileType::folder || info->type == FileType::folder);
    if (is_in_the_way) UPSWARM_CHECK(remove_tree(files_, path));
    touched_.insert(path.parent_path());
    if (entry.type == FileType::folder) {
      touched_.insert(path);
      return files_.make_folder(path, entry.mode);
    }
    if (entry.type == FileType::regular) return files_.rename(place_of(beside_, entry.path), path);
    const auto made = beside_ / ".link";
    UPSWARM_CHECK(remove_tree(files_, made));
    UPSWARM_CHECK(files_.make_symlink(std::string(entry.link_target), made));
    return files_.rename(made, path);
  }

  Files& files_;
  const Path& folder_;
  const package::Tree& tree_;
  const Path& beside_;
  std::set<Path> touched_;  // folders
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
                       const Path& beside) {
  UPSWARM_TRY(const bool is_there, exists(files, folder));
  if (!is_there) {
    UPSWARM_CHECK(files.make_folder(folder, kFolderMode));
    UPSWARM_CHECK(files.sync_folder(folder.parent_path()));
  }
  UPSWARM_TRY(const bool is_ready, exists(files, beside));
  if (!is_ready) UPSWARM_CHECK(files.make_folder(beside, kFolderMode));
  Mending mending(files, folder, tree, beside);
  for (const auto& one : survey.found) UPSWARM_CHECK(mending.mend(one));
  return mending.sync();
}

}  // namespace upswarm::installer
