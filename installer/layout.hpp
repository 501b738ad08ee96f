// How the releases of one product lie on disk, and which of them is in use.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

/// Beside staging(): what a repair moved away, by the number of the repair. It stays until the next release comes.
inline constexpr const char* kAside = ".aside";

/// Under one ROOT. Every release that is here is kept whole in a folder of its own that nobody else may write to; what
/// is in use is one of them. Not for use by two threads at once.
class Layout {
 public:
  virtual ~Layout() = default;

  /// The whole tree of a release.
  virtual Path folder_of(const std::string& version) const = 0;
  /// Where the product runs `version` from, once it was switched to.
  virtual Path place_of(const std::string& version) const = 0;
  /// Where a release is made.
  virtual Path staging() const = 0;
  /// Of a chain of deltas: the release between, from which the next one is built.
  virtual Path between() const = 0;

  /// Makes ROOT and the folders of the layout, and checks that nobody else may write there.
  virtual Result<void> prepare() = 0;

  /// What is in use; nothing at first.   Errors: corrupt  what says so was not made by Upswarm.
  virtual Result<std::optional<std::string>> current_version() = 0;

  /// Makes the whole tree in staging() the release `version`. After success it survives a power cut.
  /// Errors: invalid  the layout has no place for this tree.
  virtual Result<void> adopt_staging(const std::string& version) = 0;

  /// Makes the whole tree in staging() the one in between().
  virtual Result<void> set_staging_between() = 0;

  /// Whether switch_to() has its way, as far as can be told without changing anything.
  /// Errors: denied  something stands in the way that somebody must look at: said which.
  virtual Result<void> check_switch(const std::string& version, const std::string& leaving) = 0;

  /// Makes `version` the one in use, in place of `leaving`, which is still here; each may be empty: none. After success
  /// the change survives a power cut. After an error or a power cut inside, another call, in this direction or back,
  /// makes it whole. Errors: not_found  it is not unpacked; cancelled  as after a power cut inside; as check_switch.
  virtual Result<void> switch_to(const std::string& version, const std::string& leaving,
                                 const std::stop_token& stop) = 0;
  /// The same, whole at once or in error: no stop ends it.
  Result<void> switch_to(const std::string& version, const std::string& leaving) {
    return switch_to(version, leaving, {});
  }

  /// What is wrong with what is in use, which is to be `version`, as far as names alone tell: for people. Empty:
  /// nothing.
  virtual Result<std::string> what_is_wrong(const std::string& version) = 0;

  /// Makes `version` the one in use again, whatever somebody did to what says so; its folder is whole.
  virtual Result<void> mend_current(const std::string& version) = 0;

  /// Removes a release that is not current; it vanishes at once, not file by file.
  virtual Result<void> remove(const std::string& version) = 0;

  /// Removes what interrupted work left behind: every release that is neither in `known` nor current. With
  /// `keep_unfinished`, staging() and between() stay: trees half made, for the next installation to go on from.
  virtual Result<void> clean(const std::vector<std::string>& known, bool keep_unfinished) = 0;

  /// Before something is made in staging(): bytes in the files that are there. What others could have written to is
  /// removed.
  virtual Result<Bytes> prepare_staging() = 0;

  /// Undoes adopt_staging() for a release that nobody knows of, if it was done.
  virtual Result<void> return_to_staging(const std::string& version) = 0;

  /// Removes staging() and between().
  virtual Result<void> drop_unfinished() = 0;
};

/// That of entries with this `layout`. `files` must outlive it.
std::unique_ptr<Layout> make_layout(std::string_view name, Files& files, const Path& root);

}  // namespace upswarm::installer
