// Which parts of a package travel as pieces of the swarm, and which as exact ranges from the origin.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/swarm.hpp"

namespace upswarm::agent {

/// A piece of which a machine alone needs this share is fetched whole, so that it can be passed on: of 16, 15.
inline constexpr std::uint64_t kWholeShare = 15;
inline constexpr std::uint64_t kWholeOf = 16;
/// Bytes between two ranges that are fetched with them, so that one request does for both, are together at most this
/// share of what is wanted: a request takes a round trip, in which a link of 100 Mbit/s carries far more than the gap.
inline constexpr std::uint64_t kGapShare = 20;
inline constexpr Bytes kLongestGap = 32_KiB;
inline constexpr std::size_t kMostRangeRequests = 1000;
inline constexpr Bytes kLongestRangeRequest = 4_MiB;

/// What is fetched how. Sums are of what crosses the network, gaps and the rest of pieces with it.
struct PartsChoice {
  std::vector<std::uint32_t> pieces = {};  ///< through the swarm; rising
  std::vector<SignedPart> parts = {};      ///< that do not lie in those pieces alone: by ranges
  Bytes here = {};                         ///< on disk already
  Bytes site = {};                         ///< from neighbours
  Bytes origin = {};
  Bytes by_ranges = {};  ///< of `origin`

  bool is_empty() const { return pieces.empty() && parts.empty(); }
  Bytes all() const { return here + site + origin; }
};

/// Decides for each piece that holds some of what is needed (rising, apart). It travels as a piece where
///   it is here, or a connected neighbour has it: then it costs the origin nothing;
///   or what is needed of it, by this machine and as much by each neighbour that may share it, is kWholeShare of
///   kWholeOf of it.
/// Otherwise, as for all that is scattered where the machine is alone, the origin is asked for what is needed alone.
PartsChoice choose_parts(const trust::PackageFile& file, const std::vector<SignedPart>& needed, const SwarmView& view);

/// The same where only pieces can be fetched.
PartsChoice choose_pieces(const trust::PackageFile& file, std::vector<std::uint32_t> pieces, const SwarmView& view);

/// What of the parts lies neither in the pieces nor in the first `here` bytes; what touches is one.
std::vector<FilePart> spans_outside(const trust::PackageFile& file, const std::vector<SignedPart>& parts,
                                    const std::vector<std::uint32_t>& pieces, Bytes here);

/// What to ask the origin for, so that `parts` are there when the pieces are, and the first `here` bytes: rising, at
/// most kLongestRangeRequest each, and, cut by that alone, kMostRangeRequests of them.
std::vector<FilePart> ranges_for(const trust::PackageFile& file, const std::vector<SignedPart>& parts,
                                 const std::vector<std::uint32_t>& pieces, Bytes here);

}  // namespace upswarm::agent
