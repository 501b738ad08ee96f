// Every file operation whose order and durability matter goes through this seam, so that tests can stop it anywhere.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "protocol/base/result.hpp"
#include "protocol/base/units.hpp"

namespace upswarm {

using Path = std::filesystem::path;

enum class FileType { regular, folder, symlink, other };

struct FileInfo {
  FileType type = FileType::other;
  std::uint32_t device = 0;  ///< of one file system the same; 0: not told
  Bytes size;
  std::uint32_t mode = 0;   ///< permission bits; on Windows 0755 for folders and executables, else 0644
  std::uint32_t owner = 0;  ///< user id; 0 on Windows
  std::uint64_t link_count = 1;
  std::uint64_t id = 0;  ///< two names of one file (hard links) have the same, and no others; 0: not told
};

/// A file being read. Not for use by two threads at once, but for read_at, which keeps no position.
class InputFile {
 public:
  virtual ~InputFile() = default;
  /// Reads up to buffer.size() bytes at `offset`; fewer only at the end of the file.   Errors: disk.
  virtual Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) = 0;
  virtual Result<FileInfo> info() = 0;
};

/// A file being written, from its start. Closing without sync() promises nothing about a power cut.
class OutputFile {
 public:
  virtual ~OutputFile() = default;
  /// Errors: no_space, disk.
  virtual Result<void> write(ByteView bytes) = 0;
  /// After success the content survives a power cut (the name needs sync_folder).   Errors: no_space, disk.
  virtual Result<void> sync() = 0;
  /// Promises nothing: what was written may start on its way to the disk, so that a later sync waits for less. Of many
  /// files, each started when it ends and all synced at the end, ext4 writes its journal once and not for each file.
  virtual void start_sync() {}
};

/// The file system. Links are never followed in the last component of a path. Errors of all: not_found, denied,
/// no_space, disk, busy (Windows: somebody holds the file open). Implementations are safe from any thread.
class Files {
 public:
  virtual ~Files() = default;

  /// Opens a regular file for reading.
  virtual Result<std::unique_ptr<InputFile>> open(const Path& path) = 0;
  /// Makes a new file; one that exists is an error (denied).
  virtual Result<std::unique_ptr<OutputFile>> create(const Path& path, std::uint32_t mode) = 0;
  /// What `path` itself is; a link is a link.
  virtual Result<FileInfo> info(const Path& path) = 0;
  /// The names in a folder, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const Path& folder) = 0;
  virtual Result<void> make_folder(const Path& path, std::uint32_t mode) = 0;
  /// Replaces a file or link at `to`. On one file system only.
  virtual Result<void> rename(const Path& from, const Path& to) = 0;
  virtual Result<void> remove_file(const Path& path) = 0;
  /// The folder must be empty.
  virtual Result<void> remove_folder(const Path& path) = 0;
  virtual Result<void> make_symlink(const std::string& target, const Path& path) = 0;
  virtual Result<std::string> read_symlink(const Path& path) = 0;
  virtual Result<void> hard_link(const Path& existing, const Path& path) = 0;
  /// Makes the new file `to` of what `from` holds, without copying it: the two share it on disk until one is written to
  /// (reflink). False: this cannot be done here, and nothing was made. Only on Linux, on xfs, btrfs and their like.
  virtual Result<bool> clone_file(const Path& /*from*/, const Path& /*to*/, std::uint32_t /*mode*/) { return false; }
  virtual Result<void> set_mode(const Path& path, std::uint32_t mode) = 0;
  /// As OutputFile::sync, for a regular file that is closed again, whoever wrote it.
  virtual Result<void> sync_file(const Path& path) = 0;
  /// After success the names in `folder` survive a power cut. Nothing to do on Windows, where the file system's own
  /// journal orders names.
  virtual Result<void> sync_folder(const Path& folder) = 0;
  virtual Result<Bytes> free_space(const Path& path) = 0;

  /// Whether sync_as_one keeps its promise for what is written in `folder`. Only on Linux from 5.8 on (before, it tells
  /// of no write that failed), and only on file systems that are known for it: ext4, xfs, btrfs, tmpfs.
  virtual Result<bool> can_sync_as_one(const Path& /*folder*/) { return false; }
  /// After success everything on the file system of `folder`, content and names, survives a power cut: also what others
  /// wrote. For many files this is far cheaper than one sync after the other, each of which empties the disk's cache.
  virtual Result<void> sync_as_one(const Path& folder);
};

/// The real one. Lives as long as the program.
Files& system_files();

/// Takes over an open descriptor (POSIX) or handle (Windows) as a file to read; it is closed with the object.
std::unique_ptr<InputFile> adopt_input_file(std::intptr_t descriptor);

/// Those of the bits `wanted` that are set in the file's mode. None on Windows, where access lists decide and the mode
/// is made up.
std::uint32_t mode_bits(const FileInfo& info, std::uint32_t wanted);

// Built from the operations above.

/// The whole file.   Errors: as open; corrupt (reason "too_long")  it is longer than `longest`.
Result<std::string> read_file(Files& files, const Path& path, Bytes longest);

/// Replaces `path` by `content`: a temporary file beside it, sync, rename, sync of the folder. After success the change
/// survives a power cut; after an error or a power cut inside, `path` has the old content or the new one.
Result<void> write_file_atomically(Files& files, const Path& path, std::string_view content, std::uint32_t mode = 0644);

/// Makes `path` and the folders above it that are missing; after success these survive a power cut. Those there are
/// left as they are.
Result<void> make_folders(Files& files, const Path& path, std::uint32_t mode = 0755);

/// Removes a file, a link, or a folder with all in it; links are not followed. Nothing there is success.
/// Errors: busy (reason "mounted")  another file system is mounted inside: what is on it stays.
Result<void> remove_tree(Files& files, const Path& path);

/// Errors other than not_found are passed on.
Result<bool> exists(Files& files, const Path& path);

/// Copies the bytes of `from` into the new file `to` and syncs it.
Result<void> copy_file(Files& files, InputFile& from, const Path& to, std::uint32_t mode);

}  // namespace upswarm
