// What Upswarm signs inside TUF targets: the index of releases (offline) and the rollout filter (online).
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/json.hpp"
#include "protocol/base/version.hpp"
#include "protocol/trust/layout.hpp"

namespace upswarm::trust {

inline constexpr Bytes kLongestIndex = 4_MiB;
inline constexpr Bytes kLongestRollout = 64_KiB;
inline constexpr std::size_t kMostEntries = 500;
inline constexpr std::size_t kMostRings = 16;  ///< of one item
inline constexpr std::size_t kMostDeltas = 40;
inline constexpr std::int64_t kLargestCounterJump = 10'000;
inline constexpr Bytes kLongestTorrent = 4_MiB;           ///< a ".torrent" target
inline constexpr std::size_t kLongestReason = 1000;       ///< why a rollout waits, or a release is withdrawn; in bytes
inline constexpr std::size_t kLongestChangelog = 16'384;  ///< in bytes
inline constexpr std::size_t kMostServices = 64;
inline constexpr std::size_t kMostRequirements = 16;
inline constexpr Bytes kSmallestPiece = 16_KiB;
inline constexpr Bytes kLargestPiece = 16_MiB;

/// Orders the releases of a product, across its channels. A raised epoch recovers from stolen release keys.
struct ReleaseCounter {
  std::int64_t epoch = 1;
  std::int64_t n = 0;
  auto operator<=>(const ReleaseCounter&) const = default;
  std::string text() const;  ///< "1.42"
};

/// 40 hexadecimal digits: the SHA-1 of a v1 info dictionary (BEP 3).
using InfoHash = std::string;

/// One file that can be fetched.
struct PackageFile {
  std::string path;  ///< target path under pkg/ or pre/: "pkg/app/linux-x64/1.2.3/app-1.2.3.upk"
  Bytes length;      ///< at least 1
  Sha256 sha256;
  InfoHash info_hash;
  Bytes piece_length;  ///< a power of two, 16 KiB to 16 MiB
};

struct DeltaFile {
  std::string from_version;
  Sha256 from_content;  ///< content digest of the base
  PackageFile file;
};

struct HealthCheck {
  enum class Kind { none, command, confirm, http };
  Kind kind = Kind::none;
  Command command = {};                                        ///< for Kind::command
  std::chrono::milliseconds within{std::chrono::seconds(60)};  ///< repeated until it succeeds or this has passed
  std::chrono::milliseconds every{std::chrono::seconds(1)};
  std::string account = {};             ///< for Kind::confirm: who must confirm; for Kind::http: who must listen
  bool executable = false;              ///< for Kind::confirm: only a program of the release itself may
  std::int64_t port = 0;                ///< for Kind::http, on loopback: 1 to 65535
  std::string path = "/";               ///< for Kind::http: printable ASCII without spaces, 1024 at most
  std::int64_t status = 200;            ///< for Kind::http: the one that is healthy
  std::chrono::milliseconds stable{0};  ///< no service may end, fail or restart for so long; 0: not asked
};

struct Hooks {
  std::optional<Command> before;    ///< before services stop; failing cancels the update
  std::optional<Command> after;     ///< after the switch, before services start; failing rolls back
  std::optional<Command> rollback;  ///< after a switch back
};

/// Everything about a release that will act on a machine. Signed offline.
struct Entry {
  ReleaseCounter counter;
  std::string version;  ///< Semantic Versioning 2.0; unique in its index
  Sha256 content;       ///< content digest of the tree
  PackageFile full;
  Bytes index_length;  ///< of the full package's chunk index
  Sha256 index_digest;
  std::vector<DeltaFile> deltas;
  std::string layout = kVersionedLayout;  ///< that of a product stays what it was at first
  std::optional<Foreign> foreign = {};    ///< with kForeignLayout, and with no other
  Hooks hooks;
  HealthCheck health;
  std::vector<std::string> services;  ///< stopped before the switch, started after it, in this order
  bool urgent = false;
  std::string changelog;
  std::string minimum_version;  ///< the oldest version that may step to it; empty: any
  std::string salt;             ///< for the choice of machines by permille
  std::optional<Time> not_before;
  std::int64_t max_hold_days = 14;   ///< how long after not_before a filter may hold an urgent release
  std::int64_t max_defer_days = 7;   ///< how long a user may put it off
  bool chain_across_majors = false;  ///< a chain of deltas may lead here from more than one major version below
  /// Key `requires`: what a program must know to act on the entry. Names (parse_name), ascending; left out when empty.
  std::vector<std::string> requirements = {};
  /// Those of them that this program does not know. Then counter, version, content and requirements are all that was
  /// read, everything else has its default, and the entry is held everywhere.
  std::vector<std::string> not_known = {};
  Json unread = {};  ///< the whole of such an entry, for its digest and for writing it again; else null

  /// SHA-256 of the canonical JSON of the entry: what a rollout filter binds to.
  Sha256 digest() const;
};

/// A release that nobody is to get any more, and where those go who have it: the one way back that needs nobody at the
/// machine. Signed offline as the entries are; both counters are those of entries in the same index.
struct Withdrawal {
  ReleaseCounter counter;
  /// Lower than `counter` and not withdrawn itself; nothing: who has the release waits for a newer one.
  std::optional<ReleaseCounter> go_back_to = {};
  std::string reason = {};  ///< shown on machines
};

struct Index {
  std::string product;
  std::string channel;
  std::string platform;
  ReleaseCounter floor;                    ///< entries below may be delta bases, not destinations
  std::vector<Entry> entries;              ///< counters strictly rising, versions unique
  std::vector<Withdrawal> withdrawn = {};  ///< counters strictly rising; the key is left out where there are none

  const Entry* find(const ReleaseCounter& counter) const;                ///< nullptr: no such entry
  const Withdrawal* withdrawal_of(const ReleaseCounter& counter) const;  ///< nullptr: it stands
};

/// Only a filter: it can delay or hurry a release of the index, never add or alter one.
struct RolloutItem {
  ReleaseCounter counter;
  Sha256 entry;               ///< Entry::digest()
  std::int64_t permille = 0;  ///< 0 to 1000
  bool paused = false;
  std::string reason;
  std::vector<std::string> rings = {};  ///< only for machines in one of these; empty: for all. 16 different names
};

struct Rollout {
  std::string product;
  std::string channel;
  std::string platform;
  std::vector<RolloutItem> items;
};

// Strict: an unknown key is refused, so that nothing signed is silently ignored. Documents carry "_type"
// ("upswarm-index", "upswarm-rollout") and "format"; another format than 1 is refused by its number.
// Errors: corrupt; reason too_long  more than kLongestIndex or kLongestRollout.
// An entry that `requires` what this program does not know is not refused, and only it is held: of it no more is read
// than Entry::not_known says, so that what later programs invent makes no index unreadable.
Result<Entry> parse_entry(const Json& value, const std::string& where);
Result<Index> parse_index(std::string_view bytes, const std::string& what);
Result<Rollout> parse_rollout(std::string_view bytes, const std::string& what);

// What the parsers above read. Every field that format 1 has now is always written; one that comes later must be left
// out while it has its default, or else the digest of an entry would differ between older and newer programs.
Json to_json(const Entry& entry);
Json to_json(const Index& index);
Json to_json(const Rollout& rollout);

/// What an entry must require, for what it uses; a parsed one does require it.
std::vector<std::string> requirements_of(const Entry& entry);

/// Entry::not_known as one text: "NAME, NAME"; nothing where all that the entry requires is known here.
std::optional<std::string> unknown_requirements(const Entry& entry);

/// The parts of an entry that a publisher writes by hand (recipe): layout, foreign, hooks, health, services, urgent,
/// changelog, minimum_version, not_before, max_hold_days, max_defer_days, chain_across_majors. Same parser, same names
/// as in the entry; what is missing gets its default. The caller ends with in.finish().   Errors: of the kind of `in`.
Result<void> read_recipe(ObjectReader& in, Entry& entry);

std::string index_path(const std::string& product, const std::string& channel, const std::string& platform);
/// The index of nightly builds, for machines that opted in: "preindex/app/stable/linux-x64.json".
std::string preindex_path(const std::string& product, const std::string& channel, const std::string& platform);
std::string rollout_path(const std::string& product, const std::string& channel, const std::string& platform);

/// The rings of an item; none where the key is missing.   Errors: of the kind of `in`: no names, twice the same, an
/// empty list.
std::vector<std::string> read_rings(ObjectReader& in);

/// Names that become parts of paths: 1 to 64 of a-z 0-9 . _ -, starting with a letter or digit.   Errors: invalid.
Result<std::string> parse_name(std::string_view text);

}  // namespace upswarm::trust
