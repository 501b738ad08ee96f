// A machine that trusts a simulated repository.
#pragma once

#include <gtest/gtest.h>

#include "protocol/trust/client.hpp"
#include "tests/support/repository_simulator.hpp"
#include "tests/support/stopping_files.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::trust {

inline std::string why(const Result<void>& result) {
  if (result) return "ok";
  return std::string(to_string(result.error().kind)) +
         (result.error().reason.empty() ? "" : " " + result.error().reason);
}

class ClientFixture : public testing::Test {
 protected:
  ClientFixture() {
    EXPECT_TRUE(store.place_first_root(simulator.files.at("metadata/1.root.json"), ed25519_verifier()));
  }

  /// A refresh by a program that has just started, with nothing but the store.
  Result<void> refresh() {
    TrustClient fresh(store, simulator, ed25519_verifier(), clock);
    return fresh.refresh();
  }
  Result<void> load() {
    TrustClient fresh(store, simulator, ed25519_verifier(), clock);
    return fresh.load();
  }
  std::string refresh_says() { return why(refresh()); }

  RoleVersion stored_version(const std::string& role) const {
    const auto bytes = store.load(role);
    return bytes ? Json::parse(*bytes)["signed"]["version"].get<RoleVersion>() : 0;
  }
  void sign(const std::string& role, const Json& content, const std::string& name) {
    simulator.files["metadata/" + name] = seal(content, {&simulator.keys.at(role)});
  }
  std::string now_named(const std::string& role) const {
    const auto version = role == "snapshot"  ? simulator.snapshot.version
                         : role == "targets" ? simulator.targets.version
                                             : simulator.delegated.at(role).version;
    return metadata_name(role, version);
  }

  tests::FakeClock clock;
  tests::RepositorySimulator simulator{clock};
  tests::TemporaryFolder folder;
  tests::StoppingFiles files{tests::unsynced_files()};
  TrustStore store = std::move(*TrustStore::open(files, folder / "trust"));
  TrustClient client{store, simulator, ed25519_verifier(), clock};
};

}  // namespace upswarm::trust
