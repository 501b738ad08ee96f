#include "agent/package_cache.hpp"

namespace upswarm::agent {
namespace {

constexpr Bytes kLongestResume = 16_MiB;
constexpr const char* kPackageSuffix = ".bin";
constexpr const char* kResumeSuffix = ".resume";
constexpr const char* kClean = "clean";
constexpr const char* kLock = "lock";

Result<void> remove_if_there(Files& files, const Path& path) {
  auto removed = files.remove_file(path);
  if (!removed && removed.error().kind == ErrorKind::not_found) return {};
  return removed;
}

Result<Sha256> digest_of(Files& files, const Path& path, const std::stop_token& stop) {
  UPSWARM_TRY(const auto file, files.open(path));
  Sha256Hasher hasher;
  ByteBuffer buffer((1_MiB).count);
  Bytes at;
  for (;;) {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "verify " + path.string(), "asked to stop"};
    UPSWARM_TRY(const auto count, file->read_at(at, buffer));
    if (count == 0) return hasher.finish();
    hasher.update(ByteView(buffer).first(count));
    at += Bytes{count};
  }
}

}  // namespace

Result<PackageCache> PackageCache::open(Files& files, Path folder) {
  UPSWARM_CHECK(make_folders(files, folder, 0700));
  UPSWARM_TRY(auto lock, FileLock::take(folder / kLock));
  PackageCache cache(files, std::move(folder), std::move(lock));
  UPSWARM_TRY(cache.was_clean_, exists(files, cache.folder_ / kClean));
  if (cache.was_clean_) {
    UPSWARM_CHECK(files.remove_file(cache.folder_ / kClean));
    UPSWARM_CHECK(files.sync_folder(cache.folder_));
    return cache;
  }
  UPSWARM_TRY(const auto names, files.list(cache.folder_));
  for (const auto& name : names) {
    if (name.ends_with(kResumeSuffix)) UPSWARM_CHECK(files.remove_file(cache.folder_ / name));
  }
  return cache;
}

Result<std::vector<Sha256>> PackageCache::packages() const {
  UPSWARM_TRY(const auto names, files_->list(folder_));
  std::vector<Sha256> found;
  for (const std::string_view name : names) {
    if (!name.ends_with(kPackageSuffix)) continue;
    if (auto package = parse_sha256(name.substr(0, name.size() - std::string_view(kPackageSuffix).size()))) {
      found.push_back(*package);
    }
  }
  return found;
}

Result<bool> PackageCache::has(const Sha256& package) const { return exists(*files_, path_of(package)); }

std::string PackageCache::take_resume(const Sha256& package) {
  const auto path = side_file(package, kResumeSuffix);
  auto resume = read_file(*files_, path, kLongestResume);
  // Gone before use: should this run end without saving, an old state must not be taken for the new one.
  if (!remove_if_there(*files_, path)) return {};
  return std::move(resume).value_or({});
}

Result<void> PackageCache::verify(const Sha256& package, const std::stop_token& stop) const {
  const auto path = path_of(package);
  UPSWARM_TRY(const auto digest, digest_of(*files_, path, stop));
  if (digest != package) {
    return Error{ErrorKind::corrupt, "verify " + path.string(), "its SHA-256 is " + digest.hex(), "digest"};
  }
  return {};
}

Result<void> PackageCache::forget(const Sha256& package) {
  UPSWARM_CHECK(remove_if_there(*files_, side_file(package, kResumeSuffix)));
  return remove_if_there(*files_, path_of(package));
}

Result<Bytes> PackageCache::free_space() const { return files_->free_space(folder_); }

Result<void> PackageCache::close(const std::map<Sha256, std::string>& resume) {
  for (const auto& [package, bytes] : resume) {
    UPSWARM_CHECK(write_file_atomically(*files_, side_file(package, kResumeSuffix), bytes, 0600));
  }
  return write_file_atomically(*files_, folder_ / kClean, "", 0600);
}

}  // namespace upswarm::agent
