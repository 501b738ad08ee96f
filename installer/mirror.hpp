// Showing a tree of files at another place of the same file system: each file there has a second name (a hard link).
#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "protocol/base/files.hpp"

namespace upswarm::installer {

/// Makes ROOT show one tree in place of another, name by name: files as second names of the ones in the tree, so that
/// each is whole at any moment and nothing is copied; folders anew. What is shown already costs one look and no write.
///
/// Names in ROOT that neither tree has are left alone. What is in the way of a name of the new tree and is none of the
/// old one's is put aside, and comes back when a tree is shown that does not have the name. A file of the old tree that
/// somebody put his own in place of is replaced where the new tree has it, else left alone. Nothing is done in a folder
/// that is a link, belongs to somebody else, may be written by others or is on another file system; a mount point of
/// which releases hold no more than the name is left alone. Whatever part of the work a power cut leaves, in whatever
/// order, show() makes it whole, forwards and backwards. Not for use by two threads at once.
class Mirror {
 public:
  /// `files` must outlive the object. `own` is a folder in `root` that nobody else may write to, for what is aside.
  Mirror(Files& files, Path root, Path own) : files_(files), root_(std::move(root)), own_(std::move(own)) {}

  /// Finds out what stands in the way of show() without changing anything.
  /// Errors: denied (reason unsafe_folder, or in_the_way)  what and why; not_found  `tree` is not there.
  Result<void> check(const std::optional<Path>& tree, const std::optional<Path>& leaving);

  /// Shows `tree` in place of `leaving`; both are whole folders on disk, nothing: none. After success it survives a
  /// power cut. Errors: as check; disk; cancelled  then it is as after a power cut inside.
  Result<void> show(const std::optional<Path>& tree, const std::optional<Path>& leaving,
                    const std::stop_token& stop = {});

  /// The first name that is not what show() of `tree` would leave there, for people; empty: all are.
  /// Errors: as check.
  Result<std::string> difference(const Path& tree);

  /// Removes what interrupted work left in `own`; what is aside stays.
  Result<void> clean();

 private:
  using Folder = std::optional<Path>;
  /// One name, and what it is in the two trees and in ROOT.
  struct Item {
    std::string path;
    Path place;
    Folder tree;  ///< where it would be in that tree
    Folder leaving;
    std::optional<FileInfo> wanted;
    std::optional<FileInfo> left;
    std::optional<FileInfo> here;
  };

  Result<void> start(const Folder& tree, const Folder& leaving, bool is_trial);
  Result<void> visit(const std::string& at, const Folder& tree, const Folder& leaving);
  Result<void> settle(Item item);
  Result<void> settle_folder(const Item& item);
  Result<void> settle_file(const Item& item);
  Result<void> vacate(const Item& item);
  Result<void> put_aside(const Item& item);
  Result<bool> give_back(const Item& item);
  Result<void> remove_folder_if_empty(const Item& item);
  Result<void> sync();
  Result<std::optional<FileInfo>> look(const Folder& path) const;
  Result<std::set<std::string>> names_of(const Folder& tree, const Folder& leaving) const;
  Path aside_of(const Item& item) const;
  bool is_mounted(const std::optional<FileInfo>& info) const { return info && info->device != device_; }
  void note(const Item& item);
  void touch(const Path& name) { touched_.insert(name.parent_path()); }

  Files& files_;
  Path root_;
  Path own_;
  std::stop_token stop_;  ///< of a show()
  bool is_trial_ = false;
  std::uint32_t device_ = 0;  ///< of ROOT
  std::string difference_;    ///< the first that a trial found
  std::set<Path> touched_;    ///< folders whose names were changed, now or by a call before that did not end
};

}  // namespace upswarm::installer
