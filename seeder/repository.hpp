// The repository on disk: what clients are served now, and files as a source for the code that clients use.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/files.hpp"
#include "protocol/trust/client.hpp"
#include "protocol/trust/metadata.hpp"

namespace upswarm::seeder {

/// Serves files in memory, then those of folders (each with metadata/ and targets/), the first that has one.
class FolderSource final : public trust::RepositorySource {
 public:
  /// `files` must outlive the source.
  FolderSource(Files& files, std::vector<Path> folders) : files_(files), folders_(std::move(folders)) {}

  void put_metadata(const std::string& name, std::string bytes) { metadata_[name] = std::move(bytes); }
  void put_target(const std::string& name, std::string bytes) { targets_[name] = std::move(bytes); }

  Result<std::string> metadata(const std::string& name, Bytes longest) override;
  Result<std::string> target(const std::string& name, Bytes longest) override;

 private:
  Result<std::string> read(const std::map<std::string, std::string>& memory, const char* folder,
                           const std::string& name, Bytes longest) const;

  Files& files_;
  std::vector<Path> folders_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, std::string> targets_;
};

/// One signed targets role with its bytes. The signatures were not looked at.
struct RoleFile {
  std::string bytes;
  trust::Targets content;
};

/// Errors: corrupt.
Result<RoleFile> parse_role_file(std::string bytes, const std::string& role);

/// What clients find when they follow timestamp.json. Files that a crash left half way in are not part of it.
struct RepositoryView {
  std::map<trust::RoleVersion, std::string> roots;  ///< all, by version
  std::optional<trust::Root> root;                  ///< the newest
  std::optional<trust::Timestamp> timestamp;
  std::optional<trust::Snapshot> snapshot;
  std::map<std::string, RoleFile> roles;  ///< "targets", "rel-app", "rollout", ...

  /// The role that signed a target, and what it says; nothing when no role has it. The rollout role is left out.
  const trust::TargetFile* find(const std::string& path) const;
};

/// Errors: corrupt, not_found  the folder was damaged; disk.
Result<RepositoryView> read_repository(Files& files, const Path& metadata_folder);

/// "targets", "rel-P" or "pre-P": what the publisher signs, apart from root.
bool is_offline_role(const std::string& role);

/// "pkg/..." and "pre/...": packages that are seeded when their torrent is there.
bool is_package(const std::string& path);

}  // namespace upswarm::seeder
