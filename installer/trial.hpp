// What installer and launcher say to each other while a new release of the installer is on trial, or watched after its
// commit: one small file.
//
//   upswarm-trial 1
//   previous 1.0.0
//   trying 1.1.0
//   starts 2
//
// The old installer writes it before it switches; the launcher counts in it; whoever ends the trial removes it. Without
// it the launcher counts nothing and changes nothing. The form never changes: a launcher is not updated.
//
// Counting must not fail on a full disk, for it is what keeps a bad release from starting for ever. So the counts are
// written beforehand, as trial.1 to trial.3; a rename takes no space.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

inline constexpr const char* kTrial = "trial";  ///< its name in the installer's state folder
inline constexpr int kMostStarts = 3;           ///< of a release that is on trial; then the previous one starts again
inline constexpr Bytes kLongestTrial = 1_KiB;

struct Trial {
  std::string previous;  ///< folders under versions/
  std::string trying;
  int starts = 0;
};

std::string text_of(const Trial& trial);
/// Errors: corrupt.
Result<Trial> parse_trial(std::string_view text);

/// Nothing: none is under way.   Errors: corrupt, disk.
Result<std::optional<Trial>> read_trial(Files& files, const Path& file);
/// Begins one: none of its starts is counted. After success it survives a power cut; else the old one is there.
Result<void> begin_trial(Files& files, const Path& file, const std::string& previous, const std::string& trying);
/// Makes `trial`, of which one more start is counted, the one under way, and takes what was written beforehand for it.
/// After success it survives a power cut; else the old one is there.
Result<void> count_start(Files& files, const Path& file, const Trial& trial);
/// After success none is under way, also after a power cut.
Result<void> end_trial(Files& files, const Path& file);

}  // namespace upswarm::installer
