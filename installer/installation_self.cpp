// The steps of Installation where the product is this installer itself.
#include "installer/installation.hpp"

namespace upswarm::installer {

/// The new installer takes it from here; a start of it that comes to nothing is counted by the launcher.
Result<void> Installation::leave_to(const trust::Entry& to, ProductRecord& record) {
  UPSWARM_CHECK(write_phase(record, Phase::probation));
  return Error{ErrorKind::cancelled, "install " + record.product + " " + to.version, "the new installer goes on"};
}

/// The new installer runs, or else nobody was here. That it can be talked to says the old one, which nobody but root
/// can disturb. The trial goes on after the commit, with a count of its own. An administrator's word needs no trial.
Result<void> Installation::prove_self(const ProductRecord& record, const std::stop_token& stop) {
  if (self_ == nullptr) return {};
  const auto& journal = *record.journal;
  if (!journal.from.empty())
    UPSWARM_CHECK(
        runner_.run_hook("probe", ask_installer("--probe", config_.file), context_of(journal.from, ""), stop));
  if (journal.kind == "rollback") return self_->end();
  self_->forgive();
  return {};
}

/// In probation another installer runs than the one that was to be proved.
Result<messages::Outcome> Installation::fell_back(ProductRecord& record, const package::ProgressSink& progress,
                                                  const std::stop_token& stop) {
  const auto starts = self_->starts();
  const Error why{ErrorKind::invalid, "start the installer " + record.journal->to.version,
                  "it did not stay up in " + std::to_string(starts) + " starts; " + self_->running() + " runs again"};
  return undo(record, why, starts >= kMostStarts, progress, stop);
}

/// Which trees stay: the launcher may go back to what was placed by hand, too.
std::vector<std::string> Installation::versions_to_keep(const ProductRecord& record) {
  auto versions = record.versions();
  if (self_ != nullptr) versions.push_back(self_->previous());
  return versions;
}

}  // namespace upswarm::installer
