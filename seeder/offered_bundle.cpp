#include "seeder/offered_bundle.hpp"

#include "seeder/names.hpp"
#include "seeder/repository.hpp"

namespace upswarm::seeder {
namespace {

Error refused(const std::string& path, std::string why) {
  return {ErrorKind::corrupt, "take " + path + " of the bundle", std::move(why), "bundle"};
}

Result<void> list_files(Files& files, const Path& folder, const std::string& prefix,
                        std::map<std::string, Bytes>& found) {
  UPSWARM_TRY(const auto names, files.list(folder));
  for (const auto& name : names) {
    const auto path = prefix + name;
    if (!is_path_part(name)) return refused(path, "its name is not allowed");
    UPSWARM_TRY(const auto info, files.info(folder / name));
    if (info.type == FileType::folder) {
      if (!parse_relative_path(path)) return refused(path, "too many folders inside each other");
      UPSWARM_CHECK(list_files(files, folder / name, path + "/", found));
      continue;
    }
    if (info.type != FileType::regular) return refused(path, "it is not a regular file");
    if (!parse_bundle_path(path)) return refused(path, "no such file belongs into a bundle");
    if (found.size() >= kMostBundleFiles) return refused(path, "there are too many files");
    found[path] = info.size;
  }
  return {};
}

}  // namespace

Result<Path> parse_bundle_path(std::string_view text) {
  UPSWARM_TRY(auto path, parse_relative_path(text));
  const Error other{ErrorKind::invalid, "take " + std::string(text.substr(0, 200)),
                    "no such file belongs into a bundle", "name"};
  if (text == "bundle.json") return path;
  if (text.starts_with("metadata/")) {
    const auto name = parse_versioned_name(text.substr(text.find('/') + 1));
    if (!name || (name->role != "root" && !is_offline_role(name->role))) return other;
    return path;
  }
  if (!text.starts_with("targets/") || !digest_in(text)) return other;
  return path;
}

Result<OfferedBundle> read_offered_bundle(Files& files, const Path& folder) {
  std::map<std::string, Bytes> found;
  UPSWARM_CHECK(list_files(files, folder, "", found));
  if (!found.contains("bundle.json")) return refused("bundle.json", "it is missing");
  OfferedBundle offer{.folder = folder, .bundle = {}, .metadata = {}, .targets = {}};
  UPSWARM_TRY(const auto text, read_file(files, folder / "bundle.json", kLongestBundleFile));
  UPSWARM_TRY(offer.bundle, parse_bundle(text, "bundle.json"));
  for (const auto& [path, length] : found) {
    const auto inside = path.substr(path.find('/') + 1);
    if (path.starts_with("targets/")) offer.targets[inside] = length;
    if (!path.starts_with("metadata/")) continue;
    UPSWARM_TRY(offer.metadata[inside], read_file(files, folder / path, trust::kLongestTargets));
  }
  return offer;
}

}  // namespace upswarm::seeder
