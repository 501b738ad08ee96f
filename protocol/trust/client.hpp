// The TUF client workflow (specification 1.0.34, section 5).
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "protocol/base/clock.hpp"
#include "protocol/base/file_lock.hpp"
#include "protocol/base/files.hpp"
#include "protocol/trust/metadata.hpp"

namespace upswarm::trust {

/// Where files of a repository come from: HTTP for the agent, the agent's offer for the installer.
class RepositorySource {
 public:
  virtual ~RepositorySource() = default;
  /// `name`: "3.root.json", "timestamp.json", "7.snapshot.json", "2.rel-app.json" (role names percent-encoded).
  /// Errors: not_found  (HTTP 404 or 403); unreachable; corrupt (too_long)  more than `longest`; cancelled.
  virtual Result<std::string> metadata(const std::string& name, Bytes longest) = 0;
  /// `name`: the path of a target with its digest put in: "index/app/stable/<sha256>.linux-x64.json".
  virtual Result<std::string> target(const std::string& name, Bytes longest) = 0;
};

/// What this machine trusts: a folder with root.json, timestamp.json, snapshot.json, targets.json and a file for each
/// delegated role (its name percent-encoded), as served, byte for byte. Each is replaced atomically and survives a
/// power cut after save(). One writer at a time: the store holds a lock (the file `lock` in the folder) until its end.
class TrustStore {
 public:
  /// Makes the folder when it is missing. `files` must outlive the store.
  /// Errors: busy  another store has this folder open, in this program or another; denied, no_space, disk.
  static Result<TrustStore> open(Files& files, Path folder);

  /// The first root, placed by hand or by a package. An existing one wins and is left alone.
  /// Errors: corrupt, untrusted  not a root signed by itself; denied, no_space, disk. An expired one is taken: it leads
  /// to the newer ones.
  Result<void> place_first_root(std::string_view root_json, const SignatureVerifier& verifier);

  /// `role`: "root", "timestamp", ...
  /// Errors: not_found; corrupt (too_long)  longer than any role may be; denied, disk.
  Result<std::string> load(const std::string& role) const;
  /// Errors: denied, no_space, disk.
  Result<void> save(const std::string& role, std::string_view bytes);
  /// Nothing there is success.   Errors: denied, disk.
  Result<void> remove(const std::string& role);

 private:
  TrustStore(Files& files, Path folder, FileLock lock)
      : files_(&files), folder_(std::move(folder)), lock_(std::move(lock)) {}
  Path file_of(const std::string& role) const;

  Files* files_;
  Path folder_;
  FileLock lock_;
};

/// A target that signed metadata vouches for.
struct TrustedTarget {
  std::string path;
  TargetFile file;
  std::string role;        ///< who said so
  std::int64_t epoch = 1;  ///< the highest epoch that its releases may have: the lowest of the delegations passed
  /// The name on a repository with consistent snapshots: the digest before the last part of the path.
  std::string consistent_name() const;
};

/// What is known of a repository beside its metadata.
struct Profile {
  /// The longest life of its timestamps. Then the trusted one proves that it is not earlier than its `expires` less
  /// this, whatever the machine's clock says: a clock set back brings nothing expired back to life. Nothing: the clock
  /// alone counts.
  std::optional<std::chrono::seconds> timestamp_life;
};

/// Upswarm's own repositories (docs/POUF.md).
inline constexpr Profile kUpswarmProfile{std::chrono::hours(24)};

class Workflow;

/// One repository as one machine trusts it. Not for use by two threads at once.
class TrustClient {
 public:
  /// All but the profile must outlive the client.
  TrustClient(TrustStore& store, RepositorySource& source, const SignatureVerifier& verifier, const Clock& clock,
              const Profile& profile = kUpswarmProfile);
  ~TrustClient();
  TrustClient(const TrustClient&) = delete;
  TrustClient& operator=(const TrustClient&) = delete;

  /// Brings root, timestamp, snapshot and targets up to date (5.2 to 5.6). Time is fixed once at the start.
  /// When nothing is new, it asks for two files: the next root, which is not there, and timestamp.json.
  /// After an error the store holds what was accepted before it: the next refresh goes on from there.
  /// Errors: not_found  the source has no timestamp.json, or (reason no_root) there is no first root;
  ///         unreachable  also when the source lacks a file that signed metadata promises; cancelled;
  ///         corrupt    not metadata of its kind; reason too_long;
  ///         untrusted  reason wrong_signature, rollback, expired,
  ///                    mix_and_match (length or digest are not what the role above says, or it lists no such role),
  ///                    wrong_version (validly signed, but not the one that was asked for);
  ///         denied, no_space, disk
  Result<void> refresh();

  /// Loads what the store holds without asking the source: after a poll that found nothing new, or could not reach
  /// anybody. Expired metadata is loaded too: see expires_first.
  /// Errors: not_found  (reason no_root: no first root); corrupt; untrusted  as refresh; mix_and_match also after a
  ///         refresh that was cut short: the next one mends it.
  Result<void> load();

  /// Finds a target by the delegations (5.6.7), fetching delegated roles that are missing or old.
  /// Needs refresh() or load() first.
  /// Errors: not_found  no role speaks of it, within 32 roles; invalid  neither refresh() nor load() succeeded;
  ///         as refresh.
  Result<TrustedTarget> find(const std::string& path);

  /// The bytes of a small target, verified.
  /// Errors: as find; corrupt  length or digest differ, or (reason too_long) it is longer than `longest`.
  Result<std::string> fetch(const std::string& path, Bytes longest);

  /// The name by which the source has a target that find() gave.
  std::string name_of(const TrustedTarget& target) const;

  /// The time that the last refresh() or load() went by: the clock's, or the later one that signed metadata proves.
  Time now() const;
  /// The earliest `expires` of the roles in use, and its role; of delegated ones those that find() has passed.
  struct Expiry {
    Time time;
    std::string role;
  };
  Expiry expires_first() const;  ///< an empty role when nothing is trusted yet
  /// 0 when there is none.
  RoleVersion root_version() const;
  RoleVersion timestamp_version() const;
  /// The files of all roles now trusted by name ("3.root.json", "timestamp.json", "3.snapshot.json", "1.rel-app.json"),
  /// for handing on; of delegated ones those that find() has passed.
  std::map<std::string, std::string> files() const;

 private:
  std::unique_ptr<Workflow> workflow_;
};

}  // namespace upswarm::trust
