// A TUF repository in memory that signs what a test asks for, right or wrong, and remembers what it was asked.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/trust/client.hpp"
#include "tests/support/fake_clock.hpp"

namespace upswarm::tests {

class RepositorySimulator final : public trust::RepositorySource {
 public:
  /// One key a role, everything valid for a month, consistent snapshots, and a delegated role "rel-app".
  explicit RepositorySimulator(const FakeClock& clock);

  // What is to be signed. Change it, then publish.
  trust::Root root;
  trust::Timestamp timestamp;
  trust::Snapshot snapshot;
  trust::Targets targets;
  std::map<std::string, trust::Targets> delegated;
  std::map<std::string, trust::SigningKey> keys;  ///< by role

  /// Replaces the key of a top-level role; the root must be published to make it count.
  void rotate_key(const std::string& role);
  /// Adds a delegation from targets.
  void delegate(const std::string& role, std::vector<std::string> paths, bool terminating = false);
  void add_target(const std::string& role, const std::string& path, const std::string& content);

  /// Signs a new root, by the key that signed before too.
  void publish_root();
  /// Raises all versions below root that `roles` names ("targets", "rel-app"), and snapshot and timestamp with them.
  void publish(const std::vector<std::string>& roles = {});
  /// Signs snapshot and timestamp as they stand, without raising anything.
  void publish_snapshot();
  void publish_timestamp();

  std::map<std::string, std::string> files;  ///< what is served: "metadata/1.root.json", "targets/..."
  std::vector<std::string> requests;
  std::map<std::string, Error> failures;  ///< by name: these fail

  Result<std::string> metadata(const std::string& name, Bytes longest) override;
  Result<std::string> target(const std::string& name, Bytes longest) override;

 private:
  Result<std::string> get(const std::string& name, Bytes longest);
  void add_key(const std::string& role);

  const FakeClock& clock_;
  std::vector<trust::SigningKey> retired_;
};

}  // namespace upswarm::tests
