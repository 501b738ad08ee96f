#include "protocol/package/encode/package_file.hpp"

namespace upswarm::package {
namespace {

Path parts_of(const Path& to) { return to.string() + ".parts"; }
Path half_of(const Path& to) { return to.string() + ".half"; }

}  // namespace

std::vector<Path> half_written(const Path& to) { return {parts_of(to), half_of(to)}; }

Result<PackageFile> PackageFile::create(Files& files, const Path& to) {
  UPSWARM_TRY(const auto there, exists(files, to));
  if (there) return Error{ErrorKind::denied, "write " + to.string(), "it is already there"};
  const auto parts = parts_of(to);
  UPSWARM_CHECK(remove_tree(files, parts));
  UPSWARM_TRY(auto file, files.create(parts, 0600));
  return PackageFile(files, to, std::move(file));
}

PackageFile::~PackageFile() {
  if (!parts_) return;
  parts_.reset();
  ignore_failure(remove_tree(*files_, parts_of(to_)), "it is only a temporary file");
  ignore_failure(remove_tree(*files_, half_of(to_)), "it is only a temporary file");
}

Result<void> PackageFile::append(ByteView part) {
  appended_ += Bytes{part.size()};
  return parts_->write(part);
}

Result<PackageFile::Written> PackageFile::finish(std::string_view head) {
  UPSWARM_CHECK(remove_tree(*files_, half_of(to_)));
  UPSWARM_TRY(const auto parts, files_->open(parts_of(to_)));
  Sha256Hasher hasher;
  {
    UPSWARM_TRY(const auto out, files_->create(half_of(to_), 0644));
    UPSWARM_CHECK(out->write(as_bytes(head)));
    hasher.update(as_bytes(head));
    ByteBuffer buffer(256 * 1024);
    for (Bytes at;;) {
      UPSWARM_TRY(const auto count, parts->read_at(at, buffer));
      if (count == 0) break;
      const auto part = ByteView(buffer).first(count);
      hasher.update(part);
      UPSWARM_CHECK(out->write(part));
      at += Bytes{count};
    }
    UPSWARM_CHECK(out->sync());
  }
  UPSWARM_CHECK(files_->rename(half_of(to_), to_));
  UPSWARM_CHECK(files_->sync_folder(to_.has_parent_path() ? to_.parent_path() : Path(".")));
  return Written{Bytes{head.size()} + appended_, hasher.finish()};
}

}  // namespace upswarm::package
