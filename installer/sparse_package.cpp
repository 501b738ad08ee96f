#include "installer/sparse_package.hpp"

namespace upswarm::installer {

Result<SparsePackage> SparsePackage::open(Files& files, std::unique_ptr<InputFile> part, const trust::Entry& to,
                                          const std::vector<Path>& trees, const package::ProgressSink& progress,
                                          const std::stop_token& stop) {
  auto reader = package::PackageReader::open(std::move(part), &to.index_digest, to.full.length);
  if (!reader) {
    auto error = std::move(reader).error();
    // The bytes are not verified yet: what they say of themselves must not be held against the release.
    if (error.kind == ErrorKind::invalid) error.kind = ErrorKind::corrupt;
    return error;
  }
  if (package::content_digest(reader->index().tree) != to.content) {
    return Error{ErrorKind::corrupt, "read the index of " + to.full.path, "it holds another tree than the signed one"};
  }
  package::LocalChunks local;
  for (const auto& tree : trees) {
    auto scanned = package::scan_chunks(files, tree, local, progress, stop);
    if (!scanned && scanned.error().kind != ErrorKind::not_found) return std::move(scanned).error();
  }
  return SparsePackage(files, *std::move(reader), std::move(local));
}

Result<messages::MissingParts> SparsePackage::missing(Bytes near, bool with_frames) const {
  messages::MissingParts missing;
  missing.needed = plan_.fetched;
  missing.from_disk = plan_.from_disk;
  auto& parts = missing.parts;
  with_frames = with_frames && plan_.frames.size() <= messages::kMostMissingFrames;
  for (const auto number : plan_.frames) {
    const auto& frame = reader_.index().frames[number];
    if (with_frames) missing.frames.push_back({{frame.offset, frame.length}, frame.sha256});
    if (!parts.empty() && frame.offset < parts.back().offset + parts.back().length + near) {
      parts.back().length = frame.offset + frame.length - parts.back().offset;
    } else if (parts.size() < messages::kMostMissingParts) {
      parts.push_back({frame.offset, frame.length});
    } else {
      return Error{ErrorKind::invalid, "look for what is missing",
                   "it lies in more than " + std::to_string(messages::kMostMissingParts) + " parts", "scattered"};
    }
  }
  return missing;
}

Result<void> SparsePackage::unpack(const Path& to, const package::ProgressSink& progress, const std::stop_token& stop,
                                   const package::OutputOptions& options) {
  return reader_.unpack(*files_, to, plan_, local_, progress, stop, options);
}

}  // namespace upswarm::installer
