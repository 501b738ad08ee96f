#include "seeder/repository.hpp"

#include "seeder/names.hpp"

namespace upswarm::seeder {
namespace {

Result<trust::Root> parse_root_file(const std::string& bytes) {
  UPSWARM_TRY(const auto envelope, trust::parse_envelope(bytes, "root", trust::kLongestRoot));
  return trust::parse_root(envelope);
}

Result<void> read_roots(Files& files, const Path& folder, RepositoryView& view) {
  UPSWARM_TRY(const auto names, files.list(folder));
  for (const auto& text : names) {
    const auto name = parse_versioned_name(text);
    if (!name || name->role != "root") continue;
    UPSWARM_TRY(view.roots[name->version], read_file(files, folder / text, trust::kLongestRoot));
  }
  if (view.roots.empty()) return {};
  UPSWARM_TRY(view.root, parse_root_file(view.roots.rbegin()->second));
  return {};
}

}  // namespace

Result<std::string> FolderSource::read(const std::map<std::string, std::string>& memory, const char* folder,
                                       const std::string& name, Bytes longest) const {
  if (const auto found = memory.find(name); found != memory.end()) {
    if (found->second.size() > longest.count) return Error{ErrorKind::corrupt, "read " + name, "too long", "too_long"};
    return found->second;
  }
  if (!parse_relative_path(name)) return Error{ErrorKind::not_found, "read " + name, "it is not a good name"};
  for (const auto& one : folders_) {
    auto bytes = read_file(files_, one / folder / name, longest);
    if (bytes || bytes.error().kind != ErrorKind::not_found) return bytes;
  }
  return Error{ErrorKind::not_found, "read " + name, "it is not there"};
}

Result<std::string> FolderSource::metadata(const std::string& name, Bytes longest) {
  return read(metadata_, "metadata", name, longest);
}

Result<std::string> FolderSource::target(const std::string& name, Bytes longest) {
  return read(targets_, "targets", name, longest);
}

Result<RoleFile> parse_role_file(std::string bytes, const std::string& role) {
  UPSWARM_TRY(const auto envelope, trust::parse_envelope(bytes, role, trust::kLongestTargets));
  UPSWARM_TRY(auto content, trust::parse_targets(envelope, role));
  return RoleFile{std::move(bytes), std::move(content)};
}

const trust::TargetFile* RepositoryView::find(const std::string& path) const {
  for (const auto& [role, file] : roles) {
    if (!is_offline_role(role)) continue;
    if (const auto found = file.content.targets.find(path); found != file.content.targets.end()) return &found->second;
  }
  return nullptr;
}

Result<RepositoryView> read_repository(Files& files, const Path& folder) {
  RepositoryView view;
  UPSWARM_CHECK(read_roots(files, folder, view));
  auto bytes = read_file(files, folder / "timestamp.json", trust::kLongestTimestamp);
  if (!bytes) {
    if (bytes.error().kind == ErrorKind::not_found) return view;
    return bytes.error();
  }
  UPSWARM_TRY(const auto timestamp, trust::parse_envelope(*bytes, "timestamp", trust::kLongestTimestamp));
  UPSWARM_TRY(view.timestamp, trust::parse_timestamp(timestamp));
  const auto name = versioned_name("snapshot", view.timestamp->snapshot.version);
  UPSWARM_TRY(const auto snapshot_bytes, read_file(files, folder / name, trust::kLongestSnapshot));
  UPSWARM_TRY(const auto snapshot, trust::parse_envelope(snapshot_bytes, "snapshot", trust::kLongestSnapshot));
  UPSWARM_TRY(view.snapshot, trust::parse_snapshot(snapshot));
  for (const auto& [file, meta] : view.snapshot->meta) {
    const auto role = file.substr(0, file.rfind(".json"));
    UPSWARM_TRY(auto role_bytes, read_file(files, folder / versioned_name(role, meta.version), trust::kLongestTargets));
    UPSWARM_TRY(auto role_file, parse_role_file(std::move(role_bytes), role));
    view.roles.emplace(role, std::move(role_file));
  }
  return view;
}

bool is_offline_role(const std::string& role) {
  return role == "targets" || role.starts_with("rel-") || role.starts_with("pre-");
}

bool is_package(const std::string& path) {
  return (path.starts_with("pkg/") || path.starts_with("pre/")) && (path.ends_with(".upk") || path.ends_with(".upd"));
}

}  // namespace upswarm::seeder
