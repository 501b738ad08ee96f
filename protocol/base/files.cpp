#include "protocol/base/files.hpp"

#include <array>
#include <optional>

namespace upswarm {
namespace {

constexpr std::size_t kCopyBuffer = 256 * 1024;

Result<void> remove_tree_on(Files& files, const Path& path, std::optional<std::uint32_t> device) {
  const auto info = files.info(path);
  if (!info) {
    if (info.error().kind == ErrorKind::not_found) return {};
    return info.error();
  }
  if (info->device != device.value_or(info->device))
    return Error{ErrorKind::busy, "remove " + path.string(), "a file system is mounted there", "mounted"};
  if (info->type != FileType::folder) return files.remove_file(path);
  UPSWARM_TRY(const auto names, files.list(path));
  for (const auto& name : names) UPSWARM_CHECK(remove_tree_on(files, path / name, info->device));
  return files.remove_folder(path);
}

}  // namespace

Result<void> Files::sync_as_one(const Path& folder) {
  return Error{ErrorKind::internal, "sync the file system of " + folder.string(), "this system cannot do that"};
}

Result<std::string> read_file(Files& files, const Path& path, Bytes longest) {
  UPSWARM_TRY(const auto file, files.open(path));
  UPSWARM_TRY(const auto info, file->info());
  if (info.size > longest) {
    return Error{ErrorKind::corrupt, "read " + path.string(), "longer than " + to_string(longest), "too_long"};
  }
  std::string content(info.size.count, '\0');
  UPSWARM_TRY(const auto count, file->read_at({}, std::as_writable_bytes(std::span(content))));
  content.resize(count);
  return content;
}

Result<void> write_file_atomically(Files& files, const Path& path, std::string_view content, std::uint32_t mode) {
  const Path beside = path.string() + ".new";
  UPSWARM_TRY(const auto left_over, exists(files, beside));
  if (left_over) UPSWARM_CHECK(files.remove_file(beside));
  {
    UPSWARM_TRY(const auto file, files.create(beside, mode));
    UPSWARM_CHECK(file->write(as_bytes(content)));
    UPSWARM_CHECK(file->sync());
  }
  UPSWARM_CHECK(files.rename(beside, path));
  return files.sync_folder(path.has_parent_path() ? path.parent_path() : Path("."));
}

Result<void> make_folders(Files& files, const Path& path, std::uint32_t mode) {
  UPSWARM_TRY(const auto there, exists(files, path));
  if (there) return {};
  if (path.has_parent_path() && path.parent_path() != path)
    UPSWARM_CHECK(make_folders(files, path.parent_path(), mode));
  UPSWARM_CHECK(files.make_folder(path, mode));
  return files.sync_folder(path.has_parent_path() ? path.parent_path() : Path("."));
}

Result<void> remove_tree(Files& files, const Path& path) { return remove_tree_on(files, path, {}); }

Result<bool> exists(Files& files, const Path& path) {
  const auto info = files.info(path);
  if (info) return true;
  if (info.error().kind == ErrorKind::not_found) return false;
  return info.error();
}

Result<void> copy_file(Files& files, InputFile& from, const Path& to, std::uint32_t mode) {
  UPSWARM_TRY(const auto out, files.create(to, mode));
  ByteBuffer buffer(kCopyBuffer);
  for (Bytes at;;) {
    UPSWARM_TRY(const auto count, from.read_at(at, buffer));
    if (count == 0) break;
    UPSWARM_CHECK(out->write(ByteView(buffer).first(count)));
    at += Bytes{count};
  }
  return out->sync();
}

}  // namespace upswarm
