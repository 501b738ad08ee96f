// Making a machine run another release of one product: install, roll back, recover.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "installer/config.hpp"
#include "installer/foreign.hpp"
#include "installer/layout.hpp"
#include "installer/package_step.hpp"
#include "installer/product_record.hpp"
#include "installer/release_runner.hpp"
#include "installer/self_update.hpp"
#include "installer/sparse_package.hpp"
#include "installer/survey.hpp"
#include "protocol/base/clock.hpp"
#include "protocol/package/decode/package_reader.hpp"

namespace upswarm::installer {

/// The steps of one product on one machine, each journaled before it is done:
///
///   staging -> preparing -> switching -> probation -> committed       staging -> repairing -> mended, the same
///                  |            |            |                                                version
///                  v            +-----+------+
///               forgotten             v
///                               rolling_back -> the release before runs again
///
/// Whatever fails or dies at any point, `current` names one whole release, and recover() brings the record and the
/// machine together again. One thread at a time.
class Installation {
 public:
  /// All must outlive the object. `state` holds trees/ (what was installed, for verifying) and incoming/. `self`: the
  /// product is this installer. Then the switch ends with `cancelled`: the program must end, and the one of `current`
  /// goes on with recover().
  Installation(Files& files, RecordStore& records, ReleaseRunner& runner, const Clock& clock,
               const ProductConfig& product, const InstallerConfig& config, Path state, SelfUpdate* self = nullptr);

  /// Where a package that is handed over is copied to, the first being 0.
  Path incoming(std::size_t step = 0) const;
  /// Removes all files at incoming().
  Result<void> remove_incoming();

  /// Which of `contents` are whole here under a version of the same content; every byte of them is read.
  /// Errors: as RecordStore::load; cancelled.
  Result<messages::Presence> present(const std::vector<Sha256>& contents, const std::stop_token& stop);

  /// Installs `to` from the files at incoming(0) and following, which were verified to be the packages of `steps`, and
  /// removes them: the full package of `to`, or 1 to kLongestChain deltas, the first from what is installed, each from
  /// what the one before rebuilds, the last to `to`. The trees between are verified as any other and removed again.
  /// What a restart interrupted is gone on with, whatever release it was to be: files that are whole and belong to the
  /// tree are kept, everything else is made anew.
  /// A package whose result is not the signed one is quarantined with its base, unless the base was damaged. Where what
  /// runs has the same version and content, nothing is unpacked or switched: the entry takes the place of its own. The
  /// same version with other content is refused. The outcome is already in the record. An error means that the record
  /// could not be written, or `cancelled`: then recover() finishes or undoes at the next start.
  Result<messages::Outcome> install(const trust::Entry& to, const std::vector<PackageStep>& steps,
                                    const package::ProgressSink& progress, std::stop_token stop);

  /// Which parts of the full package of `to` must be fetched, given what runs here and what is left of a tree of `to`.
  /// `part` holds at least the index. Every byte on disk is read. `with_frames`: as SparsePackage::missing.
  /// Errors: as SparsePackage; as RecordStore::load.
  Result<messages::MissingParts> missing(const trust::Entry& to, std::unique_ptr<InputFile> part, bool with_frames,
                                         const package::ProgressSink& progress, const std::stop_token& stop);

  /// Installs `to` from those parts of its full package, which `part` must hold, and from what they were reckoned
  /// from. A result that is not the signed one quarantines the package on what is installed alone; a part that is not
  /// there, or a file that was changed meanwhile, nothing.
  Result<messages::Outcome> install_sparse(const trust::Entry& to, std::unique_ptr<InputFile> part,
                                           const package::ProgressSink& progress, std::stop_token stop);

  /// Installs `to` from its tree that is still under versions/, after verifying every byte of it.
  Result<messages::Outcome> install_kept(const trust::Entry& to, const package::ProgressSink& progress,
                                         std::stop_token stop);

  /// Goes back to a release that is still here, after verifying every byte of it. Empty: the newest one below what runs
  /// that did not fail here. The release that is left is marked, so that it does not come back by itself.
  /// Errors: not_found, invalid  no such release; denied  below the floor. What fails then is an outcome.
  Result<messages::Outcome> roll_back(const std::string& version, const package::ProgressSink& progress,
                                      std::stop_token stop);
  /// Where an interrupted switch is going to be undone, has `current` name the release before already: for the start of
  /// the machine, before any service. Nothing else is touched; recover() does the rest.   Errors: as VersionedLayout.
  Result<void> settle(const std::stop_token& stop);

  /// Looks at every byte of what runs, and at what `current` names. Changes nothing.
  /// Errors: not_found  nothing is installed; as survey_tree.
  Result<Survey> survey(const package::ProgressSink& progress, const std::stop_token& stop);

  /// What is damaged waits for the agent, or is mended at once where nothing has to be fetched. What does not belong
  /// there is only told, unless an administrator asked.   Errors: as RecordStore.
  Result<void> note_survey(const Survey& found, bool is_asked);
  /// As missing(), of what runs and what of it is left.
  Result<messages::MissingParts> damaged(std::unique_ptr<InputFile> part, bool with_frames,
                                         const package::ProgressSink& progress, const std::stop_token& stop);

  /// Makes what runs whole again, in its place: new files are made beside it and verified; only then the services that
  /// run are stopped, unless only modes are wrong or there is too much, and each file is put where it belongs by a
  /// rename (mending.hpp). Services that are owed are started, whatever is damaged. No release is blamed for anything.
  /// `part` holds what is missing of its full package. Without it: nothing where it would be needed, which the record
  /// then says, or where there is nothing to mend. A failure is an outcome, and waited after. An error means that the
  /// record could not be written, or `cancelled`.
  Result<std::optional<messages::Outcome>> repair(std::unique_ptr<InputFile> part,
                                                  const package::ProgressSink& progress, std::stop_token stop);

  /// Finishes or undoes what a crash left. Nothing where nothing was under way. Call at start, before anything else.
  /// With an error the journal stays: to be called again, by and by, and then with `is_restart` false, for no release
  /// is to blame for it.
  Result<std::optional<messages::Outcome>> recover(const package::ProgressSink& progress, std::stop_token stop,
                                                   bool is_restart = true);

 private:
  using Progress = package::ProgressSink;
  using Stop = std::stop_token;
  using Done = Result<messages::Outcome>;
  struct Base;
  Result<ProductRecord> begin(const trust::Entry& to, const char* kind);
  using Fill = std::function<Result<void>()>;  ///< makes the tree in staging
  Result<void> stage(const trust::Entry& to, const Fill& fill, ProductRecord& record, const Progress& progress,
                     const Stop& stop);
  Result<void> stage_kept(const trust::Entry& to, ProductRecord& record, const Progress& progress, const Stop& stop);
  Result<void> run_before(const trust::Entry& to, const ProductRecord& record, const Progress& progress,
                          const Stop& stop);
  Result<void> unpack(const trust::Entry& to, ProductRecord& record, const Progress& progress, const Stop& stop);
  Result<SparsePackage> open_sparse(const trust::Entry& to, std::unique_ptr<InputFile> part,
                                    const ProductRecord& record, const Progress& progress, const Stop& stop);
  Result<void> unpack_sparse(const trust::Entry& to, std::unique_ptr<InputFile> part, ProductRecord& record,
                             const Progress& progress, const Stop& stop);
  Result<void> apply_all(const trust::Entry& to, const std::vector<PackageStep>& steps, ProductRecord& record,
                         const Progress& progress, const Stop& stop);
  Result<package::Tree> apply(const PackageStep& step, const Path& file, const Base& base, const Progress& progress,
                              const Stop& stop);
  Result<std::size_t> take_up_chain(const std::vector<PackageStep>& steps, Base& base, const Stop& stop);
  Path tree_between() const;
  void tell_kept(const package::OutputReport& report) const;
  Error put_aside(const PackageStep& step, const Base* base, Error why, ProductRecord& record, const Stop& stop);
  void put_aside(const PackageStep& step, const std::optional<Sha256>& base, const Error& why, ProductRecord& record);
  Done take_over(const trust::Entry& to, ProductRecord& record);
  Result<void> check_space(Bytes needed);
  Result<void> save_tree(const package::Tree& tree);
  Result<package::Tree> load_tree(const Sha256& content);
  Done switch_and_commit(ProductRecord& record, const Progress& progress, const Stop& stop);
  Result<void> switch_over(ProductRecord& record, const Progress& progress, const Stop& stop);
  Result<void> note_services(ProductRecord& record, const Stop& stop);
  Result<void> close_programs(const std::string& leaving, const Stop& stop);
  std::vector<std::string> services_to_start(const ProductRecord& record) const;
  Result<void> leave_to(const trust::Entry& to, ProductRecord& record);
  Result<void> prove_self(const ProductRecord& record, const Stop& stop);
  std::vector<std::string> versions_to_keep(const ProductRecord& record);
  Done fell_back(ProductRecord& record, const Progress& progress, const Stop& stop);
  Done commit(ProductRecord& record, const Stop& stop);
  std::optional<std::int64_t> count_changes(const ProductRecord& record);
  Done undo(ProductRecord& record, const Error& why, bool blame, const Progress& progress, const Stop& stop);
  Done finish_undo(ProductRecord& record, const Progress& progress, const Stop& stop);
  Done give_up(ProductRecord& record, const Error& why, bool was_interrupted = false);
  Done go_on(ProductRecord& record, const Error& interrupted, bool is_crash, const Progress& progress,
             const Stop& stop);
  Result<std::string> wrong_link(const ProductRecord& record);
  Result<void> note_wrong_link(ProductRecord& record, const std::string& wrong);
  void note_damage(ProductRecord& record, const Error& why);
  void mark_damaged(ProductRecord& record, std::string found, bool needs_package, bool is_asked);
  void hold_what_comes_back(ProductRecord& record, const Survey& found);
  struct Repair;
  Result<std::optional<messages::Outcome>> try_repair(std::unique_ptr<InputFile> part, const Progress& progress,
                                                      const Stop& stop);
  Result<Repair> prepare_repair(const trust::Entry& entry, std::unique_ptr<InputFile> part, const Progress& progress,
                                const Stop& stop);
  Result<void> carry_out(const Repair& repair, ProductRecord& record, const Progress& progress, const Stop& stop);
  Done end_repair(ProductRecord& record, std::string result, std::string reason);
  Error stopped_by(const Error& why, ProductRecord& record);
  Result<void> write_phase(ProductRecord& record, Phase phase);
  Done add_outcome(ProductRecord& record, std::string result, std::string reason);
  void retire(ProductRecord& record, const Stop& stop);
  Result<void> drop_tree(const Sha256& content);
  void use_layout(const ProductRecord& record, const trust::Entry* to);
  std::optional<ForeignRelease> foreign_of(const trust::Entry* entry, const std::string& from) const;
  Result<void> install_foreign(ProductRecord& record, const Stop& stop);
  Result<bool> is_foreign_done(const ProductRecord& record, const Stop& stop);
  Result<void> put_foreign_back(const ProductRecord& record, const Stop& stop);
  static std::string remark_on(const Journal& journal);
  bool has_folders() const;
  Result<void> check_layout(const trust::Entry& to, const ProductRecord& record) const;
  Result<void> check_switch(const trust::Entry& to, const ProductRecord& record);
  RunContext context_of(const std::string& version, const std::string& from) const;
  RunContext context_in_use(const std::string& version, const std::string& from) const;
  const trust::Entry* entry_of(const ProductRecord& record, const std::string& version) const;

  Files& files_;
  RecordStore& records_;
  ReleaseRunner& runner_;
  const Clock& clock_;
  const ProductConfig& product_;
  const InstallerConfig& config_;
  Path state_;
  std::unique_ptr<Layout> layout_;  ///< of what runs or is under way: use_layout()
  SelfUpdate* self_;
};

}  // namespace upswarm::installer
