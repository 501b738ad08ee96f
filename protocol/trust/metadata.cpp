#include "protocol/trust/metadata.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "protocol/trust/canonical_json.hpp"

namespace upswarm::trust {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t kLongestKeyId = 256;
constexpr std::size_t kLongestSignature = 8192;
constexpr std::size_t kLongestPattern = 1024;
constexpr std::size_t kMostKeysOfRole = 256;
constexpr std::size_t kMostDelegatedRoles = 4096;
constexpr std::size_t kMostPaths = 4096;
constexpr int kMostBinBits = 32;
constexpr std::array<const char*, 4> kTopLevelRoles{"root", "timestamp", "snapshot", "targets"};

bool is_spec_version(std::string_view text) {
  return text.starts_with("1.") && text.size() > 2 && text.size() <= 32 &&
         std::ranges::all_of(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

struct Common {
  RoleVersion version = 0;
  Time expires;
};

/// The fields that all four kinds share (4.2).
Common read_common(ObjectReader& in, std::string_view type) {
  if (in.text("_type") != type) in.fail("_type", "\"" + std::string(type) + "\" is wanted here");
  if (!is_spec_version(in.text("spec_version"))) in.fail("spec_version", "this program knows versions 1.x alone");
  Common common;
  common.version = in.integer("version", 1, kMax);
  common.expires = in.parsed("expires", parse_time).value_or(Time{});
  return common;
}

RoleKeys read_role_keys(ObjectReader& in) {
  RoleKeys role;
  in.array("keyids", kMostKeysOfRole);  // it may be empty, but must be there
  role.key_ids = in.texts_or_none("keyids", kMostKeysOfRole, kLongestKeyId);
  const std::set<std::string> different(role.key_ids.begin(), role.key_ids.end());
  if (different.size() != role.key_ids.size()) in.fail("keyids", "a key id stands there twice");
  role.threshold = static_cast<int>(in.integer("threshold", 1, kMostKeysOfRole));
  return role;
}

Result<std::map<KeyId, PublicKey>> read_keys(ObjectReader& in) {
  std::map<KeyId, PublicKey> keys;
  for (const auto& [id, value] : in.object("keys").items()) {
    if (id.empty() || id.size() > kLongestKeyId) in.fail("keys", "a key id is empty or too long");
    UPSWARM_TRY(keys[id], parse_key(value, "keys." + id.substr(0, kLongestKeyId)));
  }
  return keys;
}

/// One value of "meta": {version, length?, hashes?}.
Result<MetaFile> read_meta_file(ObjectReader in) {
  MetaFile file;
  file.version = in.integer("version", 1, kMax);
  if (in.has("length")) file.length = Bytes{static_cast<std::uint64_t>(in.integer("length", 1, kMax))};
  if (in.has("hashes")) {
    auto hashes = in.inside(in.object("hashes"), "hashes");
    file.sha256 = hashes.parsed("sha256", parse_sha256);
    UPSWARM_CHECK(in.finish_open());
    UPSWARM_CHECK(hashes.finish_open());
  }
  UPSWARM_CHECK(in.finish_open());
  return file;
}

Result<TargetFile> read_target_file(ObjectReader in) {
  TargetFile file;
  file.length = Bytes{static_cast<std::uint64_t>(in.integer("length", 0, kMax))};
  auto hashes = in.inside(in.object("hashes"), "hashes");
  UPSWARM_CHECK(in.finish_open());
  if (hashes.has("sha256") || !hashes.has("sha512")) {
    file.sha256 = hashes.parsed("sha256", parse_sha256).value_or(Sha256{});
  } else {
    file.sha512 = hashes.parsed("sha512", parse_sha512);
  }
  UPSWARM_CHECK(hashes.finish_open());
  return file;
}

/// A delegated role that is called like a top-level one would overwrite its file in the store, on a file system that
/// does not tell "Root" from "root" also when spelt otherwise.
bool is_top_level_name(std::string name) {
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::ranges::find(kTopLevelRoles, name) != kTopLevelRoles.end();
}

bool is_hash_prefix(std::string_view text) {
  return text.size() <= 64 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Result<DelegatedRole> read_delegated_role(ObjectReader in) {
  DelegatedRole role;
  role.name = in.text("name", kLongestRoleName);
  if (role.name.empty() || is_top_level_name(role.name)) in.fail("name", "no name for a delegated role");
  role.keys = read_role_keys(in);
  role.terminating = in.boolean("terminating");
  if (in.has("paths") == in.has("path_hash_prefixes")) in.fail("paths", "either paths or path_hash_prefixes is wanted");
  role.paths = in.texts_or_none("paths", kMostPaths, kLongestPattern);
  role.path_hash_prefixes = in.texts_or_none("path_hash_prefixes", kMostPaths, kLongestPattern);
  if (!std::ranges::all_of(role.path_hash_prefixes, is_hash_prefix)) {
    in.fail("path_hash_prefixes", "at most 64 lower-case hexadecimal digits are wanted");
  }
  role.epoch = in.integer_or("x-upswarm-epoch", 1, 1, kMax);
  UPSWARM_CHECK(in.finish_open());
  return role;
}

Result<SuccinctRoles> read_succinct_roles(ObjectReader in) {
  SuccinctRoles roles;
  roles.keys = read_role_keys(in);
  roles.bit_length = static_cast<int>(in.integer("bit_length", 1, kMostBinBits));
  roles.name_prefix = in.text("name_prefix", kLongestRoleName - 1 - kMostBinBits / 4);
  UPSWARM_CHECK(in.finish_open());
  return roles;
}

Result<Delegations> read_delegations(ObjectReader in) {
  Delegations delegations;
  UPSWARM_TRY(delegations.keys, read_keys(in));
  if (in.has("succinct_roles")) {
    if (in.has("roles")) in.fail("roles", "there is either this or succinct_roles");
    UPSWARM_TRY(delegations.succinct, read_succinct_roles(in.inside(in.object("succinct_roles"), "succinct_roles")));
    UPSWARM_CHECK(in.finish_open());
    return delegations;
  }
  std::set<std::string> names;
  for (const auto& value : in.array("roles", kMostDelegatedRoles)) {
    UPSWARM_TRY(auto role, read_delegated_role(in.inside(value, "roles", delegations.roles.size())));
    if (!names.insert(role.name).second) in.fail("roles", "the role \"" + role.name + "\" stands there twice");
    delegations.roles.push_back(std::move(role));
  }
  UPSWARM_CHECK(in.finish_open());
  return delegations;
}

/// The bytes of the character (UTF-8) that begins at `at`; within one, those that are left of it.
std::size_t length_of_character(std::string_view text, std::size_t at) {
  const auto is_inside = [&text](std::size_t i) { return (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80U; };
  std::size_t end = at + 1;
  while (end < text.size() && is_inside(end)) ++end;
  return end - at;
}

/// The key whatever its spelling: PEM may be wrapped in many ways, and what is around it means nothing (RFC 7468).
std::string key_itself(std::string text) {
  if (const auto begin = text.find("-----BEGIN"); begin != std::string::npos)
    text = text.substr(begin, text.find("-----END", begin) - begin);
  std::erase_if(text, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
  return text;
}

/// Whether `text`, one part of a path, fits `pattern`. Going back to the last star alone is enough, so that no pattern
/// takes longer than the product of the lengths.
bool fits_part(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
    } else if (p < pattern.size() && pattern[p] == '?') {
      ++p;
      t += length_of_character(text, t);
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

/// Whether they differ before the first wildcard: of a thousand products' patterns all but a few do.
bool begins_otherwise(std::string_view pattern, std::string_view path) {
  const auto [here, there] = std::ranges::mismatch(pattern, path);
  return here != pattern.end() && *here != '*' && *here != '?';
}

bool fits(std::string_view pattern, std::string_view path) {
  if (begins_otherwise(pattern, path)) return false;
  for (;;) {
    const auto pattern_end = pattern.find('/');
    const auto path_end = path.find('/');
    if (!fits_part(pattern.substr(0, pattern_end), path.substr(0, path_end))) return false;
    if (pattern_end == std::string_view::npos || path_end == std::string_view::npos) return pattern_end == path_end;
    pattern.remove_prefix(pattern_end + 1);
    path.remove_prefix(path_end + 1);
  }
}

}  // namespace

Result<Envelope> parse_envelope(std::string_view bytes, const std::string& what, Bytes longest) {
  UPSWARM_TRY(auto document, parse_json(bytes, what, {.longest = longest, .deepest = 32}));
  ObjectReader in(document, what);
  Envelope envelope;
  std::set<KeyId> ids;
  for (const auto& value : in.array("signatures", kMostSignatures)) {
    auto one = in.inside(value, "signatures", envelope.signatures.size());
    Signature signature{one.text("keyid", kLongestKeyId), one.text("sig", kLongestSignature)};
    UPSWARM_CHECK(one.finish_open());
    if (!ids.insert(signature.key_id).second) in.fail("signatures", "two signatures have the same key id");
    envelope.signatures.push_back(std::move(signature));
  }
  in.object("signed");
  UPSWARM_CHECK(in.finish_open());
  envelope.content = std::move(document["signed"]);
  envelope.canonical = to_canonical(envelope.content);
  return envelope;
}

Result<Root> parse_root(const Envelope& envelope) {
  ObjectReader in(envelope.content, "root");
  const auto common = read_common(in, "root");
  Root root;
  root.version = common.version;
  root.expires = common.expires;
  root.consistent_snapshot = in.boolean_or("consistent_snapshot", false);
  const auto& roles = in.object("roles");
  UPSWARM_CHECK(in.finish_open());
  UPSWARM_TRY(root.keys, read_keys(in));
  auto each = in.inside(roles, "roles");
  for (const auto* const name : kTopLevelRoles) {
    auto one = each.inside(each.object(name), name);
    UPSWARM_CHECK(each.finish_open());
    root.roles[name] = read_role_keys(one);
    UPSWARM_CHECK(one.finish_open());
  }
  UPSWARM_CHECK(in.finish_open());
  return root;
}

Result<Timestamp> parse_timestamp(const Envelope& envelope) {
  ObjectReader in(envelope.content, "timestamp");
  const auto common = read_common(in, "timestamp");
  auto meta = in.inside(in.object("meta"), "meta");
  UPSWARM_CHECK(in.finish_open());
  const auto& snapshot = meta.object("snapshot.json");
  UPSWARM_CHECK(meta.finish_open());
  Timestamp timestamp{.version = common.version, .expires = common.expires, .snapshot = {}};
  UPSWARM_TRY(timestamp.snapshot, read_meta_file(meta.inside(snapshot, "snapshot.json")));
  return timestamp;
}

Result<Snapshot> parse_snapshot(const Envelope& envelope) {
  ObjectReader in(envelope.content, "snapshot");
  const auto common = read_common(in, "snapshot");
  const auto& files = in.object("meta");
  UPSWARM_CHECK(in.finish_open());
  auto meta = in.inside(files, "meta");
  meta.object("targets.json");
  UPSWARM_CHECK(meta.finish_open());
  Snapshot snapshot{.version = common.version, .expires = common.expires, .meta = {}};
  for (const auto& [name, value] : files.items()) {
    if (!name.ends_with(".json")) in.fail("meta", "a name does not end with .json");
    UPSWARM_TRY(snapshot.meta[name], read_meta_file(meta.inside(value, name)));
  }
  UPSWARM_CHECK(in.finish_open());
  return snapshot;
}

Result<Targets> parse_targets(const Envelope& envelope, const std::string& role) {
  ObjectReader in(envelope.content, role);
  const auto common = read_common(in, "targets");
  const auto& files = in.object("targets");
  UPSWARM_CHECK(in.finish_open());
  Targets targets{.version = common.version, .expires = common.expires, .targets = {}, .delegations = {}};
  const auto where = in.inside(files, "targets");
  for (const auto& [path, value] : files.items()) {
    UPSWARM_TRY(targets.targets[path], read_target_file(where.inside(value, path)));
  }
  if (in.has("delegations")) {
    const auto& delegations = in.object("delegations");
    UPSWARM_CHECK(in.finish_open());
    UPSWARM_TRY(targets.delegations, read_delegations(in.inside(delegations, "delegations")));
  }
  UPSWARM_CHECK(in.finish_open());
  return targets;
}

Result<void> verify_signatures(const Envelope& envelope, const RoleKeys& role, const std::map<KeyId, PublicKey>& keys,
                               const SignatureVerifier& verifier, const std::string& what) {
  std::set<std::string> good;
  for (const auto& signature : envelope.signatures) {
    const auto key = keys.find(signature.key_id);
    if (key == keys.end() || std::ranges::find(role.key_ids, signature.key_id) == role.key_ids.end()) continue;
    if (verifier.is_good(key->second, signature.value, as_bytes(envelope.canonical)))
      good.insert(key_itself(key->second.public_text));
  }
  if (good.size() >= static_cast<std::size_t>(role.threshold)) return {};
  return Error{ErrorKind::untrusted, "verify " + what,
               std::to_string(good.size()) + " good signatures, but " + std::to_string(role.threshold) + " are wanted",
               "wrong_signature"};
}

bool has_rotated(const Root& from, const Root& to, const std::string& role) {
  const auto keys_of = [&role](const Root& root) {
    std::set<std::string> keys;
    for (const auto& id : root.roles.at(role).key_ids) {
      const auto key = root.keys.find(id);
      keys.insert(key == root.keys.end() ? id : key_itself(key->second.public_text));
    }
    return keys;
  };
  return keys_of(from) != keys_of(to);
}

bool is_responsible(const DelegatedRole& role, std::string_view path) {
  if (std::ranges::any_of(role.paths, [&](const auto& pattern) { return fits(pattern, path); })) return true;
  if (role.path_hash_prefixes.empty()) return false;
  const auto digest = sha256(path).hex();
  return std::ranges::any_of(role.path_hash_prefixes, [&](const auto& prefix) { return digest.starts_with(prefix); });
}

std::string bin_of(const SuccinctRoles& roles, std::string_view path) {
  static constexpr unsigned kBitsOfDigit = 4;
  const auto digest = sha256(path);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < sizeof(std::uint32_t); ++i)
    number = number << 8U | std::to_integer<std::uint64_t>(digest.bytes.at(i));
  number >>= static_cast<unsigned>(kMostBinBits - roles.bit_length);
  const auto digits = (static_cast<unsigned>(roles.bit_length) + kBitsOfDigit - 1) / kBitsOfDigit;
  std::string text;
  for (auto left = digits; left-- > 0;) text += kHexDigits[number >> (left * kBitsOfDigit) & 15U];
  return roles.name_prefix + "-" + text;
}

std::vector<Delegate> delegates_for(const Delegations& delegations, std::string_view path) {
  if (const auto& bins = delegations.succinct) return {{bin_of(*bins, path), bins->keys, true, 1}};
  std::vector<Delegate> delegates;
  for (const auto& role : delegations.roles) {
    if (!is_responsible(role, path)) continue;
    delegates.push_back({role.name, role.keys, role.terminating, role.epoch});
    if (role.terminating) break;
  }
  return delegates;
}

std::string encode_role_name(std::string_view role) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";  // RFC 3986, 2.1
  static constexpr std::string_view kUnreserved = "-._~";
  std::string encoded;
  for (const char c : role) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        kUnreserved.find(c) != std::string_view::npos) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return encoded;
}

std::string metadata_name(std::string_view role, std::optional<RoleVersion> version) {
  return (version ? std::to_string(*version) + "." : std::string()) + encode_role_name(role) + ".json";
}

}  // namespace upswarm::trust
