// Writing a tree to disk, file by file: each verified as it is written, all of it safe from a power cut at the end.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "protocol/package/decode/hash_thread.hpp"
#include "protocol/package/tree.hpp"

namespace upswarm::package {

/// What writing a tree took.
struct OutputReport {
  std::size_t kept_files = 0;  ///< that an interrupted run had made
  Bytes kept;                  ///< their content
  CpuTime digests{};           ///< of what was kept, what was written, and the frames of a package
};

struct OutputOptions {
  /// The folder may be there, from a run that was interrupted anywhere: files in it that are whole are kept, everything
  /// else in it is removed. Without it a folder that is there is an error (denied).
  bool resume = false;
  OutputReport* report = nullptr;  ///< filled in when the tree is whole
  /// By entry of the tree: these alone are made, with `resume` false. With an entry the folders above it are wanted.
  const std::vector<bool>* only = nullptr;
  /// With an old tree: a file of it that is one of the new tree, too, gets a second name where the two cannot share on
  /// disk as two files. Who writes to one of them then writes to both: docs/decisions/0017.
  bool may_link = false;
};

/// One run. For use by one thread; digests are made on a second.
class TreeOutput {
 public:
  /// Whether regular file `entry` of the tree has the right content. Called on the second thread.
  using Accept = std::function<bool(std::size_t entry, const Sha256& digest)>;
  /// Asked now and then; its error ends the work.
  using GoOn = std::function<Result<void>()>;

  /// All must outlive the object; of `tree` digests may change.
  TreeOutput(Files& files, const Path& to, const Tree& tree);

  /// Makes all folders and links; begin() in a new folder, resume() where an interrupted run may have left something.
  /// What is kept has the type, mode, size and content that the tree tells, the owner of the folder, and one name.
  Result<void> begin();
  Result<void> resume(const Accept& accept, const GoOn& go_on);
  /// Makes a part of the tree in a new folder: what is not in `only`, which must outlive the object, is left out.
  Result<void> begin_part(const std::vector<bool>& only);
  bool is_kept(std::size_t entry) const { return is_kept_[entry]; }
  bool is_left_out(std::size_t entry) const { return only_ != nullptr && !(*only_)[entry]; }

  /// One regular file after the other.
  Result<void> start_file(std::size_t entry);
  /// Errors: corrupt  some file is wrong that was ended before; as OutputFile::write.
  Result<void> write(ByteView bytes);
  Result<void> end_file(HashThread::Judge judge);
  /// In place of these three: the file is what `from` holds, shared with it on disk (Files::clone_file) or, from
  /// allow_links() on, a second name of it if its mode and owner are right; it is read back for its digest. False: it
  /// must be written, nothing was made.
  /// Errors: corrupt  some file is wrong that was ended before; as Files::clone_file.
  void allow_links() { may_link_ = true; }
  bool can_share() const { return can_clone_ || may_link_; }  ///< as far as is known
  Result<bool> share_file(std::size_t entry, const Path& from, const GoOn& go_on, HashThread::Judge judge);
  bool has_started() const { return file_ != nullptr; }

  /// Waits for all digests.   Errors: the first that a judge gave.
  Result<void> check_digests() { return hashes_.check(); }
  /// All files and names survive a power cut after that.
  Result<void> sync();
  OutputReport report() const;

 private:
  Result<void> make_missing();
  Result<void> visit(const Path& folder, const std::string& prefix, const GoOn& go_on);
  Result<bool> fits(const TreeEntry& entry, const Path& path, const FileInfo& info);
  Result<bool> share(const TreeEntry& entry, const Path& from, const Path& to);
  Result<void> hash_candidate(std::size_t entry, const Accept& accept, const GoOn& go_on);
  Result<void> read_back(std::size_t entry, const GoOn& go_on);

  Files& files_;
  const Path& to_;
  const Tree& tree_;
  std::uint32_t owner_ = 0;  // of the folder
  const std::vector<bool>* only_ = nullptr;
  std::vector<std::uint8_t> is_kept_;    // by entry; the second thread writes while the first only waits
  std::vector<std::size_t> candidates_;  // regular files that look right from outside
  bool is_synced_as_one_ = false;
  std::unique_ptr<OutputFile> file_;
  bool is_sync_started_ = false;  // at its end
  bool can_clone_ = true;         // as far as is known
  bool may_link_ = false;
  HashThread hashes_;
};

/// `to` and a path of a tree.
Path place_of(const Path& to, std::string_view path);

}  // namespace upswarm::package
