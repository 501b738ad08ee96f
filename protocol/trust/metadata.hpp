// The four kinds of TUF metadata (specification 1.0.34, section 4) as values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/json.hpp"
#include "protocol/trust/keys.hpp"

namespace upswarm::trust {

// The longest that each kind may be; more is cut off unread.
inline constexpr Bytes kLongestRoot = 64_KiB;
inline constexpr Bytes kLongestTimestamp = 16_KiB;
inline constexpr Bytes kLongestSnapshot = 1_MiB;
inline constexpr Bytes kLongestTargets = 8_MiB;
inline constexpr int kMostRootRotations = 32;
inline constexpr int kMostRolesVisited = 32;
inline constexpr std::size_t kMostSignatures = 256;
inline constexpr std::size_t kLongestRoleName = 80;  ///< percent-encoded it still is a file name
inline constexpr std::string_view kSpecVersion = "1.0.34";

using RoleVersion = std::int64_t;  ///< 1 and up

/// A signed document: what is signed, as it was served, and by whom.
struct Envelope {
  Json content;           ///< "signed"
  std::string canonical;  ///< the bytes that the signatures cover
  std::vector<Signature> signatures;
};

/// `what` names the document in errors.
/// Errors: corrupt  not strict JSON, not an envelope, or a key id twice among the signatures; reason too_long  more
///                  than `longest`.
Result<Envelope> parse_envelope(std::string_view bytes, const std::string& what, Bytes longest);

/// Who may sign a role, and how many of them must.
struct RoleKeys {
  std::vector<KeyId> key_ids;
  int threshold = 1;
  bool operator==(const RoleKeys&) const = default;
};

struct Root {
  RoleVersion version = 0;
  Time expires;
  bool consistent_snapshot = false;
  std::map<KeyId, PublicKey> keys;
  std::map<std::string, RoleKeys> roles;  ///< root, timestamp, snapshot, targets: always all four
};

/// What timestamp says of snapshot, and snapshot of the targets roles. Length and digest may be left out (4.4); hashes
/// of other kinds alone are refused, for nothing could be checked by them.
struct MetaFile {
  RoleVersion version = 0;
  std::optional<Bytes> length;
  std::optional<Sha256> sha256;
};

struct Timestamp {
  RoleVersion version = 0;
  Time expires;
  MetaFile snapshot;
};

struct Snapshot {
  RoleVersion version = 0;
  Time expires;
  std::map<std::string, MetaFile> meta;  ///< "targets.json" (always there), "rel-app.json", ...
};

struct TargetFile {
  Bytes length;
  Sha256 sha256;                      ///< all zeros, which fits nothing, where `sha512` stands in for it
  std::optional<Sha512> sha512 = {};  ///< of a foreign repository that gives no SHA-256; Upswarm's always do
};

struct DelegatedRole {
  std::string name;
  RoleKeys keys;
  bool terminating = false;
  std::vector<std::string> paths;               ///< patterns; `*` and `?` never match `/`
  std::vector<std::string> path_hash_prefixes;  ///< lower-case hexadecimal; a role has either these or paths
  /// The highest epoch of release counters that the role may use: "x-upswarm-epoch" in the delegation, 1 when missing.
  std::int64_t epoch = 1;
};

/// One delegation to 2^bit_length roles of one kind, each with its share of all paths (TAP 15). A path belongs to the
/// bin that the first bits of its SHA-256 number, and to no other: such a delegation is terminating.
struct SuccinctRoles {
  RoleKeys keys;
  int bit_length = 1;       ///< 1 to 32
  std::string name_prefix;  ///< bins are called PREFIX-0a: their number in hexadecimal, all of the same length
};

struct Delegations {
  std::map<KeyId, PublicKey> keys;
  std::vector<DelegatedRole> roles;  ///< in their order of precedence; none when there are succinct ones
  std::optional<SuccinctRoles> succinct = {};
};

struct Targets {
  RoleVersion version = 0;
  Time expires;
  std::map<std::string, TargetFile> targets;
  Delegations delegations;
};

// Fields that are not known are passed over, as TUF wants it (4.2); writing a value back does not bring them back.
// Errors of all: corrupt  wrong _type, spec_version not 1.x, a field missing or of the wrong form;
//                         a delegated role with the name of a top-level role, or delegated twice.
Result<Root> parse_root(const Envelope& envelope);
Result<Timestamp> parse_timestamp(const Envelope& envelope);
Result<Snapshot> parse_snapshot(const Envelope& envelope);
Result<Targets> parse_targets(const Envelope& envelope, const std::string& role);

// The same back to the "signed" part of an envelope.
Json to_json(const Root& root);
Json to_json(const Timestamp& timestamp);
Json to_json(const Snapshot& snapshot);
Json to_json(const Targets& targets);

/// A whole signed file: {"signatures": [...], "signed": content}; one line, keys sorted. The signatures cover the
/// canonical form of `content`. `content` holds UTF-8.
std::string seal(const Json& content, const std::vector<const SigningKey*>& keys);

/// Whether at least `role.threshold` different keys of `role` signed: one under two ids, or in two PEMs, counts once.
/// Errors: untrusted  reason wrong_signature.
Result<void> verify_signatures(const Envelope& envelope, const RoleKeys& role, const std::map<KeyId, PublicKey>& keys,
                               const SignatureVerifier& verifier, const std::string& what);

/// Whether `to` names other keys than `from` for a top-level role: the keys themselves, for a new id for an old key is
/// no rotation.
bool has_rotated(const Root& from, const Root& to, const std::string& role);

/// Whether a delegated role may speak about `path` (a `?` is one character, no wildcard is `/`; hashes are of SHA-256).
bool is_responsible(const DelegatedRole& role, std::string_view path);

/// The name of the bin that speaks about `path`.
std::string bin_of(const SuccinctRoles& roles, std::string_view path);

/// A role that is asked next about a path. `keys` belongs to the delegations it comes from.
struct Delegate {
  std::string name;
  const RoleKeys& keys;
  bool terminating = false;
  std::int64_t epoch = 1;
};

/// The roles to ask about `path`, in their order, up to the first that is terminating.
std::vector<Delegate> delegates_for(const Delegations& delegations, std::string_view path);

/// Everything but RFC 3986's unreserved characters percent-encoded: how a role name enters file names and addresses.
std::string encode_role_name(std::string_view role);

/// The name of a role's file on a repository: "7.rel-app.json"; without a version "timestamp.json".
std::string metadata_name(std::string_view role, std::optional<RoleVersion> version);

}  // namespace upswarm::trust
