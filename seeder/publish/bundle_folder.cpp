#include "seeder/publish/bundle_folder.hpp"

#include <algorithm>
#include <set>

#include "protocol/trust/client.hpp"

namespace upswarm::publish {
namespace {

constexpr std::uint32_t kMode = 0644;

Result<void> write_new_file(Files& files, const Path& path, std::string_view content) {
  UPSWARM_TRY(const auto file, files.create(path, kMode));
  UPSWARM_CHECK(file->write(as_bytes(content)));
  return file->sync();
}

/// A link where the file system has them: the packages are kept in releases/ and would be there twice.
Result<void> link_or_copy(Files& files, const Path& from, const Path& to) {
  if (files.hard_link(from, to)) return {};
  UPSWARM_TRY(const auto in, files.open(from));
  return copy_file(files, *in, to, kMode);
}

Result<void> list_under(Files& files, const Path& folder, const std::string& prefix, std::vector<std::string>& found) {
  UPSWARM_TRY(const auto names, files.list(folder));
  for (const auto& name : names) {
    UPSWARM_TRY(const auto info, files.info(folder / name));
    if (info.type == FileType::folder) UPSWARM_CHECK(list_under(files, folder / name, prefix + name + "/", found));
    else found.push_back(prefix + name);
  }
  return {};
}

}  // namespace

Result<void> write_bundle_folder(Files& files, const Path& to, const BundleParts& parts) {
  std::set<Path> folders{to, to / "metadata", to / "targets"};
  const auto place = [&](const std::string& name) -> Result<Path> {
    const Path path = to / "targets" / name;
    for (auto above = path.parent_path(); above != to; above = above.parent_path()) folders.insert(above);
    UPSWARM_CHECK(make_folders(files, path.parent_path()));
    return path;
  };
  UPSWARM_CHECK(make_folders(files, to / "metadata"));
  UPSWARM_CHECK(make_folders(files, to / "targets"));
  for (const auto& [name, bytes] : parts.metadata) UPSWARM_CHECK(write_new_file(files, to / "metadata" / name, bytes));
  for (const auto& [name, bytes] : parts.small_targets) {
    UPSWARM_TRY(const auto path, place(name));
    UPSWARM_CHECK(write_new_file(files, path, bytes));
  }
  for (const auto& [name, from] : parts.packages) {
    UPSWARM_TRY(const auto path, place(name));
    UPSWARM_CHECK(link_or_copy(files, from, path));
  }
  UPSWARM_CHECK(write_new_file(files, to / "bundle.json", seeder::write_bundle({parts.rollouts})));
  for (const auto& folder : folders) UPSWARM_CHECK(files.sync_folder(folder));
  return {};
}

Result<std::vector<std::string>> list_bundle(Files& files, const Path& bundle) {
  std::vector<std::string> found;
  UPSWARM_CHECK(list_under(files, bundle, "", found));
  std::ranges::sort(found);
  const auto last = std::ranges::find(found, "bundle.json");
  if (last == found.end())
    return Error{ErrorKind::corrupt, "list the bundle " + bundle.string(), "bundle.json is missing"};
  std::rotate(last, last + 1, found.end());
  return found;
}

std::string safe_part(std::string_view text) {
  std::string safe(text);
  for (auto& c : safe) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
    if (!plain) c = '_';
  }
  return safe;
}

std::string consistent_name(const std::string& path, const Sha256& digest) {
  return trust::TrustedTarget{path, {.length = {}, .sha256 = digest}, {}}.consistent_name();
}

}  // namespace upswarm::publish
