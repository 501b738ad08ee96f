// Of Installation: releases that another installer installs. What it does is not ours to undo.
#include "installer/foreign.hpp"
#include "installer/installation.hpp"

namespace upswarm::installer {

/// Nothing: there is none, or it has no installer of its own.
std::optional<ForeignRelease> Installation::foreign_of(const trust::Entry* entry, const std::string& from) const {
  if (entry == nullptr || !entry->foreign) return std::nullopt;
  return ForeignRelease{*entry->foreign, context_of(entry->version, from)};
}

Result<void> Installation::install_foreign(ProductRecord& record, const std::stop_token& stop) {
  auto& journal = *record.journal;
  const auto to = foreign_of(&journal.to, journal.from);
  if (!to) return {};
  UPSWARM_TRY(journal.reboot, ForeignInstaller(files_, runner_).install(*to, stop));
  return {};
}

/// After an interruption: whether the other installer had come to its end.   Errors: it cannot be told now.
Result<bool> Installation::is_foreign_done(const ProductRecord& record, const std::stop_token& stop) {
  const auto& journal = *record.journal;
  const auto to = foreign_of(&journal.to, journal.from);
  if (!to) return false;
  return ForeignInstaller(files_, runner_).is_settled(*to, foreign_of(entry_of(record, journal.from), ""), stop);
}

/// Best effort. Nothing is run where nothing was changed.   Errors: invalid  it is not back, and trying again is of no
/// use; all else is to be tried again.
Result<void> Installation::put_foreign_back(const ProductRecord& record, const std::stop_token& stop) {
  const auto& journal = *record.journal;
  if (!journal.to.foreign) return {};
  const auto from = foreign_of(entry_of(record, journal.from), journal.to.version);
  ForeignInstaller installer(files_, runner_);
  if (!from) {
    UPSWARM_TRY(const bool is_there, installer.is_installed(*foreign_of(&journal.to, ""), stop));
    if (!is_there) return {};
    return Error{ErrorKind::invalid, "put back what was there before " + journal.to.version,
                 "nothing was; what its own installer left stays"};
  }
  UPSWARM_TRY(const bool is_back, installer.is_settled(*from, foreign_of(&journal.to, journal.from), stop));
  if (is_back) return {};
  UPSWARM_CHECK(installer.install(*from, stop));
  return {};
}

/// What people are told of an update that ended well.
std::string Installation::remark_on(const Journal& journal) {
  if (!journal.to.foreign) return "";
  return std::string("installed by its own installer, so that going back is best effort") +
         (journal.reboot ? "; the machine must be restarted for it" : "");
}

}  // namespace upswarm::installer
