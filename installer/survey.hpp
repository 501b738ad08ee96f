// What is wrong with a tree on disk: every byte of it against the signed list of its files.
#pragma once

#include <optional>

#include "protocol/messages/verification.hpp"
#include "protocol/package/decode/sparse.hpp"
#include "protocol/package/tree.hpp"

namespace upswarm::installer {

inline constexpr std::size_t kMostExtras = 10'000;
inline constexpr std::string_view kTreeItself = ".";  ///< the path of a finding

struct Survey {
  struct Finding {
    messages::DamageKind kind;
    std::string path;
    std::string how;                        ///< for people
    std::optional<std::size_t> entry = {};  ///< of the tree; nothing: extra, or the folder of the tree itself
    bool is_mounted = false;                ///< another file system: nobody here touches it
  };
  std::vector<Finding> found;  ///< by path, so that a folder comes before what is in it; extras: the first kMostExtras
  std::size_t more = 0;        ///< extras beyond
  Bytes read;
  std::string link = {};       ///< what is wrong with `current`; empty: nothing
  bool is_list_lost = false;   ///< there was nothing to compare with
  bool needs_package = false;  ///< content is missing
  Bytes lost;                  ///< that content, each once, as far as no whole file of the tree has it

  /// Whether a repair has anything to do. What does not belong there is moved away only where a person asked.
  bool wants_repair(bool is_asked) const;
  bool is_whole() const { return found.empty() && link.empty() && !is_list_lost; }
  /// Services must not run while it is mended: not so where only modes are wrong, or there is too much.
  bool is_under_services() const;
  /// All or, of much, the beginning, for people: "share/data (its content was altered), lib (it is missing)".
  std::string words() const;
};

/// Compares the folder with `tree`: types, owners (root or who runs this), exact modes, sizes, content, where links
/// lead, and what does not belong there. What cannot be read counts as altered, for a disk may lose it so. What is
/// mounted there is told and not looked into. Memory: that of the findings.   Errors: cancelled, after 256 KiB more.
Result<Survey> survey_tree(Files& files, const Path& folder, const package::Tree& tree,
                           const package::ProgressSink& progress, const std::stop_token& stop);

/// The same for others to read.
messages::Verification told(const Survey& survey, const std::string& product, const std::string& version);

}  // namespace upswarm::installer
