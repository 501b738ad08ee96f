#include "seeder/metadata_shelf.hpp"

#include "protocol/trust/metadata.hpp"

namespace upswarm::seeder {

MetadataShelf::MetadataShelf(Files& files, Path folder) : files_(files), folder_(std::move(folder)) {}

std::shared_ptr<const MetadataFile> MetadataShelf::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = kept_.find(name);
  return found == kept_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<const MetadataFile>> MetadataShelf::read(const std::string& name) {
  std::uint64_t before = 0;
  {
    const std::lock_guard lock(mutex_);
    before = cleared_;
  }
  auto bytes = read_file(files_, folder_ / name, trust::kLongestTargets);
  if (!bytes && bytes.error().kind != ErrorKind::not_found) return std::move(bytes).error();
  auto file = std::make_shared<MetadataFile>();
  if (bytes) *file = {true, *std::move(bytes), {}};
  file->digest = sha256(file->bytes);
  const std::lock_guard lock(mutex_);
  // What was read while the folder changed may be older than the change.
  if (before != cleared_) return std::shared_ptr<const MetadataFile>(std::move(file));
  if (kept_.size() >= kMostNames || size_ + Bytes{file->bytes.size()} > kMostKept) {
    kept_.clear();
    size_ = {};
  }
  const auto [place, is_new] = kept_.try_emplace(name, file);
  if (is_new) size_ += Bytes{file->bytes.size()};
  return place->second;
}

void MetadataShelf::clear() {
  const std::lock_guard lock(mutex_);
  kept_.clear();
  size_ = {};
  ++cleared_;
}

}  // namespace upswarm::seeder
