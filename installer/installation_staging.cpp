// Of Installation: how the tree of a release comes to be in staging.
#include "installer/guard.hpp"
#include "installer/installation.hpp"
#include "installer/linking.hpp"
#include "protocol/base/log.hpp"
#include "protocol/package/decode/delta_reader.hpp"

namespace upswarm::installer {
namespace {

constexpr Bytes kLongestTree = 512_MiB;

void tell(const package::ProgressSink& progress, std::string_view phase) {
  if (progress) progress({phase, {}, {}});
}

}  // namespace

/// A tree on disk that a delta starts from.
struct Installation::Base {
  std::string version;
  Path folder;
  package::Tree tree;
  bool may_link = false;  ///< files of it may be files of the next release, too
};

Result<void> Installation::stage(const trust::Entry& to, const Fill& fill, ProductRecord& record,
                                 const package::ProgressSink& progress, const std::stop_token& stop) {
  UPSWARM_CHECK(check_layout(to, record));
  UPSWARM_CHECK(layout_->prepare());
  UPSWARM_CHECK(layout_->clean(versions_to_keep(record), true));
  retire(record, stop);  // also what was in use then: the room may be needed
  tell(progress, "staging");
  UPSWARM_CHECK(fill());
  UPSWARM_CHECK(remove_incoming());
  // A release that is kept under the same version loses its folder now.
  std::erase_if(record.releases, [&](const auto& one) { return one.entry.version == to.version; });
  UPSWARM_CHECK(write_phase(record, Phase::preparing));
  UPSWARM_CHECK(layout_->adopt_staging(to.version));
  UPSWARM_CHECK(check_switch(to, record));
  return run_before(to, record, progress, stop);
}

Result<void> Installation::stage_kept(const trust::Entry& to, ProductRecord& record,
                                      const package::ProgressSink& progress, const std::stop_token& stop) {
  const auto* const kept = record.find(to.version);
  if (kept == nullptr || kept->entry.content != to.content) {
    return Error{ErrorKind::not_found, "install " + product_.product + " " + to.version, "it is not kept here"};
  }
  UPSWARM_CHECK(check_layout(to, record));
  tell(progress, "verifying");
  UPSWARM_TRY(const auto tree, load_tree(to.content));
  UPSWARM_CHECK(package::verify_tree(files_, layout_->folder_of(to.version), tree, stop));
  UPSWARM_CHECK(check_switch(to, record));
  UPSWARM_CHECK(write_phase(record, Phase::preparing));
  return run_before(to, record, progress, stop);
}

Result<void> Installation::unpack(const trust::Entry& to, ProductRecord& record, const package::ProgressSink& progress,
                                  const std::stop_token& stop) {
  const auto work = [&]() -> Result<void> {
    UPSWARM_TRY(auto file, files_.open(incoming()));
    UPSWARM_TRY(auto reader, package::PackageReader::open(std::move(file), &to.index_digest));
    if (package::content_digest(reader.index().tree) != to.content) {
      return Error{ErrorKind::corrupt, "unpack " + product_.product + " " + to.version,
                   "it holds another tree than the signed one"};
    }
    UPSWARM_CHECK(check_space(reader.index().tree.total_size()));
    package::OutputReport report;
    UPSWARM_CHECK(reader.unpack(files_, layout_->staging(), progress, stop, {.resume = true, .report = &report}));
    tell_kept(report);
    return save_tree(reader.index().tree);
  };
  auto done = work();
  if (!done) return put_aside({to.full, to.version, to.content}, nullptr, std::move(done).error(), record, stop);
  return done;
}

Result<void> Installation::apply_all(const trust::Entry& to, const std::vector<PackageStep>& steps,
                                     ProductRecord& record, const package::ProgressSink& progress,
                                     const std::stop_token& stop) {
  const auto* const installed = entry_of(record, record.current);
  if (installed == nullptr)
    return Error{ErrorKind::not_found, "apply a delta", "nothing is installed that it could start from"};
  UPSWARM_TRY(auto tree, load_tree(installed->content));
  Base base{record.current, layout_->folder_of(record.current), std::move(tree), may_link(product_, *installed, to)};
  UPSWARM_TRY(const auto first, take_up_chain(steps, base, stop));
  for (std::size_t i = first; i < steps.size(); ++i) {
    auto rebuilt = apply(steps[i], incoming(i), base, progress, stop);
    if (!rebuilt) return put_aside(steps[i], &base, std::move(rebuilt).error(), record, stop);
    if (i + 1 == steps.size()) {
      UPSWARM_CHECK(save_tree(*rebuilt));
      break;
    }
    UPSWARM_CHECK(write_file_atomically(files_, tree_between(), package::encode_tree(*rebuilt), 0600));
    UPSWARM_CHECK(layout_->set_staging_between());
    base = {steps[i].version, layout_->between(), std::move(*rebuilt), base.may_link};
  }
  UPSWARM_CHECK(remove_tree(files_, tree_between()));
  UPSWARM_CHECK(files_.sync_folder(tree_between().parent_path()));
  return remove_tree(files_, layout_->between());
}

/// Of a chain that was interrupted the last tree between may be whole: then it is the base, and the number of the step
/// from it is given.
Result<std::size_t> Installation::take_up_chain(const std::vector<PackageStep>& steps, Base& base,
                                                const std::stop_token& stop) {
  const auto verify = [&](const PackageStep& step) -> Result<package::Tree> {
    UPSWARM_TRY(const auto bytes, read_file(files_, tree_between(), kLongestTree));
    UPSWARM_TRY(auto tree, package::decode_tree(bytes, tree_between().string()));
    if (package::content_digest(tree) != step.content)
      return Error{ErrorKind::not_found, "go on with a chain", "another release was between"};
    UPSWARM_CHECK(check_private_folder(files_, layout_->between()));
    UPSWARM_CHECK(package::verify_tree(files_, layout_->between(), tree, stop));
    return tree;
  };
  for (auto i = steps.size(); i-- > 1;) {
    auto tree = verify(steps[i - 1]);
    if (!tree && tree.error().kind == ErrorKind::cancelled) return std::move(tree).error();
    if (!tree) continue;
    base = {steps[i - 1].version, layout_->between(), std::move(*tree), base.may_link};
    return i;
  }
  UPSWARM_CHECK(remove_tree(files_, layout_->between()));
  return std::size_t{0};
}

/// The tree of `step`, rebuilt in staging.
Result<package::Tree> Installation::apply(const PackageStep& step, const Path& file, const Base& base,
                                          const package::ProgressSink& progress, const std::stop_token& stop) {
  const auto doing = "apply the delta from " + base.version + " to " + product_.product + " " + step.version;
  UPSWARM_TRY(auto opened, files_.open(file));
  auto reader = package::DeltaReader::open(std::move(opened));
  if (!reader) {
    auto error = std::move(reader).error().within(doing);
    // What this program does not know is no fault of the release: its full package may well do.
    if (error.kind == ErrorKind::invalid) error.kind = ErrorKind::corrupt;
    return error;
  }
  if (reader->info().to_content != step.content)
    return Error{ErrorKind::corrupt, doing, "it leads to another tree than the signed one"};
  UPSWARM_CHECK(check_space(reader->info().unpacked));
  package::OutputReport report;
  UPSWARM_TRY(auto made, reader->apply(files_, base.folder, base.tree, layout_->staging(), progress, stop,
                                       {.resume = true, .report = &report, .may_link = base.may_link}));
  tell_kept(report);
  return made;
}

/// What went wrong, in the end: the base, or the package, which then is not tried on that base again.
Error Installation::put_aside(const PackageStep& step, const Base* base, Error why, ProductRecord& record,
                              const std::stop_token& stop) {
  if (why.kind != ErrorKind::corrupt) return why;
  if (base != nullptr) {
    const auto whole = package::verify_tree(files_, base->folder, base->tree, stop);
    if (!whole && whole.error().kind == ErrorKind::cancelled) return whole.error();
    if (!whole) {
      if (base->folder == layout_->folder_of(record.current)) note_damage(record, whole.error());
      return Error(whole.error()).within(base->version + " on disk is damaged");
    }
  }
  put_aside(step, base == nullptr ? std::nullopt : std::optional(package::content_digest(base->tree)), why, record);
  return why;
}

void Installation::put_aside(const PackageStep& step, const std::optional<Sha256>& base, const Error& why,
                             ProductRecord& record) {
  log::error("a package is put aside: its result is not what was signed", {{"product", record.product},
                                                                           {"package", step.package.path},
                                                                           {"base", base ? base->hex() : ""},
                                                                           {"why", why.message()}});
  record.put_aside({step.package.sha256, base, step.version, why.message(), clock_.now()});
}

/// For `needed` in staging, where some of it may be already.
Result<void> Installation::check_space(Bytes needed) {
  UPSWARM_TRY(const auto staged, layout_->prepare_staging());
  UPSWARM_TRY(const auto there, files_.free_space(product_.root));
  if (there + staged >= needed + config_.keep_free) return {};
  return Error{ErrorKind::no_space, "unpack under " + product_.root.string(),
               to_string(needed) + " and " + to_string(config_.keep_free) + " of reserve are needed, " +
                   to_string(there) + " are free; free some space, it is tried again by itself"};
}

void Installation::tell_kept(const package::OutputReport& report) const {
  if (report.kept_files == 0) return;
  log::info("went on with what was interrupted", {{"product", product_.product},
                                                  {"files", std::to_string(report.kept_files)},
                                                  {"bytes", std::to_string(report.kept.count)}});
}

/// For people alone: where the trees cannot be read, it is not known.
std::optional<std::int64_t> Installation::count_changes(const ProductRecord& record) {
  const auto& to = record.journal->to;
  const auto* const before = entry_of(record, record.journal->from);
  if (before != nullptr && before->content == to.content) return 0;
  const auto from = before == nullptr ? Result<package::Tree>(package::Tree{}) : load_tree(before->content);
  const auto now = load_tree(to.content);
  if (!from || !now) return std::nullopt;
  return static_cast<std::int64_t>(package::count_changed_files(*from, *now));
}

Path Installation::tree_between() const { return state_ / "trees" / (product_.product + ".between"); }

Result<void> Installation::save_tree(const package::Tree& tree) {
  return write_file_atomically(files_, state_ / "trees" / (package::content_digest(tree).hex() + ".tree"),
                               package::encode_tree(tree), 0600);
}

Result<package::Tree> Installation::load_tree(const Sha256& content) {
  const auto file = state_ / "trees" / (content.hex() + ".tree");
  UPSWARM_TRY(const auto bytes, read_file(files_, file, kLongestTree));
  UPSWARM_TRY(auto tree, package::decode_tree(bytes, file.string()));
  if (package::content_digest(tree) != content)
    return Error{ErrorKind::corrupt, "read " + file.string(), "it does not have its own digest"};
  return tree;
}

}  // namespace upswarm::installer
