// The steps of a refresh, and what they leave in memory. For client.cpp alone: client.hpp has the promises.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "protocol/trust/client.hpp"

namespace upswarm::trust {

/// A role that was verified, with the bytes as they were served.
template <typename T>
struct Accepted {
  T value;
  std::string bytes;
  Sha256 digest;           ///< of `bytes`
  Sha256 vouched_by = {};  ///< of a targets role: the digest of the file that named its keys
};

/// Who may sign a role, as the role above it says.
struct Signers {
  const RoleKeys& role;
  const std::map<KeyId, PublicKey>& keys;
};

/// Everything that is trusted, and the way to newer. What was accepted once stays in memory as it stands in the store,
/// so that a refresh with nothing new reads and verifies nothing twice.
class Workflow {
 public:
  Workflow(TrustStore& store, RepositorySource& source, const SignatureVerifier& verifier, const Clock& clock,
           const Profile& profile)
      : store_(store), source_(source), verifier_(verifier), clock_(clock), profile_(profile) {}

  /// TrustClient::refresh.
  Result<void> refresh();
  /// TrustClient::load.
  Result<void> load();

  /// A targets role as `delegator` delegates it ("root", or a role that was used in this refresh): from memory, the
  /// store or the source. Reached by another delegator, or by a newer file of the same, it is verified anew by the keys
  /// named there.
  Result<const Targets*> use(const std::string& role, const std::string& delegator, const Signers& signers);
  Result<const Targets*> use_top_targets();

  bool is_ready() const { return is_ready_; }
  Time now() const { return now_; }
  const std::optional<Accepted<Root>>& root() const { return root_; }
  const std::optional<Accepted<Timestamp>>& timestamp() const { return timestamp_; }
  const std::optional<Accepted<Snapshot>>& snapshot() const { return snapshot_; }
  const std::map<std::string, Accepted<Targets>>& roles() const { return roles_; }
  /// A role's name on the source: with its version where the repository has consistent snapshots.
  std::string name_of(const std::string& role, RoleVersion version) const;
  RepositorySource& source() { return source_; }

 private:
  void start(bool expired_too);
  void forget_what_root_vouched_for();
  Result<void> raise_time();

  Result<void> load_root();
  Result<void> update_root();
  Result<Accepted<Root>> next_root(std::string bytes) const;
  Result<void> update_timestamp();
  Result<void> update_snapshot();
  Result<void> load_top();

  Result<MetaFile> told_of(const std::string& role) const;
  Result<Accepted<Targets>> known_or_stored_or_fetched(const std::string& role, const Sha256& vouched_by,
                                                       const Signers& signers);
  template <typename T>
  Result<void> check_expiry(const Accepted<T>& role, const std::string& name) const;
  Result<std::string> download(const std::string& name, Bytes longest);
  template <typename T, typename Parse>
  Result<Accepted<T>> verify(std::string bytes, const std::string& role, Bytes longest, const Signers& signers,
                             Parse parse) const;
  template <typename T, typename Parse>
  Result<std::optional<Accepted<T>>> stored(const std::string& role, Bytes longest, const Signers& signers,
                                            Parse parse) const;
  template <typename T, typename Parse>
  Result<Accepted<T>> fetch_told(const std::string& role, const MetaFile& told, Bytes longest, const Signers& signers,
                                 Parse parse);

  TrustStore& store_;
  RepositorySource& source_;
  const SignatureVerifier& verifier_;
  const Clock& clock_;
  const Profile profile_;

  Time now_;  ///< of the whole refresh
  bool is_ready_ = false;
  bool takes_expired_ = false;
  std::optional<Accepted<Root>> root_;
  std::optional<Accepted<Timestamp>> timestamp_;
  std::optional<Accepted<Snapshot>> snapshot_;
  std::map<std::string, Accepted<Targets>> roles_;  ///< "targets" and the delegated ones that are in use
  std::map<std::string, Accepted<Targets>> known_;  ///< those in use before this refresh: the store has them
};

Error longer_than(const std::string& name, Bytes longest);

/// A file that signed metadata promises is there on a whole repository: "not there" must not look like "never signed".
template <typename T>
Result<T> promised(Result<T> fetched) {
  if (fetched || fetched.error().kind != ErrorKind::not_found) return fetched;
  auto error = std::move(fetched).error();
  error.kind = ErrorKind::unreachable;
  error.reason = "missing";
  return error;
}

}  // namespace upswarm::trust
