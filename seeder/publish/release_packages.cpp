#include "seeder/publish/release_packages.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "protocol/base/version.hpp"
#include "protocol/package/decode/delta_reader.hpp"
#include "seeder/publish/bundle_folder.hpp"
#include "seeder/publish/memory_budget.hpp"
#include "seeder/publish/repository.hpp"
#include "seeder/publish/torrent_writer.hpp"

namespace upswarm::publish {
namespace {

/// With the digest of a consistent name before it and ".torrent" after it, a part of a path stays below 200 bytes.
constexpr std::size_t kLongestFileName = 120;
constexpr std::size_t kShortDigest = 16;

class PackageMaker {
 public:
  PackageMaker(Files& files, const ReleaseName& name, const Path& to, const package::ProgressSink& progress,
               std::stop_token stop)
      : files_(files), name_(name), to_(to), progress_(progress), stop_(std::move(stop)) {}

  Result<void> make_full(const Path& folder) {
    const auto file = name_.full_file();
    UPSWARM_TRY(const auto packed, package::write_package(files_, folder, to_ / file, progress_, stop_));
    made_.index_length = packed.index_length;
    made_.index_digest = packed.index_digest;
    made_.content = packed.content;
    new_tree_ = packed.tree;
    UPSWARM_TRY(made_.full, describe(file, packed.length, packed.sha256));
    return {};
  }

  /// As many at a time as processors and memory allow, by the size of old trees; where archives in them turn out to be
  /// larger inside, some wait for others.
  Result<void> make_deltas(const std::vector<DeltaBase>& bases, const Path& folder, const Path& scratch) {
    UPSWARM_CHECK(plan_deltas(bases, scratch));
    UPSWARM_CHECK(make_folders(files_, scratch));
    const package::DeltaOptions defaults;
    const std::size_t processors = std::max(1U, std::thread::hardware_concurrency());
    std::size_t workers = std::min(attempts_.size(), processors);
    for (const auto& one : attempts_) {
      const auto needed = package::memory_for_delta(one.reader->index().tree.total_size());
      workers = std::min<std::size_t>(workers, std::max<std::uint64_t>(1, defaults.memory.count / needed.count));
    }
    package::DeltaOptions options;
    options.threads = std::max<std::size_t>(1, processors / std::max<std::size_t>(1, workers));
    MemoryBudget budget(defaults.memory);
    std::stop_source stop;
    options.take_memory = [&](Bytes wanted) { return budget.take(wanted, stop.get_token()); };
    const std::stop_callback forward(stop_, [&] { stop.request_stop(); });
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (auto i = next++; i < attempts_.size() && !stop.stop_requested(); i = next++) {
        attempts_[i].result = make_delta(i, folder, options, stop.get_token());
        if (!attempts_[i].result) stop.request_stop();
        tell_next(i);
      }
    };
    {
      std::vector<std::jthread> others;
      for (std::size_t i = 1; i < workers; ++i) others.emplace_back(work);
      work();
    }
    UPSWARM_CHECK(find_failure());
    for (const auto& one : attempts_) UPSWARM_CHECK(take_delta(one, folder));
    return {};
  }

  MadePackages take() { return std::move(made_); }

 private:
  struct Attempt {
    const DeltaBase* base = nullptr;
    std::string file;
    std::optional<package::PackageReader> reader;
    Path scratch;
    Result<package::PackedDelta> result = Error{ErrorKind::cancelled, "make a delta", "stopped"};
    bool is_over = false;
  };

  Result<void> plan_deltas(const std::vector<DeltaBase>& bases, const Path& scratch) {
    std::set<std::string> names;
    for (const auto& base : bases) {
      if (base.content == made_.content) {
        note(base, "it has the same content");
        continue;
      }
      auto opened = files_.open(base.package);
      if (!opened && opened.error().kind == ErrorKind::not_found) {
        note(base, "its package is not kept here any more");
        continue;
      }
      if (!opened) return std::move(opened).error();
      UPSWARM_TRY(auto reader, package::PackageReader::open(std::move(*opened), &base.index_digest));
      auto file = name_.delta_file(base.version);
      // A nightly build and a release may have one version and two contents.
      if (!names.insert(file).second)
        file = name_.delta_file(base.version + "-" + base.content.hex().substr(0, kShortDigest));
      Attempt attempt;
      attempt.base = &base;
      attempt.file = std::move(file);
      attempt.reader = std::move(reader);
      attempt.scratch = scratch / std::to_string(attempts_.size());
      attempts_.push_back(std::move(attempt));
    }
    return {};
  }

  Result<package::PackedDelta> make_delta(std::size_t number, const Path& folder, const package::DeltaOptions& options,
                                          const std::stop_token& stop) {
    auto& one = attempts_[number];
    // The first one that is not over tells how far it is; it would be a jumble otherwise.
    const package::ProgressSink progress = [this, number](const Progress& now) {
      const std::lock_guard lock(mutex_);
      if (number == told_ && progress_) progress_(now);
    };
    UPSWARM_CHECK(one.reader->unpack(files_, one.scratch, progress, stop));
    // Packing has read the new tree for all deltas, and unpacking has checked the old one.
    auto knowing = options;
    knowing.old_tree = &one.reader->index().tree;
    knowing.new_tree = &new_tree_;
    UPSWARM_TRY(const auto delta,
                package::write_delta(files_, one.scratch, folder, to_ / one.file, progress, stop, knowing));
    UPSWARM_CHECK(try_delta(to_ / one.file, one.scratch, progress, stop));
    UPSWARM_CHECK(remove_tree(files_, one.scratch));
    return delta;
  }

  void tell_next(std::size_t number) {
    const std::lock_guard lock(mutex_);
    attempts_[number].is_over = true;
    while (told_ < attempts_.size() && attempts_[told_].is_over) ++told_;
  }

  /// One that failed stops the others: its error is the one to tell.
  Result<void> find_failure() {
    const Attempt* found = nullptr;
    for (const auto& one : attempts_) {
      if (one.result) continue;
      if (found == nullptr || found->result.error().kind == ErrorKind::cancelled) found = &one;
    }
    return found == nullptr ? Result<void>() : Result<void>(Error(found->result.error()));
  }

  Result<void> take_delta(const Attempt& one, const Path& folder) {
    const auto& delta = *one.result;
    if (delta.to_content != made_.content) {
      return Error{ErrorKind::invalid, "release " + folder.string(), "the folder changed while it was being packed"};
    }
    if (delta.length.count * 100 > made_.full.length.count * kLargestDeltaPercent) {
      note(*one.base, "it would be " + to_string(delta.length) + ", more than " + std::to_string(kLargestDeltaPercent) +
                          " % of the full package");
      return files_.remove_file(to_ / one.file);
    }
    UPSWARM_TRY(auto described, describe(one.file, delta.length, delta.sha256));
    made_.deltas.push_back({one.base->version, delta.from_content, std::move(described)});
    return {};
  }

  /// Does with the delta what every machine will do: what does not give the new tree back never leaves the desk.
  Result<void> try_delta(const Path& delta, const Path& base, const package::ProgressSink& progress,
                         const std::stop_token& stop) {
    const Path made = base.string() + ".made";
    UPSWARM_CHECK(remove_tree(files_, made));
    UPSWARM_TRY(auto file, files_.open(delta));
    UPSWARM_TRY(auto reader, package::DeltaReader::open(std::move(file)));
    UPSWARM_TRY(const auto tree, package::scan_tree(files_, base));
    const auto applied = reader.apply(files_, base, tree, made, progress, stop);
    UPSWARM_CHECK(remove_tree(files_, made));
    return applied ? Result<void>() : Result<void>(Error(applied.error()).within("try " + delta.string()));
  }

  void note(const DeltaBase& base, std::string why) { made_.notes.push_back({base.version, std::move(why)}); }

  /// Makes the torrent beside the file and enters both as targets.
  Result<trust::PackageFile> describe(const std::string& file, Bytes length, const Sha256& digest) {
    UPSWARM_TRY(const auto opened, files_.open(to_ / file));
    UPSWARM_TRY(const auto torrent, make_torrent(*opened, file, progress_, stop_));
    UPSWARM_CHECK(write_file_atomically(files_, to_ / (file + ".torrent"), torrent.bytes));
    const auto path = name_.target_path(file);
    made_.targets[path] = {length, digest};
    made_.targets[path + ".torrent"] = {Bytes{torrent.bytes.size()}, sha256(torrent.bytes)};
    return trust::PackageFile{.path = path,
                              .length = length,
                              .sha256 = digest,
                              .info_hash = torrent.info_hash,
                              .piece_length = torrent.piece_length};
  }

  Files& files_;
  const ReleaseName& name_;
  const Path& to_;
  const package::ProgressSink& progress_;
  std::stop_token stop_;
  package::Tree new_tree_;
  MadePackages made_;
  std::vector<Attempt> attempts_;
  std::mutex mutex_;
  std::size_t told_ = 0;  ///< the attempt whose progress is told; with is_over under the mutex
};

}  // namespace

std::string ReleaseName::full_file() const { return product + "-" + safe_part(version) + ".upk"; }

std::string ReleaseName::delta_file(const std::string& from) const {
  const auto plain = product + "-" + safe_part(from) + "-to-" + safe_part(version) + ".upd";
  if (plain.size() <= kLongestFileName) return plain;
  return product + "-" + sha256(from).hex().substr(0, kShortDigest) + "-to-" +
         sha256(version).hex().substr(0, kShortDigest) + ".upd";
}

std::string ReleaseName::target_path(const std::string& file) const {
  return (is_nightly ? "pre/" : "pkg/") + product + "/" + platform + "/" + safe_part(version) + "/" + file;
}

Path ReleaseName::kept_in() const {
  return Path(product) / platform / (safe_part(version) + (is_nightly ? kPrereleaseFolderEnd : ""));
}

Result<void> check_release_name(const ReleaseName& name) {
  UPSWARM_CHECK(trust::parse_name(name.product));
  UPSWARM_CHECK(trust::parse_name(name.platform));
  UPSWARM_CHECK(Version::parse(name.version));
  if (name.full_file().size() > kLongestFileName) {
    return Error{ErrorKind::invalid, "release " + name.product + " " + name.version,
                 "product and version together are too long for a file name"};
  }
  return {};
}

Result<MadePackages> make_packages(Files& files, const ReleaseName& name, const Path& folder, const Path& to,
                                   const std::vector<DeltaBase>& bases, const Path& scratch,
                                   const package::ProgressSink& progress, std::stop_token stop) {
  UPSWARM_CHECK(make_folders(files, to));
  PackageMaker maker(files, name, to, progress, std::move(stop));
  UPSWARM_CHECK(maker.make_full(folder));
  UPSWARM_CHECK(maker.make_deltas(bases, folder, scratch));
  UPSWARM_CHECK(remove_tree(files, scratch));
  UPSWARM_CHECK(files.sync_folder(to));
  return maker.take();
}

}  // namespace upswarm::publish
