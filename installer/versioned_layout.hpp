// ROOT/versions/<version>/ holds whole releases; ROOT/current is one of them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

/// The versioned layout under one ROOT. Not for use by two threads at once.
class VersionedLayout {
 public:
  /// `files` must outlive the layout.
  VersionedLayout(Files& files, Path root) : files_(files), root_(std::move(root)) {}

  Path folder_of(const std::string& version) const { return root_ / "versions" / version; }
  Path current() const { return root_ / "current"; }
  Path staging() const { return root_ / "versions" / ".staging"; }
  /// Of a chain of deltas: the release between, from which the next one is built.
  Path between() const { return root_ / "versions" / ".between"; }

  /// Makes ROOT and versions/, and checks that nobody else may write there.
  Result<void> prepare();

  /// What `current` names; nothing where there is no `current`.   Errors: corrupt  it is no link into versions/.
  Result<std::optional<std::string>> current_version();

  /// Makes the whole tree in staging() the release `version`. After success it survives a power cut.
  Result<void> adopt_staging(const std::string& version);

  /// Makes the whole tree in staging() the one in between().
  Result<void> set_staging_between();

  /// Makes `version` the one that starts next time; empty: none. After success the change survives a power cut; after
  /// an error or a power cut inside, `current` names the old release or the new one. Errors: not_found  it is not
  /// unpacked.
  Result<void> switch_to(const std::string& version);

  /// As switch_to, whatever is in the place of `current`: a folder is moved aside, to `current.aside`.
  Result<void> put_current_back(const std::string& version);

  /// Removes a release that is not current; it vanishes at once, not file by file.
  Result<void> remove(const std::string& version);

  /// Removes what interrupted work left behind: everything under versions/ that is neither in `known` nor current. With
  /// `keep_unfinished`, staging() and between() stay: trees half made, for the next installation to go on from.
  Result<void> clean(const std::vector<std::string>& known, bool keep_unfinished);

  /// Before something is made in staging(): bytes in the files that are there. What others could have written to is
  /// removed.
  Result<Bytes> prepare_staging();

  /// Undoes adopt_staging() for a release that nobody knows of, if it was done.
  Result<void> return_to_staging(const std::string& version);

  /// Removes staging() and between().
  Result<void> drop_unfinished();

 private:
  Files& files_;
  Path root_;
};

}  // namespace upswarm::installer
