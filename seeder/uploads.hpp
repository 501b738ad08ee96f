// Bundles that come file by file over HTTP.
//
//   uploads/NAME/          files that came whole; each may be sent again until the commit
//   uploads/NAME.commit/   being taken in; after a crash it becomes uploads/NAME again, and the commit is repeated
//   uploads/*.coming       a file that is still coming
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "seeder/folder.hpp"
#include "seeder/incoming.hpp"

namespace upswarm::seeder {

/// One file on its way. Destroyed without finish(), it is gone.
class UploadSink {
 public:
  UploadSink(Files& files, Path coming, Path to, std::unique_ptr<OutputFile> file)
      : files_(files), coming_(std::move(coming)), to_(std::move(to)), file_(std::move(file)) {}
  UploadSink(const UploadSink&) = delete;
  UploadSink& operator=(const UploadSink&) = delete;
  ~UploadSink();

  /// Errors: no_space, disk.
  Result<void> write(ByteView bytes) { return file_->write(bytes); }
  /// Syncs it and gives it its name.   Errors: not_found  the bundle is being taken in meanwhile; no_space, disk.
  Result<void> finish();

 private:
  Files& files_;
  Path coming_;
  Path to_;
  std::unique_ptr<OutputFile> file_;
};

/// Safe from any thread.
class Uploads {
 public:
  Uploads(Files& files, SeederFolder folder, Bytes longest)
      : files_(files), folder_(std::move(folder)), longest_(longest) {}

  /// Puts interrupted commits back and removes files that were still coming. Call once at the start.
  Result<void> tidy();

  /// Opens `path` ("metadata/3.rel-app.json") of the bundle `name` for writing; `length` as announced.
  /// Errors: invalid   a name that is not allowed; corrupt (too_long)  longer than a file may be; no_space; disk.
  Result<std::unique_ptr<UploadSink>> begin(const std::string& name, const std::string& path, Bytes length);

  /// Takes the bundle in. A refused one is removed, the client has it.
  /// Errors: not_found  no such bundle; busy  it is being taken in; as Incoming::take_in: then it stays for another
  /// try.
  Result<Verdict> commit(const std::string& name, Incoming& incoming, Steering steering);

 private:
  Files& files_;
  SeederFolder folder_;
  Bytes longest_;
  std::mutex turn_;
  std::uint64_t number_ = 0;
};

}  // namespace upswarm::seeder
