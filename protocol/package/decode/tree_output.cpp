#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::package {

Path place_of(const Path& to, const std::string& path) { return to / Path(std::u8string(path.begin(), path.end())); }

Result<FileOutput> FileOutput::create(Files& files, const Path& to, const TreeEntry& entry) {
  UPSWARM_TRY(auto file, files.create(place_of(to, entry.path), entry.mode));
  return FileOutput(std::move(file), entry);
}

Result<void> FileOutput::write(ByteView bytes) {
  written_ += Bytes{bytes.size()};
  if (written_ > entry_->size)
    return Error{ErrorKind::corrupt, "unpack " + entry_->path, "longer than its signed size"};
  hasher_.update(bytes);
  return file_->write(bytes);
}

Result<void> FileOutput::finish() {
  if (written_ != entry_->size || hasher_.finish() != entry_->digest) {
    return Error{ErrorKind::corrupt, "unpack " + entry_->path, "its content is not the signed one"};
  }
  return file_->sync();
}

Result<Sha256> FileOutput::close() {
  UPSWARM_CHECK(file_->sync());
  return hasher_.finish();
}

Result<void> make_skeleton(Files& files, const Path& to, const Tree& tree) {
  UPSWARM_CHECK(files.make_folder(to, 0755));
  for (const auto& entry : tree.entries) {
    if (entry.type == FileType::folder) UPSWARM_CHECK(files.make_folder(place_of(to, entry.path), entry.mode));
    if (entry.type == FileType::symlink) UPSWARM_CHECK(files.make_symlink(entry.link_target, place_of(to, entry.path)));
  }
  return {};
}

Result<void> sync_folders(Files& files, const Path& to, const Tree& tree) {
  for (auto entry = tree.entries.rbegin(); entry != tree.entries.rend(); ++entry) {
    if (entry->type == FileType::folder) UPSWARM_CHECK(files.sync_folder(place_of(to, entry->path)));
  }
  UPSWARM_CHECK(files.sync_folder(to));
  return files.sync_folder(to.parent_path());
}

}  // namespace upswarm::package
