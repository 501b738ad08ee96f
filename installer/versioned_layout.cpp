#include "installer/versioned_layout.hpp"

#include <algorithm>

#include "installer/guard.hpp"

namespace upswarm::installer {
namespace {

constexpr int kMostAside = 9;  // folders that were in the place of `current`

Result<Bytes> size_of(Files& files, const Path& folder) {
  Bytes sum;
  UPSWARM_TRY(const auto names, files.list(folder));
  for (const auto& name : names) {
    const auto path = folder / Path(std::u8string(name.begin(), name.end()));
    UPSWARM_TRY(const auto info, files.info(path));
    if (info.type == FileType::regular) sum += info.size;
    if (info.type != FileType::folder) continue;
    UPSWARM_TRY(const auto inside, size_of(files, path));
    sum += inside;
  }
  return sum;
}

}  // namespace

Result<void> VersionedLayout::prepare() {
  UPSWARM_CHECK(prepare_private_folder(files_, root_));
  return prepare_private_folder(files_, root_ / "versions");
}

Result<std::optional<std::string>> VersionedLayout::current_version() {
  UPSWARM_TRY(const auto there, exists(files_, current()));
  if (!there) return std::optional<std::string>();
  const Error strange{ErrorKind::corrupt, "read " + current().string(),
                      "it is not a link into versions/ made by Upswarm"};
  UPSWARM_TRY(const auto info, files_.info(current()));
  if (info.type != FileType::symlink) return strange;
  UPSWARM_TRY(const auto target, files_.read_symlink(current()));
  const std::string prefix = "versions/";
  if (!target.starts_with(prefix) || target.find('/', prefix.size()) != std::string::npos) return strange;
  return std::optional(target.substr(prefix.size()));
}

Result<void> VersionedLayout::adopt_staging(const std::string& version) {
  UPSWARM_CHECK(remove(version));  // a damaged or half-removed one of the same name
  UPSWARM_CHECK(files_.rename(staging(), folder_of(version)));
  return files_.sync_folder(root_ / "versions");
}

Result<void> VersionedLayout::set_staging_between() {
  UPSWARM_CHECK(remove_tree(files_, between()));
  return files_.rename(staging(), between());
}

Result<void> VersionedLayout::switch_to(const std::string& version, const std::string& /*leaving*/,
                                        const std::stop_token& /*stop*/) {
  if (version.empty()) {
    UPSWARM_TRY(const auto there, exists(files_, current()));
    if (!there) return {};
    UPSWARM_CHECK(files_.remove_file(current()));
    return files_.sync_folder(root_);
  }
  UPSWARM_TRY(const auto unpacked, exists(files_, folder_of(version)));
  if (!unpacked) return Error{ErrorKind::not_found, "switch to " + folder_of(version).string(), "it is not there"};
  const auto beside = root_ / ".current.new";
  UPSWARM_CHECK(remove_tree(files_, beside));
  UPSWARM_CHECK(files_.make_symlink("versions/" + version, beside));
  UPSWARM_CHECK(files_.rename(beside, current()));
  return files_.sync_folder(root_);
}

Result<std::string> VersionedLayout::what_is_wrong(const std::string& version) {
  const auto named = current_version();
  if (!named && named.error().kind == ErrorKind::corrupt) return named.error().cause;
  if (!named) return named.error();
  if (*named == version) return std::string();
  return *named ? "it names " + **named + " instead of " + version : std::string("it is missing");
}

Result<void> VersionedLayout::mend_current(const std::string& version) {
  UPSWARM_TRY(const auto wrong, what_is_wrong(version));
  if (wrong.empty()) return {};
  const auto info = files_.info(current());
  if (info && info->type == FileType::folder) {
    auto aside = root_ / "current.aside";
    for (int i = 1;; ++i) {
      UPSWARM_TRY(const bool is_taken, exists(files_, aside));
      if (!is_taken) break;
      if (i > kMostAside) {
        return Error{ErrorKind::denied, "mend " + current().string(),
                     "it is a folder, and too many were moved aside already; move " + aside.string() + " away",
                     "in_the_way"};
      }
      aside = root_ / ("current.aside." + std::to_string(i));
    }
    UPSWARM_CHECK(files_.rename(current(), aside));
  }
  return switch_to(version, {});
}

Result<void> VersionedLayout::remove(const std::string& version) {
  UPSWARM_TRY(const auto there, exists(files_, folder_of(version)));
  if (!there) return {};
  const auto doomed = root_ / "versions" / ".removing";
  UPSWARM_CHECK(remove_tree(files_, doomed));
  UPSWARM_CHECK(files_.rename(folder_of(version), doomed));
  UPSWARM_CHECK(files_.sync_folder(root_ / "versions"));
  return remove_tree(files_, doomed);
}

Result<void> VersionedLayout::clean(const std::vector<std::string>& known, bool keep_unfinished) {
  UPSWARM_CHECK(remove_tree(files_, root_ / ".current.new"));
  UPSWARM_TRY(const auto current, current_version());
  UPSWARM_TRY(const auto names, files_.list(root_ / "versions"));
  for (const auto& name : names) {
    const bool wanted = name == current || std::ranges::find(known, name) != known.end();
    const auto path = root_ / "versions" / name;
    if (wanted || name == kAside || (keep_unfinished && (path == staging() || path == between()))) continue;
    if (name.starts_with('.')) UPSWARM_CHECK(remove_tree(files_, path));
    else UPSWARM_CHECK(remove(name));
  }
  return {};
}

Result<Bytes> VersionedLayout::prepare_staging() {
  UPSWARM_TRY(const auto there, exists(files_, staging()));
  if (!there) return Bytes{};
  if (!check_private_folder(files_, staging())) {
    UPSWARM_CHECK(remove_tree(files_, staging()));
    return Bytes{};
  }
  return size_of(files_, staging());
}

Result<void> VersionedLayout::return_to_staging(const std::string& version) {
  UPSWARM_TRY(const auto not_adopted, exists(files_, staging()));
  UPSWARM_TRY(const auto unpacked, exists(files_, folder_of(version)));
  if (not_adopted || !unpacked) return {};
  UPSWARM_CHECK(files_.rename(folder_of(version), staging()));
  return files_.sync_folder(root_ / "versions");
}

Result<void> VersionedLayout::drop_unfinished() {
  UPSWARM_CHECK(remove_tree(files_, staging()));
  return remove_tree(files_, between());
}

}  // namespace upswarm::installer
