// Making a machine run another release of one product: install, roll back, recover.
#pragma once

#include <optional>
#include <string>

#include "installer/config.hpp"
#include "installer/product_record.hpp"
#include "installer/release_runner.hpp"
#include "installer/versioned_layout.hpp"
#include "protocol/base/clock.hpp"
#include "protocol/package/decode/package_reader.hpp"

namespace upswarm::installer {

/// The steps of one product on one machine, each journaled before it is done:
///
///   staging -> preparing -> switching -> probation -> committed
///                  |            |            |
///                  v            +-----+------+
///               forgotten             v
///                               rolling_back -> the release before runs again
///
/// Whatever fails or dies at any point, `current` names one whole release, and recover() brings the record and the
/// machine together again. One thread at a time.
class Installation {
 public:
  /// All must outlive the object. `state` holds trees/ (what was installed, for verifying) and incoming/.
  Installation(Files& files, RecordStore& records, ReleaseRunner& runner, const Clock& clock,
               const ProductConfig& product, const InstallerConfig& config, Path state);

  /// Where a package that is handed over is copied to.
  Path incoming() const { return state_ / "incoming" / (product_.product + ".package"); }

  /// Installs `to` from the file at incoming(), which was verified to be `package` of the entry (its full package, or
  /// the delta from what is installed), and removes that file. Where what runs has the same version and content,
  /// nothing is unpacked or switched: the entry takes the place of its own. The same version with other content is
  /// refused. The outcome is already in the record. An error means that the record could not be written, or
  /// `cancelled`: then recover() finishes or undoes at the next start.
  Result<messages::Outcome> install(const trust::Entry& to, const trust::PackageFile& package,
                                    const package::ProgressSink& progress, std::stop_token stop);

  /// Goes back to a release that is still here, after verifying every byte of it. Empty: the newest one below what runs
  /// that did not fail here.
  /// The release that is left is marked, so that it does not come back by itself.
  /// Errors: not_found, invalid  no such release; denied  below the floor; corrupt  damaged on disk.
  Result<messages::Outcome> roll_back(const std::string& version, const package::ProgressSink& progress,
                                      std::stop_token stop);

  /// Finishes or undoes what a crash left. Nothing where nothing was under way. Call at start, before anything else.
  Result<std::optional<messages::Outcome>> recover(const package::ProgressSink& progress, std::stop_token stop);

 private:
  Result<void> stage(const trust::Entry& to, const trust::PackageFile& package, ProductRecord& record,
                     const package::ProgressSink& progress, const std::stop_token& stop);
  Result<void> unpack(const trust::Entry& to, bool is_full, const ProductRecord& record,
                      const package::ProgressSink& progress, const std::stop_token& stop);
  Result<messages::Outcome> take_over(const trust::Entry& to, ProductRecord& record);
  Result<void> check_space(Bytes needed);
  Result<void> save_tree(const package::Tree& tree);
  Result<package::Tree> load_tree(const Sha256& content);
  Result<messages::Outcome> switch_and_commit(ProductRecord& record, const package::ProgressSink& progress,
                                              const std::stop_token& stop);
  Result<void> switch_over(ProductRecord& record, const package::ProgressSink& progress, const std::stop_token& stop);
  Result<messages::Outcome> commit(ProductRecord& record);
  Result<messages::Outcome> undo(ProductRecord& record, const Error& why, bool blame,
                                 const package::ProgressSink& progress, const std::stop_token& stop);
  Result<messages::Outcome> finish_undo(ProductRecord& record, const package::ProgressSink& progress,
                                        const std::stop_token& stop);
  Result<messages::Outcome> give_up(ProductRecord& record, const Error& why);
  Result<void> write_phase(ProductRecord& record, Phase phase);
  Result<messages::Outcome> add_outcome(ProductRecord& record, std::string result, std::string reason);
  void retire(ProductRecord& record);
  RunContext context_of(const std::string& version, const std::string& from) const;
  const trust::Entry* entry_of(const ProductRecord& record, const std::string& version) const;

  Files& files_;
  RecordStore& records_;
  ReleaseRunner& runner_;
  const Clock& clock_;
  const ProductConfig& product_;
  const InstallerConfig& config_;
  Path state_;
  VersionedLayout layout_;
};

}  // namespace upswarm::installer
