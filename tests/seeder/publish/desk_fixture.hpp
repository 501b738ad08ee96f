// A repository whose roles need several people, each with a key folder of his own.
#pragma once

#include "seeder/publish/key_changes.hpp"
#include "tests/seeder/publish/publish_fixture.hpp"

namespace upswarm::tests {

class DeskTest : public PublishTest {
 protected:
  /// A key of `name` in top/NAME/, as `keys new` makes it; its public half.
  publish::PublicKeyFile new_key(const std::string& role, const std::string& name) const;
  Path key_file(const std::string& role, const std::string& name) const;

  /// Runs `work` as somebody with the key folder top/NAME; "" is the repository's own.
  template <typename Work>
  auto as(const std::string& name, Work work) const {
    auto repository = open();
    publish::KeyRing ring(unsynced_files(), name.empty() ? folder / "keys" : top / name,
                          [] { return Result<std::string>(kPassphrase); });
    return work(publish::KeyWork{unsynced_files(), repository, clock, ring, publish::least_strength()});
  }

  Result<publish::Signed> add_signer(const std::string& role, const publish::PublicKeyFile& key,
                                     std::optional<int> threshold = {}, const std::string& by = "") const;
  Result<publish::Signed> revoke(const publish::Revocation& wanted, const std::string& by = "") const;
  Result<publish::Rotated> rotate(const publish::Rotation& wanted, const std::string& by = "") const;
  Result<publish::ReleaseReport> release_as(const std::string& by, const publish::ReleaseRequest& wanted) const;

  /// Signs a change file as somebody without a repository does.
  Result<std::vector<publish::Missing>> sign(const Path& change, const Path& key) const;
  Result<std::string> publish(const std::vector<Path>& copies) const;

  /// Makes rel-app need the key of `name` and the repository's own.
  void need_two_for_releases(const std::string& name = "anna") const;
  trust::KeyId key_of(const std::string& role, std::size_t number = 0) const;
};

}  // namespace upswarm::tests
