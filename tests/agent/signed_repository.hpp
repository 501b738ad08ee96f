// A small repository with real signatures, served by a FakeHttpClient.
#pragma once

#include <map>
#include <string>

#include "protocol/trust/metadata.hpp"
#include "protocol/trust/release_index.hpp"
#include "tests/agent/fakes.hpp"

namespace upswarm::tests {

/// Roles: root, targets (delegates rel-app and rollout), snapshot, timestamp; one key each. Nothing is served before
/// publish().
class SignedRepository {
 public:
  SignedRepository(FakeHttpClient& http, FakeClock& clock);

  /// Replaces the index and filter of "app", stable, linux-x64, and adds a torrent beside each package.
  void set_release(const std::vector<trust::Entry>& entries);
  /// From the next publish() on: a role pre-app with this index of nightly builds, signed by a key of its own.
  void set_nightlies(const std::vector<trust::Entry>& entries);
  /// From the next publish() on: a role rel-other with an index of "other" for stable, linux-x64, that lives for so
  /// long.
  void set_other(std::chrono::hours lives);
  void drop_releases() { release_targets_.clear(); }
  void drop_rollout() { rollout_targets_.clear(); }
  /// The next publish() brings a new root, signed by the old key and a new one.
  void rotate_root();
  /// Signs what changed and serves it. Timestamp and snapshot rise each time.
  void publish(std::chrono::hours timestamp_lives = std::chrono::hours(24));

  const std::string& first_root() const { return first_root_; }

  std::chrono::hours rollout_lives{7 * 24};  ///< from the next publish() on

 private:
  using Contents = std::map<std::string, std::string>;
  trust::Targets make_role(const Contents& contents, std::chrono::hours lives = std::chrono::hours(7 * 24)) const;
  trust::Root make_root() const;
  void serve(const std::string& name, const std::string& bytes) {
    http_.bodies[std::string(kSeeder) + "/metadata/" + name] = bytes;
  }

  FakeHttpClient& http_;
  FakeClock& clock_;
  trust::SigningKey root_ = trust::SigningKey::generate();
  trust::SigningKey targets_ = trust::SigningKey::generate();
  trust::SigningKey release_ = trust::SigningKey::generate();
  trust::SigningKey online_ = trust::SigningKey::generate();
  trust::SigningKey snapshot_ = trust::SigningKey::generate();
  trust::SigningKey timestamp_ = trust::SigningKey::generate();
  std::string first_root_;
  trust::RoleVersion root_version_ = 1;
  trust::RoleVersion version_ = 0;
  trust::SigningKey nightly_ = trust::SigningKey::generate();
  Contents release_targets_;
  Contents nightly_targets_;
  Contents rollout_targets_;
  trust::SigningKey other_ = trust::SigningKey::generate();
  Contents other_targets_;
  std::chrono::hours other_lives_{};
};

}  // namespace upswarm::tests
