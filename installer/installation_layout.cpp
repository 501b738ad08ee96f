// Of Installation: which layout a product has, and whether a release fits into it.
#include "installer/installation.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

/// Also of an entry that this program cannot read.
std::string layout_of(const trust::Entry& entry) {
  const auto found = entry.unread.is_object() ? entry.unread.find("layout") : entry.unread.end();
  return found != entry.unread.end() && found->is_string() ? found->get<std::string>() : entry.layout;
}

/// Of the releases that are here, which all have the same; else of what is under way, or of `to`.
const trust::Entry* first_entry(const ProductRecord& record, const trust::Entry* to) {
  if (!record.releases.empty()) return &record.releases.front().entry;
  return record.journal ? &record.journal->to : to;
}

}  // namespace

std::string layout_change(const trust::Entry& from, const trust::Entry& to) {
  return "its layout is \"" + layout_of(to) + "\", that of " + from.version + " here is \"" + layout_of(from) +
         "\"; a product cannot change its layout: publish it as another product";
}

void Installation::use_layout(const ProductRecord& record, const trust::Entry* to) {
  const auto* const entry = first_entry(record, to);
  layout_ = make_layout(entry == nullptr ? trust::kInPlaceLayout : layout_of(*entry), files_, product_.root);
  if (entry == nullptr && !has_folders()) layout_ = make_layout(trust::kVersionedLayout, files_, product_.root);
}

/// What was never installed may have left something, all the same.
bool Installation::has_folders() const { return exists(files_, layout_->staging().parent_path()).value_or(true); }

Result<void> Installation::check_layout(const trust::Entry& to, const ProductRecord& record) const {
  if (self_ != nullptr && layout_of(to) != trust::kVersionedLayout) {
    return Error{ErrorKind::invalid, "install " + product_.product + " " + to.version,
                 "the launcher of this installer knows the layout \"versioned\" alone"};
  }
  const auto* const here = first_entry(record, &to);
  if (layout_of(*here) == layout_of(to)) return {};
  return Error{ErrorKind::invalid, "install " + product_.product + " " + to.version, layout_change(*here, to)};
}

/// The last look before anything is touched.
Result<void> Installation::check_switch(const trust::Entry& to, const ProductRecord& record) {
  return layout_->check_switch(to.version, record.journal->from);
}

/// Of the release in use, which `leaving` is unless the switch was not made or is done. Where its folder stays as it
/// is, what does not end does no harm; at fixed paths it would find files of two releases.
Result<void> Installation::close_programs(const std::string& leaving, const Stop& stop) {
  if (product_.closing.running == Running::leave || leaving.empty()) return {};
  UPSWARM_TRY(const auto in_use, layout_->current_version());
  if (in_use != leaving) return {};
  const ReleasePlace release{.folder = layout_->folder_of(leaving), .place = layout_->place_of(leaving)};
  const auto closed = runner_.close_programs(release, product_.closing, config_.agent_account, stop);
  if (closed || closed.error().kind == ErrorKind::cancelled || release.folder != release.place) return closed;
  log::warning("programs go on with the files of the release that is left",
               {{"product", product_.product}, {"version", leaving}, {"why", closed.error().message()}});
  return {};
}

Result<void> Installation::settle(const Stop& stop) {
  UPSWARM_TRY(const auto record, records_.load(product_.product));
  if (!record.journal) return {};
  const auto phase = record.journal->phase;
  if (phase != Phase::switching && phase != Phase::rolling_back) return {};
  // What another installer did may have come to its end: only recovery finds that out.
  if (record.journal->to.foreign) return {};
  use_layout(record, nullptr);
  UPSWARM_CHECK(layout_->prepare());
  return layout_->switch_to(record.journal->from, record.journal->to.version, stop);
}

}  // namespace upswarm::installer
