// Which way brings a machine to a release, and why not another.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/manners/link.hpp"
#include "agent/parts_choice.hpp"
#include "protocol/messages/installer_messages.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::agent {

/// In the order that is taken where the cost is the same.
enum class WayKind { nothing, delta, chain, sparse, full };

std::string_view to_string(WayKind kind);

// The weights of a normal link: what a byte costs by where it comes from, in sixty-fourths of a byte from the origin.
/// The WAN link is what all machines of a site share.
inline constexpr std::int64_t kOriginWeight = 64;
/// A LAN of 1 Gbit/s carries some 10 to 20 times what a WAN link does, and nobody pays for it.
inline constexpr std::int64_t kSiteWeight = 4;
/// For each compressed byte of the release that a step rebuilds and writes. Deltas are applied at 50 to 700 MB a second
/// and core, measured, where 10 MB a second come over a WAN link of 100 Mbit/s.
inline constexpr std::int64_t kRebuildWeight = 1;
/// Anyone of a site may tell the tracker that it has a package. A way that would take more than so many times the bytes
/// of the cheapest from the origin is reckoned from the origin, whatever the tracker says: a lie, or a neighbour that
/// goes, must not cost the WAN link more.
inline constexpr std::uint64_t kMostByWord = 2;

/// One package of a way.
struct Step {
  trust::PackageFile file;
  std::optional<Sha256> from;  ///< content; nothing: it stands by itself
  std::string from_version;
  std::string to_version;
  Sha256 to;                ///< content
  Bytes rebuilds;           ///< the full package of `to`
  PartsChoice choice = {};  ///< what of the file is wanted; empty: all
};

struct ExpectedBytes {
  Bytes disk;    ///< in the agent's cache
  Bytes site;    ///< from neighbours
  Bytes origin;  ///< from the seeder; where nobody knows better
  Bytes network() const { return site + origin; }
};

struct Way {
  WayKind kind = WayKind::full;
  std::vector<Step> steps = {};
  ExpectedBytes bytes = {};
  std::int64_t cost = 0;     ///< by the weights above
  bool is_fallback = false;  ///< it takes more than a delta would that failed
  std::string why_not{};     ///< empty: it can be taken
  std::string verdict{};     ///< for people: why it is taken, or why another is
};

/// What fetching only the missing parts of the full package would take.
struct SparseOffer {
  PartsChoice choice = {};             ///< the index with it; empty: it cannot be done
  std::vector<FilePart> missing = {};  ///< what `choice` was made for, should the origin have to give pieces alone
  SwarmView view = {};                 ///< that it was made by
  std::string why_not = {};            ///< for people, where it cannot be done
};

struct PlanFacts {
  trust::Entry wanted = {};
  std::vector<trust::Entry> releases = {};  ///< of the signed index: what a chain may lead through
  std::string installed_version = {};       ///< empty: nothing is installed
  std::optional<Sha256> installed = {};
  bool is_here = false;          ///< the installer found the wanted tree whole on disk
  std::string here_damage = {};  ///< why the wanted tree, which is on disk, cannot be used
  std::string base_damage = {};  ///< why nothing may start from what is installed
  std::vector<messages::Quarantined> quarantine = {};
  std::set<Sha256> useless = {};               ///< packages whose bytes failed here
  std::set<Sha256> cached = {};                ///< packages that are whole in the cache
  std::map<WayKind, std::string> failed = {};  ///< just now, and why
  Link link = Link::normal;
  std::string link_says = {};  ///< for people, why a link is slow
  /// Of the month's budget for fallbacks on a metered link; nothing: the link is not, or there is no limit.
  std::optional<Bytes> fallback_left = {};
  /// How many neighbours have each package whole, by the tracker's word (kMostByWord); of those that are left out
  /// nobody knows, and the origin is reckoned with.
  std::map<trust::InfoHash, int> seeds = {};
  std::optional<SparseOffer> sparse = {};  ///< nothing: nobody looked for it
};

struct Plan {
  std::vector<Way> ways;  ///< one of each kind: those that can be taken first, the cheapest first
  std::string reason;     ///< a sentence for people
  const Way* chosen() const { return ways.empty() || !ways.front().why_not.empty() ? nullptr : &ways.front(); }
};

/// On a normal link the lowest cost wins; on a slow or metered one the fewest bytes over the network.
///
///   nothing  the wanted tree is on disk, or runs already under another counter
///   delta    the one of the wanted entry from what is installed
///   chain    the cheapest of 2 to messages::kLongestChain deltas of the signed index, unless the wanted release is
///   more
///            than one major version away and its entry does not say chain_across_majors
///   sparse   the pieces and parts of facts.sparse, where they are less than the full package
///   full     always, but where its bytes failed here
///
/// None starts from a damaged base (but sparse, which takes of it what is whole), is quarantined (of a chain: any of
/// its steps), failed just now, or is a fallback that takes more of the network than facts.fallback_left.
Plan make_plan(const PlanFacts& facts);

/// The packages of which it matters to a plan who has them: the full one, the delta, and the deltas on a chain from
/// what is installed to what is wanted, the nearest first. None where nothing has to be fetched; at most
/// messages::kMostScraped.
std::vector<trust::InfoHash> worth_asking_about(const PlanFacts& facts);

/// The largest index that is fetched to see what it would save.
inline constexpr Bytes kLongestFetchedIndex = 16_MiB;

/// Whether it is worth fetching the index of the full package, and reading what is on disk, to know what a sparse fetch
/// would take. `plan` was made without. Where nothing, a delta or a chain serves, it is not: an index is a cost on the
/// WAN link, and where there is a delta it is nearly always the smaller. Nor where nothing is installed, the package is
/// here already, or its index is longer than kLongestFetchedIndex, a quarter of it or facts.fallback_left.
bool is_worth_looking_for_parts(const Plan& plan, const PlanFacts& facts);

/// Whether nothing else stands in the way of the full package than facts.fallback_left.
bool is_over_budget(const Plan& plan);

/// Whether any delta starts from what is installed, so that it is worth verifying.
bool has_delta_from_installed(const PlanFacts& facts);

/// Whether `to` is a higher major version than `from`.
bool is_major_upgrade(const std::string& from, const std::string& to);

/// For people: "delta from 1.0.0 (12.0 KiB)".
std::string words_of(const Way& way);

}  // namespace upswarm::agent
