// A repository with one product in a temporary folder, and a client that follows what it published.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "protocol/trust/client.hpp"
#include "seeder/publish/products.hpp"
#include "seeder/publish/release.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/support/unsynced_files.hpp"

namespace upswarm::tests {

inline constexpr const char* kPassphrase = "correct horse";

/// A clock that stands still until it is turned.
class StillClock final : public Clock {
 public:
  Time now() const override { return time; }
  Time time{std::chrono::seconds(1'800'000'000)};
};

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}
inline void must(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message());
}

/// A token whose source was asked to stop. (Not inline: g++ 12 warns falsely about a stop_source on the stack.)
std::stop_token already_stopped();

/// Every path below `folder` with its content, for "nothing changed".
std::map<std::string, std::string> snapshot_of(const Path& folder);

class PublishTest : public testing::Test {
 protected:
  PublishTest();

  const TemporaryFolder top;
  StillClock clock;
  const Path folder;  ///< of the repository

  /// Makes the repository with the product "app".
  void init(publish::NewRepository wanted = {.products = {"app"}});
  publish::Repository open(publish::Repository::Access access = publish::Repository::Access::writing) const;
  publish::KeyRing keys(std::string passphrase = kPassphrase) const;

  /// A tree at top/NAME: bin/check, a compressible text and 200 KB of noise made from `seed`, with `more` added.
  Path tree(const std::string& name, unsigned seed = 1, const std::map<std::string, std::string>& more = {}) const;
  Path recipe(
      const std::string& text = "[health]\nkind = \"command\"\n[health.command]\nargv = [\"bin/check\"]\n") const;
  publish::ReleaseRequest request(const std::string& version, const Path& from,
                                  const std::string& channel = "stable") const;
  Result<publish::ReleaseReport> try_release(const publish::ReleaseRequest& wanted, Files& files = unsynced_files(),
                                             std::stop_token stop = {}) const;
  publish::ReleaseReport release(const std::string& version, const Path& from,
                                 const std::string& channel = "stable") const;

  Path bundle(const std::string& name) const { return folder / "outgoing" / name; }
};

/// What a seeder would serve: bundles taken in, online roles signed with the keys in online-keys/.
class Served final : public trust::RepositorySource {
 public:
  Served(Path repository, const Clock& clock) : repository_(std::move(repository)), clock_(clock) {}

  /// Takes a bundle in and signs snapshot and timestamp anew.
  void take(const Path& bundle);

  Result<std::string> metadata(const std::string& name, Bytes longest) override;
  Result<std::string> target(const std::string& name, Bytes longest) override;

  std::map<std::string, std::string> metadata_files;
  std::map<std::string, std::string> target_files;

 private:
  trust::SigningKey online_key(const std::string& role) const;

  Path repository_;
  const Clock& clock_;
  trust::RoleVersion version_ = 0;
};

/// A client with a store of its own that starts from 1.root.json.
struct Follower {
  Follower(const Path& store_folder, const Path& repository, Served& served, const Clock& clock);

  trust::TrustStore store;
  trust::TrustClient client;
};

}  // namespace upswarm::tests
