// A package being written: a head that is known last, behind it the parts that are known first.
#pragma once

#include "protocol/package/tree.hpp"

namespace upswarm::package {

/// Collects compressed parts in a file beside the result, then writes head and parts as one. Removes what is half done.
class PackageFile {
 public:
  static Result<PackageFile> create(Files& files, const Path& to);
  PackageFile(PackageFile&&) = default;
  PackageFile& operator=(PackageFile&&) = delete;
  ~PackageFile();

  Result<void> append(ByteView part);
  Bytes appended() const { return appended_; }

  struct Written {
    Bytes length;
    Sha256 sha256;
  };
  /// Writes `head` and all parts to the result, synced.
  Result<Written> finish(std::string_view head);

 private:
  PackageFile(Files& files, Path to, std::unique_ptr<OutputFile> parts)
      : files_(&files), to_(std::move(to)), parts_(std::move(parts)) {}

  Files* files_;
  Path to_;
  std::unique_ptr<OutputFile> parts_;
  Bytes appended_;
};

}  // namespace upswarm::package
