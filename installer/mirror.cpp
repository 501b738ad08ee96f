#include "installer/mirror.hpp"

#include "installer/guard.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/log.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::installer {
namespace {

constexpr std::size_t kMostSyncedAlone = 64;  // more folders are synced as one
constexpr std::uint32_t kFolderMode = 0755;

bool is_folder(const std::optional<FileInfo>& info) { return info && info->type == FileType::folder; }
bool is_file(const std::optional<FileInfo>& info) { return info && info->type != FileType::folder; }

/// Two names of one file.
bool are_same(const std::optional<FileInfo>& a, const std::optional<FileInfo>& b) {
  return a && b && a->id != 0 && a->id == b->id && a->type == b->type;
}

Error in_the_way(const Path& place, std::string why) {
  return {ErrorKind::denied, "show a release in " + place.string(), std::move(why), "in_the_way"};
}

Error mounted(const Path& place) {
  return in_the_way(place,
                    "another file system is mounted there, and what releases have there must be on that of ROOT; "
                    "unmount it, or let the product name the other place");
}

}  // namespace

Result<void> Mirror::check(const Folder& tree, const Folder& leaving) { return start(tree, leaving, true); }

Result<void> Mirror::show(const Folder& tree, const Folder& leaving, const std::stop_token& stop) {
  stop_ = stop;
  const auto shown = start(tree, leaving, false);
  stop_ = {};
  UPSWARM_CHECK(shown);
  return sync();
}

Result<std::string> Mirror::difference(const Path& tree) {
  UPSWARM_CHECK(start(tree, tree, true));
  return std::move(difference_);
}

void Mirror::note(const Item& item) {
  if (difference_.empty())
    difference_ = item.place.string() + (item.here ? " is not the release's file" : " is missing");
}

Result<void> Mirror::clean() { return remove_tree(files_, own_ / ".placing"); }

Result<void> Mirror::start(const Folder& tree, const Folder& leaving, bool is_trial) {
  is_trial_ = is_trial;
  touched_.clear();
  difference_.clear();
  UPSWARM_TRY(const auto root, look(root_));
  device_ = root ? root->device : 0;
  for (const auto& one : {tree, leaving}) {
    UPSWARM_TRY(const auto info, look(one));
    if (one && !is_folder(info)) return Error{ErrorKind::not_found, "show " + one->string(), "it is not there"};
    if (is_mounted(info)) return mounted(*one);
  }
  return visit("", tree, leaving);
}

/// `at` is a folder in ROOT that is there; in both trees it is a folder, or nothing.
Result<void> Mirror::visit(const std::string& at, const Folder& tree, const Folder& leaving) {
  const auto here = at.empty() ? root_ : package::place_of(root_, at);
  UPSWARM_TRY(const auto info, look(here));
  if (is_mounted(info)) return mounted(here);
  UPSWARM_CHECK(check_private_alone(files_, here));
  // Also where all is right: who put it right may have been stopped before it was synced.
  if (!is_trial_) touched_.insert(here);
  UPSWARM_TRY(const auto names, names_of(tree, leaving));
  for (const auto& name : names) {
    if (stop_.stop_requested()) return Error{ErrorKind::cancelled, "show a release in " + root_.string(), "stopped"};
    Item item;
    item.path = at.empty() ? name : at + "/" + name;
    item.place = package::place_of(here, name);
    if (tree) item.tree = package::place_of(*tree, name);
    if (leaving) item.leaving = package::place_of(*leaving, name);
    UPSWARM_TRY(item.wanted, look(item.tree));
    UPSWARM_TRY(item.left, look(item.leaving));
    UPSWARM_TRY(item.here, look(item.place));
    UPSWARM_CHECK(settle(std::move(item)));
  }
  return {};
}

Result<void> Mirror::settle(Item item) {
  if (is_folder(item.wanted)) return settle_folder(item);
  if (is_folder(item.left) && is_folder(item.here)) {
    UPSWARM_TRY(const auto inside, names_of({}, item.leaving));
    if (!inside.empty()) UPSWARM_CHECK(visit(item.path, {}, item.leaving));
    UPSWARM_CHECK(remove_folder_if_empty(item));
    UPSWARM_TRY(item.here, look(item.place));
  }
  return item.wanted ? settle_file(item) : vacate(item);
}

Result<void> Mirror::settle_folder(const Item& item) {
  const auto leaving = is_folder(item.left) ? item.leaving : Folder();
  if (item.here && leaving && item.here->type == FileType::symlink) {
    return in_the_way(item.place,
                      "it is a link, and a folder of the release; put the folder in its place, "
                      "or let the product name the other place");
  }
  if (!is_folder(item.here)) {
    if (is_mounted(item.here)) return mounted(item.place);
    note(item);
    if (item.here && is_file(item.left)) {
      touch(item.place);
      if (!is_trial_) UPSWARM_CHECK(files_.remove_file(item.place));
    } else if (item.here) {
      UPSWARM_CHECK(put_aside(item));
    }
    if (is_trial_) return {};
    UPSWARM_TRY(const bool is_back, give_back(item));
    if (!is_back) UPSWARM_CHECK(files_.make_folder(item.place, kFolderMode));
    touch(item.place);
    touched_.insert(item.place);
  }
  // A folder of which releases hold no more than the name may be the product's own: data lies there.
  UPSWARM_TRY(const auto inside, names_of(item.tree, leaving));
  return inside.empty() ? Result<void>() : visit(item.path, item.tree, leaving);
}

Result<void> Mirror::settle_file(const Item& item) {
  if (are_same(item.here, item.wanted)) return {};
  if (is_mounted(item.here)) return mounted(item.place);
  note(item);
  const bool is_known = is_file(item.left) && is_file(item.here);
  if (item.here && !is_known) UPSWARM_CHECK(put_aside(item));
  if (is_trial_) return {};
  if (is_known && !are_same(item.here, item.left)) {
    log::warning("a file that somebody replaced is the release's own again", {{"file", item.place.string()}});
  }
  const auto placing = own_ / ".placing";
  UPSWARM_CHECK(remove_tree(files_, placing));
  UPSWARM_CHECK(files_.hard_link(*item.tree, placing));
  UPSWARM_CHECK(files_.rename(placing, item.place));
  touch(item.place);
  return {};
}

/// The name is not wanted any more.
Result<void> Mirror::vacate(const Item& item) {
  if (item.here) {
    if (!are_same(item.here, item.left)) {
      log::info("left alone: it belongs to no release", {{"file", item.place.string()}});
      return {};
    }
    if (is_mounted(item.here)) return mounted(item.place);
    touch(item.place);
    if (!is_trial_) UPSWARM_CHECK(files_.remove_file(item.place));
  }
  if (is_trial_) return {};
  UPSWARM_CHECK(give_back(item));
  return {};
}

/// Flat, since what is put aside may be a folder, and one in it later.
Path Mirror::aside_of(const Item& item) const { return own_ / "aside" / sha256(item.path).hex(); }

Result<void> Mirror::put_aside(const Item& item) {
  const auto aside = aside_of(item);
  UPSWARM_TRY(const bool is_taken, exists(files_, aside));
  if (is_taken) {
    return in_the_way(item.place, "it belongs to no release, and what was there before is already kept in " +
                                      aside.string() + "; move one of the two away");
  }
  if (is_trial_) return {};
  log::warning("what belongs to no release is put aside", {{"file", item.place.string()}, {"to", aside.string()}});
  UPSWARM_CHECK(make_folders(files_, aside.parent_path()));
  UPSWARM_CHECK(files_.rename(item.place, aside));
  UPSWARM_CHECK(files_.sync_folder(aside.parent_path()));
  return files_.sync_folder(item.place.parent_path());
}

/// Whether something was aside for this name.
Result<bool> Mirror::give_back(const Item& item) {
  const auto aside = aside_of(item);
  UPSWARM_TRY(const auto info, look(aside));
  if (!info || (is_folder(item.wanted) && !is_folder(info))) return false;
  log::info("what was put aside is at its place again", {{"file", item.place.string()}});
  UPSWARM_CHECK(files_.rename(aside, item.place));
  touch(item.place);
  touched_.insert(aside.parent_path());
  return true;
}

/// One that belongs to somebody else was his before. What somebody mounts there, or writes meanwhile, stays.
Result<void> Mirror::remove_folder_if_empty(const Item& item) {
  if (is_trial_ || is_mounted(item.here) || (item.here->owner != 0 && item.here->owner != own_user())) return {};
  UPSWARM_TRY(const auto names, files_.list(item.place));
  if (!names.empty()) return {};
  if (auto removed = files_.remove_folder(item.place); !removed) {
    UPSWARM_TRY(const auto meanwhile, files_.list(item.place));
    return meanwhile.empty() ? std::move(removed) : Result<void>();
  }
  touched_.erase(item.place);
  touch(item.place);
  return {};
}

Result<void> Mirror::sync() {
  if (touched_.size() > kMostSyncedAlone) {
    UPSWARM_TRY(const bool is_possible, files_.can_sync_as_one(root_));
    if (is_possible) return files_.sync_as_one(root_);
  }
  for (const auto& folder : touched_) {
    UPSWARM_TRY(const auto info, look(folder));
    if (info) UPSWARM_CHECK(files_.sync_folder(folder));
  }
  return {};
}

Result<std::optional<FileInfo>> Mirror::look(const Folder& path) const {
  if (!path) return std::optional<FileInfo>();
  const auto info = files_.info(*path);
  if (info) return std::optional(*info);
  if (info.error().kind == ErrorKind::not_found) return std::optional<FileInfo>();
  return info.error();
}

Result<std::set<std::string>> Mirror::names_of(const Folder& tree, const Folder& leaving) const {
  std::set<std::string> names;
  for (const auto& folder : {tree, leaving}) {
    if (!folder) continue;
    UPSWARM_TRY(const auto inside, files_.list(*folder));
    names.insert(inside.begin(), inside.end());
  }
  return names;
}

}  // namespace upswarm::installer
