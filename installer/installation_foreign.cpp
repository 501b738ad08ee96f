// Of Installation: releases that another installer installs. What it does is not ours to undo.
#include "installer/foreign.hpp"
#include "installer/installation.hpp"

namespace upswarm::installer {

/// Nothing: there is none, or it has no installer of its own.
std::optional<ForeignRelease> Installation::foreign_of(const trust::Entry* entry, const std::string& from) const {
  if (entry == nullptr || !entry->foreign) return std::nullopt;
  return ForeignRelease{*entry->foreign, context_of(entry->version, from)};
}

/// Once: not again where an interruption came after its end.
Result<void> Installation::install_foreign(ProductRecord& record, const std::stop_token& stop) {
  auto& journal = *record.journal;
  const auto to = foreign_of(&journal.to, journal.from);
  if (!to || journal.foreign_ended) return {};
  journal.foreign_begun = true;
  if (auto saved = records_.save(record); !saved) {
    journal.foreign_begun = false;
    return saved;
  }
  ForeignInstaller installer(files_, runner_);
  const auto needs_reboot = installer.install(*to, stop);
  if (!needs_reboot) {
    const auto from = foreign_of(entry_of(record, journal.from), journal.to.version);
    // Its own word that it did nothing, and the rules agree. The command of the release before could not now, either.
    if (from && needs_reboot.error().reason == kNotNow)
      journal.foreign_begun = !installer.is_settled(*from, to, stop).value_or(false);
    return needs_reboot.error();
  }
  journal.reboot = *needs_reboot;
  journal.foreign_ended = true;
  return records_.save(record);
}

/// After an interruption: whether the other installer had come to its end. A rule alone cannot tell: it may be true of
/// what is half done.   Errors: it cannot be told now.
Result<bool> Installation::is_foreign_done(const ProductRecord& record, const std::stop_token& stop) {
  const auto& journal = *record.journal;
  const auto to = foreign_of(&journal.to, journal.from);
  if (!to || !journal.foreign_ended) return false;
  return ForeignInstaller(files_, runner_).is_installed(*to, stop);
}

/// Best effort. Nothing is run where the command of the release was never begun, and only then.   Errors: invalid  it
/// is not back, and trying again is of no use; all else is to be tried again.
Result<void> Installation::put_foreign_back(const ProductRecord& record, const std::stop_token& stop) {
  const auto& journal = *record.journal;
  if (!journal.to.foreign || !journal.foreign_begun) return {};
  const auto from = foreign_of(entry_of(record, journal.from), journal.to.version);
  ForeignInstaller installer(files_, runner_);
  if (from) {
    UPSWARM_CHECK(installer.install(*from, stop));
    return {};
  }
  UPSWARM_TRY(const bool is_there, installer.is_installed(*foreign_of(&journal.to, ""), stop));
  const std::string begun = journal.foreign_ended ? "its own installer had ended well" : "its own installer was begun";
  return Error{ErrorKind::invalid, "put back what was there before " + journal.to.version,
               "nothing was; " + begun + ", and its rule " + (is_there ? "finds it" : "does not find it") +
                   ": what it left stays"};
}

/// What people are told of an update that ended well.
std::string Installation::remark_on(const Journal& journal) {
  if (!journal.to.foreign) return "";
  return std::string("installed by its own installer, so that going back is best effort") +
         (journal.reboot ? "; the machine must be restarted for it" : "");
}

}  // namespace upswarm::installer
