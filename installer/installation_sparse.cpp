// The way of Installation that takes the most part of a release from disk.
#include "installer/installation.hpp"
#include "installer/linking.hpp"

namespace upswarm::installer {

Result<messages::MissingParts> Installation::missing(const trust::Entry& to, std::unique_ptr<InputFile> part,
                                                     bool with_frames, const package::ProgressSink& progress,
                                                     const std::stop_token& stop) {
  UPSWARM_TRY(const auto record, records_.load(product_.product));
  use_layout(record, &to);
  UPSWARM_TRY(const auto package, open_sparse(to, std::move(part), record, progress, stop));
  return package.missing(to.full.piece_length, with_frames);
}

Result<messages::Outcome> Installation::install_sparse(const trust::Entry& to, std::unique_ptr<InputFile> part,
                                                       const package::ProgressSink& progress, std::stop_token stop) {
  UPSWARM_TRY(auto record, begin(to, "sparse"));
  if (to.version == record.current) return take_over(to, record);
  const auto fill = [&] { return unpack_sparse(to, std::move(part), record, progress, stop); };
  if (const auto staged = stage(to, fill, record, progress, stop); !staged) return give_up(record, staged.error());
  return switch_and_commit(record, progress, stop);
}

/// What runs, and what is left of a tree of the same release: other kept releases are mostly the same again.
Result<SparsePackage> Installation::open_sparse(const trust::Entry& to, std::unique_ptr<InputFile> part,
                                                const ProductRecord& record, const package::ProgressSink& progress,
                                                const std::stop_token& stop) {
  std::vector<Path> trees;
  if (!record.current.empty()) trees.push_back(layout_->folder_of(record.current));
  if (to.version != record.current && record.find(to.version) != nullptr)
    trees.push_back(layout_->folder_of(to.version));
  return SparsePackage::open(files_, std::move(part), to, trees, progress, stop);
}

Result<void> Installation::unpack_sparse(const trust::Entry& to, std::unique_ptr<InputFile> part, ProductRecord& record,
                                         const package::ProgressSink& progress, const std::stop_token& stop) {
  UPSWARM_TRY(auto package, open_sparse(to, std::move(part), record, progress, stop));
  UPSWARM_CHECK(check_space(package.tree().total_size()));
  const auto* const installed = entry_of(record, record.current);
  package::OutputReport report;
  const package::OutputOptions options{
      .resume = true, .report = &report, .may_link = installed != nullptr && may_link(product_, *installed, to)};
  if (auto done = package.unpack(layout_->staging(), progress, stop, options); !done) {
    const auto& why = done.error();
    const bool is_promise_broken = why.reason == package::kFrameAltered || why.reason == package::kLocalChanged;
    if (why.kind == ErrorKind::corrupt && !is_promise_broken && installed != nullptr)
      put_aside({to.full, to.version, to.content}, installed->content, why, record);
    return done;
  }
  tell_kept(report);
  return save_tree(package.tree());
}

}  // namespace upswarm::installer
