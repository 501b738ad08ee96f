#include "tests/seeder/publish/desk_fixture.hpp"

#include <algorithm>

namespace upswarm::tests {

using namespace publish;  // NOLINT(google-build-using-namespace): a fixture of this folder

PublicKeyFile DeskTest::new_key(const std::string& role, const std::string& name) const {
  std::filesystem::create_directories(top / name);
  must(write_new_key(unsynced_files(), top / name, role, name, kPassphrase, least_strength()));
  const auto file = top / name / (role + "-" + name + ".pub.json");
  return must(read_public_key(must(read_file(unsynced_files(), file, kLongestPublicKey)), file.string()));
}

Path DeskTest::key_file(const std::string& role, const std::string& name) const {
  return top / name / key_file_name(role, name);
}

Result<Signed> DeskTest::add_signer(const std::string& role, const PublicKeyFile& key, std::optional<int> threshold,
                                    const std::string& by) const {
  return as(by, [&](const KeyWork& work) { return publish::add_signer(work, role, key, threshold); });
}

Result<Signed> DeskTest::revoke(const Revocation& wanted, const std::string& by) const {
  return as(by, [&](const KeyWork& work) { return revoke_key(work, wanted); });
}

Result<Rotated> DeskTest::rotate(const Rotation& wanted, const std::string& by) const {
  return as(by, [&](const KeyWork& work) { return rotate_key(work, wanted); });
}

Result<ReleaseReport> DeskTest::release_as(const std::string& by, const ReleaseRequest& wanted) const {
  return as(by, [&](const KeyWork& work) {
    return make_release(work.files, work.repository, wanted, clock, work.keys, {}, {});
  });
}

Result<std::vector<Missing>> DeskTest::sign(const Path& change, const Path& key) const {
  UPSWARM_TRY(auto opened, open_change(unsynced_files(), change, {}));
  UPSWARM_TRY(const auto text, read_file(unsynced_files(), key, kLongestKeyFile));
  UPSWARM_TRY(const auto unlocked, unlock_key(text, key.string(), kPassphrase));
  return add_signature(unsynced_files(), change, std::move(opened), unlocked);
}

Result<std::string> DeskTest::publish(const std::vector<Path>& copies) const {
  auto repository = open();
  UPSWARM_TRY(auto published, publish_change(unsynced_files(), repository, copies));
  return std::move(published.bundle);
}

void DeskTest::need_two_for_releases(const std::string& name) const {
  const auto pending = must(add_signer("rel-app", new_key("rel-app", name), 2));
  must(sign(pending.change, key_file("rel-app", name)));
  must(publish({pending.change}));
}

trust::KeyId DeskTest::key_of(const std::string& role, std::size_t number) const {
  const auto repository = open(Repository::Access::reading);
  const auto& roles = repository.root().roles;
  if (const auto top_level = roles.find(role); top_level != roles.end()) return top_level->second.key_ids.at(number);
  const auto& delegated = repository.targets().delegations.roles;
  return std::ranges::find(delegated, role, &trust::DelegatedRole::name)->keys.key_ids.at(number);
}

}  // namespace upswarm::tests
