#include "seeder/publish/making.hpp"

#include <utility>

#include "protocol/package/encode/package_writer.hpp"

namespace upswarm::publish {
namespace {

constexpr int kMostTries = 10;

Path target_of(const Path& to) {
  auto target = std::filesystem::absolute(to).lexically_normal();
  return target.has_filename() ? target : target.parent_path();
}

Path part_of(const Path& target) { return target.string() + ".part"; }
Path lock_of(const Path& part) { return part.string() + ".lock"; }

void remove_parts(Files& files, const Path& part) {
  auto paths = package::half_written(part);
  paths.insert(paths.end(), {part, old_tree_of(part), new_tree_of(part), lock_of(part)});
  for (const auto& path : paths) {
    // Other threads may write there or remove it, too.
    for (int tries = 0; tries < kMostTries; ++tries) {
      if (remove_tree(files, path)) break;
    }
  }
}

Result<void> check_way(Files& files, const Path& target, HalfMade half) {
  UPSWARM_TRY(const auto there, exists(files, target));
  if (there) return Error{ErrorKind::denied, "make " + target.string(), "it is there already"};
  const auto part = part_of(target);
  UPSWARM_TRY(const auto in_the_way, exists(files, part));
  if (!in_the_way || half == HalfMade::resumed) return {};
  return Error{ErrorKind::denied, "make " + target.string(),
               part.string() + " is in the way: remove it" +
                   (half == HalfMade::resumable ? ", or go on from it with --resume" : "")};
}

void remove_lock(Files& files, const Path& part) {
  ignore_failure(files.remove_file(lock_of(part)), "a lock that nobody holds is in nobody's way");
}

}  // namespace

Path old_tree_of(const Path& part) { return part.string() + ".old"; }
Path new_tree_of(const Path& part) { return part.string() + ".new"; }

Result<void> Making::begin(Files& files, const Path& target, HalfMade half) {
  const std::lock_guard turn(mutex_);
  part_ = part_of(target);
  auto lock = FileLock::take(lock_of(part_));
  if (!lock && lock.error().kind == ErrorKind::busy)
    return Error{ErrorKind::busy, "make " + target.string(), "another run is making it at this moment"};
  if (!lock) return std::move(lock).error().within("make " + target.string());
  // Only now: another run may just have ended.
  auto free = check_way(files, target, half);
  if (free) lock_ = std::move(*lock);
  else remove_lock(files, part_);
  return free;
}

Result<Json> Making::run(Files& files, const Path& to, const std::function<Result<Json>(const Path&)>& make,
                         HalfMade half) {
  const auto target = target_of(to);
  UPSWARM_CHECK(begin(files, target, half));
  auto made = make(part_);
  const std::lock_guard turn(mutex_);
  if (!lock_) return Error{ErrorKind::cancelled, "make " + target.string(), "given up"};
  if (made) {
    if (auto renamed = files.rename(part_, target); !renamed) made = std::move(renamed).error();
  }
  if (!made && half != HalfMade::resumed)
    ignore_failure(remove_tree(files, part_), "the error that led here is the one to report");
  remove_lock(files, part_);
  lock_.reset();
  return made;
}

bool Making::give_up(Files& files) {
  const std::lock_guard turn(mutex_);
  if (!lock_) return false;
  remove_parts(files, part_);
  lock_.reset();
  return true;
}

void remove_half_made(Files& files, const Path& to) { remove_parts(files, part_of(target_of(to))); }

}  // namespace upswarm::publish
