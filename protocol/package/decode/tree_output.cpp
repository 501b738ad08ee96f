#include "protocol/package/decode/tree_output.hpp"

#include <algorithm>

namespace upswarm::package {
namespace {

constexpr std::size_t kReadBuffer = 256 * 1024;
constexpr std::ptrdiff_t kMostSyncedAlone = 64;  // more files are synced as one
constexpr Bytes kStartedAtOnce = 1_MiB;          // what is smaller waits for that
constexpr std::uint32_t kAllBits = 07777;
constexpr std::uint32_t kFolderMode = 0755;

/// As far as the system knows modes.
bool has_mode(const FileInfo& info, std::uint32_t mode) {
  const FileInfo wanted{.type = info.type, .size = {}, .mode = mode};
  return mode_bits(info, kAllBits) == mode_bits(wanted, kAllBits);
}

}  // namespace

Path place_of(const Path& to, std::string_view path) { return to / Path(std::u8string(path.begin(), path.end())); }

TreeOutput::TreeOutput(Files& files, const Path& to, const Tree& tree)
    : files_(files), to_(to), tree_(tree), is_kept_(tree.entries.size()) {}

Result<void> TreeOutput::begin() {
  UPSWARM_CHECK(files_.make_folder(to_, kFolderMode));
  return make_missing();
}

Result<void> TreeOutput::begin_part(const std::vector<bool>& only) {
  only_ = &only;
  return begin();
}

Result<void> TreeOutput::resume(const Accept& accept, const GoOn& go_on) {
  const auto info = files_.info(to_);
  if (!info && info.error().kind == ErrorKind::not_found) return begin();
  if (!info) return info.error();
  if (info->type != FileType::folder) {
    UPSWARM_CHECK(files_.remove_file(to_));
    return begin();
  }
  if (!has_mode(*info, kFolderMode)) UPSWARM_CHECK(files_.set_mode(to_, kFolderMode));
  owner_ = info->owner;
  UPSWARM_CHECK(visit(to_, "", go_on));
  for (const auto entry : candidates_) UPSWARM_CHECK(hash_candidate(entry, accept, go_on));
  UPSWARM_CHECK(hashes_.check());
  for (const auto entry : candidates_) {
    if (is_kept_[entry] == 0) UPSWARM_CHECK(files_.remove_file(place_of(to_, tree_.entries[entry].path)));
  }
  return make_missing();
}

Result<void> TreeOutput::make_missing() {
  std::ptrdiff_t all = 0;
  for (std::size_t i = 0; i < tree_.entries.size(); ++i)
    all += tree_.entries[i].type == FileType::regular && !is_left_out(i) ? 1 : 0;
  if (all > kMostSyncedAlone) {
    UPSWARM_TRY(is_synced_as_one_, files_.can_sync_as_one(to_));
  }
  for (std::size_t i = 0; i < tree_.entries.size(); ++i) {
    const auto& entry = tree_.entries[i];
    if (is_kept_[i] != 0 || is_left_out(i)) continue;
    if (entry.type == FileType::folder) UPSWARM_CHECK(files_.make_folder(place_of(to_, entry.path), entry.mode));
    if (entry.type == FileType::symlink)
      UPSWARM_CHECK(files_.make_symlink(std::string(entry.link_target), place_of(to_, entry.path)));
  }
  return {};
}

/// Removes what cannot be part of the tree, and notes what can.
Result<void> TreeOutput::visit(const Path& folder, const std::string& prefix, const GoOn& go_on) {
  UPSWARM_CHECK(go_on());
  UPSWARM_TRY(const auto names, files_.list(folder));
  for (const auto& name : names) {
    const auto path = place_of(folder, name);
    const auto* const entry = tree_.find(prefix + name);
    UPSWARM_TRY(const auto info, files_.info(path));
    UPSWARM_TRY(const bool is_right, entry == nullptr ? Result(false) : fits(*entry, path, info));
    if (!is_right) {
      UPSWARM_CHECK(remove_tree(files_, path));
      continue;
    }
    const auto number = static_cast<std::size_t>(entry - tree_.entries.data());
    if (entry->type == FileType::regular) {
      candidates_.push_back(number);
      continue;
    }
    is_kept_[number] = 1;
    if (entry->type == FileType::folder) UPSWARM_CHECK(visit(path, entry->path + "/", go_on));
  }
  return {};
}

/// From outside, that is: content comes later.
Result<bool> TreeOutput::fits(const TreeEntry& entry, const Path& path, const FileInfo& info) {
  if (entry.type != info.type || info.owner != owner_) return false;
  if (entry.type == FileType::symlink) {
    UPSWARM_TRY(const auto target, files_.read_symlink(path));
    return target == entry.link_target;
  }
  if (entry.type == FileType::folder) return has_mode(info, entry.mode);
  // By a second name it could be changed later.
  return has_mode(info, entry.mode) && info.size == entry.size && info.link_count == 1;
}

/// What cannot be read is made again.
Result<void> TreeOutput::hash_candidate(std::size_t entry, const Accept& accept, const GoOn& go_on) {
  const auto read = read_back(entry, go_on);
  if (!read && read.error().kind == ErrorKind::cancelled) return read;
  hashes_.finish([this, entry, is_read = static_cast<bool>(read), accept](const Sha256& digest) -> Result<void> {
    is_kept_[entry] = is_read && accept(entry, digest) ? 1 : 0;
    return {};
  });
  return {};
}

/// What is on disk of a file goes to its digest: all of it, or as much as the tree says.
Result<void> TreeOutput::read_back(std::size_t entry, const GoOn& go_on) {
  const auto& about = tree_.entries[entry];
  UPSWARM_TRY(const auto file, files_.open(place_of(to_, about.path)));
  ByteBuffer buffer(std::min<std::uint64_t>(kReadBuffer, about.size.count));
  for (Bytes at; at < about.size;) {
    UPSWARM_CHECK(go_on());
    UPSWARM_TRY(const auto count, file->read_at(at, buffer));
    if (count == 0) break;
    hashes_.update(ByteView(buffer).first(count));
    at += Bytes{count};
  }
  return {};
}

Result<bool> TreeOutput::share(const TreeEntry& entry, const Path& from, const Path& to) {
  if (can_clone_) {
    UPSWARM_TRY(can_clone_, files_.clone_file(from, to, entry.mode));
    if (can_clone_) return true;
  }
  if (!may_link_) return false;
  UPSWARM_TRY(const auto info, files_.info(from));
  if (info.type != FileType::regular || !has_mode(info, entry.mode) || info.owner != owner_) return false;
  return static_cast<bool>(files_.hard_link(from, to));  // too many names, another file system: a copy does as well
}

Result<bool> TreeOutput::share_file(std::size_t entry, const Path& from, const GoOn& go_on, HashThread::Judge judge) {
  if (hashes_.has_failed()) UPSWARM_CHECK(hashes_.check());
  const auto& about = tree_.entries[entry];
  const auto to = place_of(to_, about.path);
  UPSWARM_TRY(const bool is_shared, share(about, from, to));
  if (!is_shared) return false;
  UPSWARM_TRY(const auto info, files_.info(to));
  if (info.size == about.size) UPSWARM_CHECK(read_back(entry, go_on));  // else it has no digest that could be right
  hashes_.finish([is_whole = info.size == about.size, judge = std::move(judge)](const Sha256& digest) {
    return judge(is_whole ? digest : Sha256{});
  });
  return true;
}

Result<void> TreeOutput::start_file(std::size_t entry) {
  const auto& about = tree_.entries[entry];
  UPSWARM_TRY(file_, files_.create(place_of(to_, about.path), about.mode));
  is_sync_started_ = !is_synced_as_one_ || about.size >= kStartedAtOnce;
  return {};
}

Result<void> TreeOutput::write(ByteView bytes) {
  if (hashes_.has_failed()) return hashes_.check();
  hashes_.update(bytes);
  return file_->write(bytes);
}

Result<void> TreeOutput::end_file(HashThread::Judge judge) {
  hashes_.finish(std::move(judge));
  // Waiting comes at the end, for all files at once.
  if (is_sync_started_) file_->start_sync();
  file_.reset();
  return {};
}

Result<void> TreeOutput::sync() {
  if (is_synced_as_one_) return files_.sync_as_one(to_);
  const auto each = [&](std::size_t i, FileType type) { return tree_.entries[i].type == type && !is_left_out(i); };
  for (std::size_t i = 0; i < tree_.entries.size(); ++i) {
    if (each(i, FileType::regular)) UPSWARM_CHECK(files_.sync_file(place_of(to_, tree_.entries[i].path)));
  }
  // The deepest first, so that every name survives.
  for (auto i = tree_.entries.size(); i-- > 0;) {
    if (each(i, FileType::folder)) UPSWARM_CHECK(files_.sync_folder(place_of(to_, tree_.entries[i].path)));
  }
  UPSWARM_CHECK(files_.sync_folder(to_));
  return files_.sync_folder(to_.parent_path());
}

OutputReport TreeOutput::report() const {
  OutputReport report;
  report.digests = hashes_.cpu_time();
  for (std::size_t i = 0; i < tree_.entries.size(); ++i) {
    if (is_kept_[i] == 0 || tree_.entries[i].type != FileType::regular) continue;
    ++report.kept_files;
    report.kept += tree_.entries[i].size;
  }
  return report;
}

}  // namespace upswarm::package
