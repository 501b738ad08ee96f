#include "protocol/package/decode/sparse.hpp"

#include "protocol/package/decode/chunker.hpp"

namespace upswarm::package {
namespace {

Path below(const Path& folder, const std::string& name) {
  return folder / Path(std::u8string(name.begin(), name.end()));
}

Result<void> scan_file(Files& files, const Path& path, LocalChunks& local, const std::stop_token& stop) {
  UPSWARM_TRY(const auto file, files.open(path));
  const auto number = static_cast<std::uint32_t>(local.files.size());
  local.files.push_back(path);
  Bytes at;
  return each_chunk(*file, [&](ByteView chunk) -> Result<void> {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "read " + path.string(), "stopped"};
    local.places.try_emplace(chunk_digest(sha256(chunk)), LocalPlace{number, at, Bytes{chunk.size()}});
    at += Bytes{chunk.size()};
    return {};
  });
}

}  // namespace

Result<void> scan_chunks(Files& files, const Path& folder, LocalChunks& local, const ProgressSink& progress,
                         const std::stop_token& stop) {
  const auto stopped = [&] { return Error{ErrorKind::cancelled, "look for chunks in " + folder.string(), "stopped"}; };
  std::vector<Path> waiting{folder};
  Bytes done;
  while (!waiting.empty()) {
    const auto next = std::move(waiting.back());
    waiting.pop_back();
    auto names = files.list(next);
    if (!names && next == folder) return std::move(names).error();
    if (!names) continue;
    for (const auto& name : *names) {
      if (stop.stop_requested()) return stopped();
      const auto path = below(next, name);
      const auto info = files.info(path);
      if (info && info->type == FileType::folder) waiting.push_back(path);
      if (!info || info->type != FileType::regular) continue;
      const auto scanned = scan_file(files, path, local, stop);
      if (!scanned && scanned.error().kind == ErrorKind::cancelled) return stopped();
      ignore_failure(scanned, "what cannot be read is fetched");
      done += info->size;
      if (progress) progress({"looking for chunks", done, {}});
    }
  }
  return {};
}

SparsePlan plan_sparse(const PackageIndex& index, const LocalChunks& local) {
  SparsePlan plan;
  plan.chunks.resize(index.chunks.size());
  for (std::uint32_t i = 0; i < index.frames.size(); ++i) {
    const auto& frame = index.frames[i];
    bool is_at_hand = true;
    for (auto k = frame.first_chunk; k < frame.first_chunk + frame.chunks && is_at_hand; ++k) {
      const auto found = local.places.find(index.chunks[k].digest);
      is_at_hand = found != local.places.end() && found->second.size == index.chunks[k].size();
      if (is_at_hand) plan.chunks[k] = found->second;
    }
    if (is_at_hand) {
      plan.from_disk += frame.size;
      continue;
    }
    plan.frames.push_back(i);
    plan.fetched += frame.length;
    for (auto k = frame.first_chunk; k < frame.first_chunk + frame.chunks; ++k) plan.chunks[k] = {};
  }
  return plan;
}

}  // namespace upswarm::package
