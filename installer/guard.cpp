#include "installer/guard.hpp"

namespace upswarm::installer {
namespace {

constexpr std::uint32_t kWritableByOthers = 0022;
constexpr std::uint32_t kSticky = 01000;

Result<void> check_one(Files& files, const Path& folder, bool is_above) {
  UPSWARM_TRY(const auto info, files.info(folder));
  const auto refuse = [&](const std::string& why) {
    return Error{ErrorKind::denied, "use the folder " + folder.string(), why, "unsafe_folder"};
  };
  if (info.type == FileType::symlink) return refuse("it is a link; name the real folder");
  if (info.type != FileType::folder) return refuse("it is not a folder");
  if (info.owner != 0 && info.owner != own_user()) {
    return refuse("it belongs to user " + std::to_string(info.owner) + ", not to root; run: chown root " +
                  folder.string());
  }
  const bool sticky_above = is_above && (info.mode & kSticky) != 0;
  if ((info.mode & kWritableByOthers) != 0 && !sticky_above) {
    return refuse("others may write to it; run: chmod go-w " + folder.string());
  }
  return {};
}

}  // namespace

Result<void> check_private_folder(Files& files, const Path& folder) {
  UPSWARM_CHECK(check_one(files, folder, false));
  for (auto above = folder.parent_path();; above = above.parent_path()) {
    UPSWARM_CHECK(check_one(files, above, true));
    if (above == above.parent_path()) return {};
  }
}

Result<void> check_private_alone(Files& files, const Path& folder) { return check_one(files, folder, false); }

Result<void> prepare_private_folder(Files& files, const Path& folder) {
  UPSWARM_CHECK(make_folders(files, folder, 0755));
  return check_private_folder(files, folder);
}

}  // namespace upswarm::installer
