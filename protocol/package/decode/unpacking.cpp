#include "protocol/package/decode/unpacking.hpp"

#include <algorithm>

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::package {
namespace {

// The front of the history is thrown away by moving the rest: seldom enough to cost little.
constexpr Bytes kRoom = 8_MiB;

Error corrupt(std::string why) { return corrupt_package("a full package", std::move(why)); }

Error changed_meanwhile(const Path& path) {
  return {ErrorKind::corrupt, "take a chunk from " + path.string(), "the file was changed meanwhile", kLocalChanged};
}

}  // namespace

Unpacking::Unpacking(Files& files, InputFile& package, const PackageIndex& index, const Path& to)
    : files_(files),
      package_(package),
      index_(index),
      to_(to),
      output_(files, to, index.tree),
      history_(std::min(index.history + kRoom, index.stream_size()).count),
      chunk_(kLongestChunk.count) {}

void Unpacking::take_from(const SparsePlan& plan, const LocalChunks& local) {
  plan_ = &plan;
  local_ = &local;
}

Result<void> Unpacking::run(const ProgressSink& progress, const std::stop_token& stop, const OutputOptions& options) {
  const auto& entries = index_.tree.entries;
  const auto go_on = [&]() -> Result<void> {
    if (stop.stop_requested()) return Error{ErrorKind::cancelled, "unpack", "stopped"};
    return {};
  };
  const auto is_right = [&](std::size_t entry, const Sha256& digest) { return digest == entries[entry].digest; };
  if (options.may_link) output_.allow_links();
  if (options.only != nullptr) UPSWARM_CHECK(output_.begin_part(*options.only));
  else UPSWARM_CHECK(options.resume ? output_.resume(is_right, go_on) : output_.begin());
  Bytes total;
  for (std::size_t i = 0; i < entries.size(); ++i) total += output_.is_left_out(i) ? 0_B : entries[i].size;
  auto done = output_.report().kept;
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].type != FileType::regular || output_.is_kept(i) || output_.is_left_out(i)) continue;
    UPSWARM_CHECK(go_on());
    UPSWARM_CHECK(make_file(i, go_on));
    done += entries[i].size;
    if (progress) progress({"unpacking", done, total});
  }
  UPSWARM_CHECK(output_.check_digests());
  UPSWARM_CHECK(output_.sync());
  if (options.report == nullptr) return {};
  *options.report = output_.report();
  options.report->digests += digests_;
  return {};
}

Result<void> Unpacking::make_file(std::uint32_t entry, const TreeOutput::GoOn& go_on) {
  if (const auto from = old_file(entry); from && output_.can_share()) {
    const auto judge = [from, &about = index_.tree.entries[entry]](const Sha256& digest) -> Result<void> {
      if (digest == about.digest) return {};
      return changed_meanwhile(*from);
    };
    UPSWARM_TRY(const bool is_shared, output_.share_file(entry, *from, go_on, judge));
    if (is_shared) return {};
  }
  return write_file(entry);
}

/// The local file that is all of `entry`, by its chunks.
std::optional<Path> Unpacking::old_file(std::uint32_t entry) const {
  const auto& chunks = index_.contents[entry];
  if (plan_ == nullptr || chunks.empty()) return std::nullopt;
  const auto file = plan_->chunks.at(chunks.front()).file;
  Bytes at;
  for (const auto chunk : chunks) {
    const auto& place = plan_->chunks.at(chunk);
    if (place.size != index_.chunks[chunk].size() || place.file != file || place.offset != at) return std::nullopt;
    at += place.size;
  }
  const auto& path = local_->files.at(file);
  const auto info = files_.info(path);
  return info && info->type == FileType::regular && info->size == at ? std::optional(path) : std::nullopt;
}

Result<void> Unpacking::write_file(std::uint32_t entry) {
  UPSWARM_CHECK(output_.start_file(entry));
  for (const auto chunk : index_.contents[entry]) {
    UPSWARM_TRY(const auto bytes, content_of(chunk));
    UPSWARM_CHECK(output_.write(bytes));
  }
  const auto& about = index_.tree.entries[entry];
  return output_.end_file([&about](const Sha256& digest) -> Result<void> {
    if (digest == about.digest) return {};
    return Error{ErrorKind::corrupt, "unpack " + about.path, "its content is not the signed one"};
  });
}

/// Valid until the next call.
Result<ByteView> Unpacking::content_of(std::uint32_t chunk) {
  const auto& about = index_.chunks[chunk];
  skip_to(about.start);
  while (about.start >= history_start_ + Bytes{history_length_}) UPSWARM_CHECK(next_frame());
  if (is_in_history(about.start)) return history(about.start, about.size());
  const auto to = std::span(chunk_).first(about.bytes);
  UPSWARM_CHECK(read_back(chunk, to));
  return ByteView(to);
}

/// Where files are shared or left out not every frame is needed: passes over those that come before what is at `start`
/// and before the dictionaries of the fetched frames on the way to it and of the next one.
void Unpacking::skip_to(Bytes start) {
  const auto& frames = index_.frames;
  if (plan_ == nullptr || start < history_start_ + Bytes{history_length_}) return;
  const auto behind = std::upper_bound(frames.begin() + next_frame_, frames.end(), start,
                                       [](Bytes at, const Frame& frame) { return at < frame.start; });
  auto first = static_cast<std::uint32_t>(behind - frames.begin()) - 1;
  const auto dictionary = [&](std::uint32_t frame) {
    return frames[frame].start - std::min(frames[frame].start, index_.history);
  };
  const auto fetched = std::ranges::lower_bound(plan_->frames, first);
  auto needed = frames[first].start;
  if (fetched != plan_->frames.end()) needed = std::min(needed, dictionary(*fetched));
  for (auto i = first + 1; i-- > next_frame_;) {
    const auto& frame = frames[i];
    if (frame.start + frame.size <= needed) break;
    first = i;
    if (std::ranges::binary_search(plan_->frames, i)) needed = dictionary(i);
  }
  if (first == next_frame_) return;
  next_frame_ = first;
  next_fetched_ = static_cast<std::size_t>(std::ranges::lower_bound(plan_->frames, first) - plan_->frames.begin());
  history_start_ = frames[first].start;
  history_length_ = 0;
}

Result<void> Unpacking::next_frame() {
  const auto& frame = index_.frames[next_frame_];
  const auto to = make_room(frame.size);
  bool is_packed = true;
  if (plan_ != nullptr) {
    is_packed = next_fetched_ < plan_->frames.size() && plan_->frames[next_fetched_] == next_frame_;
    if (is_packed) ++next_fetched_;
  }
  if (is_in_kept_files(frame)) UPSWARM_CHECK(read_kept(frame, to));
  else if (is_packed) UPSWARM_CHECK(decode(frame, to));
  else UPSWARM_CHECK(collect(frame, to));
  history_length_ += to.size();
  ++next_frame_;
  return {};
}

Result<void> Unpacking::decode(const Frame& frame, std::span<std::byte> to) {
  const auto name = "frame " + std::to_string(next_frame_);
  packed_.resize(frame.length.count);
  UPSWARM_TRY(const auto count, package_.read_at(frame.offset, packed_));
  const auto altered = [](Error why) {
    why.reason = kFrameAltered;
    return why;
  };
  if (count != packed_.size()) return altered(corrupt("it is cut off in " + name));
  if (digest_of(packed_) != frame.sha256) return altered(corrupt(name + " was altered"));
  const auto before = std::min<std::size_t>(history_length_, index_.history.count);
  const auto dictionary = ByteView(history_).subspan(history_length_ - before, before);
  if (auto decoded = decoder_.decode(packed_, dictionary, to); !decoded)
    return corrupt(name + ": " + decoded.error().cause);
  return {};
}

Sha256 Unpacking::digest_of(ByteView bytes) {
  const auto before = thread_cpu_time();
  const auto digest = sha256(bytes);
  digests_ += thread_cpu_time() - before;
  return digest;
}

bool Unpacking::is_in_kept_files(const Frame& frame) const {
  for (auto i = frame.first_chunk; i < frame.first_chunk + frame.chunks; ++i) {
    if (!output_.is_kept(index_.chunks[i].entry)) return false;
  }
  return true;
}

/// A frame that matters only for what comes after it: reading is cheaper than decompressing.
Result<void> Unpacking::read_kept(const Frame& frame, std::span<std::byte> to) {
  for (auto i = frame.first_chunk; i < frame.first_chunk + frame.chunks; ++i) {
    const auto part = to.first(index_.chunks[i].bytes);
    to = to.subspan(part.size());
    UPSWARM_CHECK(read_back(i, part));
  }
  return {};
}

/// A frame that was not fetched, put together from local files.
Result<void> Unpacking::collect(const Frame& frame, std::span<std::byte> to) {
  for (auto i = frame.first_chunk; i < frame.first_chunk + frame.chunks; ++i) {
    const auto part = to.first(index_.chunks[i].bytes);
    to = to.subspan(part.size());
    UPSWARM_CHECK(take_local(index_.chunks[i], plan_->chunks.at(i), part));
  }
  return {};
}

Result<void> Unpacking::take_local(const Chunk& chunk, const LocalPlace& place, std::span<std::byte> to) {
  const auto& path = local_->files.at(place.file);
  const auto changed = [&] { return changed_meanwhile(path); };
  if (place.size != chunk.size()) return changed();
  if (!source_ || source_path_ != path) {
    source_.reset();
    auto opened = files_.open(path);
    if (!opened) return changed();
    source_ = *std::move(opened);
    source_path_ = path;
  }
  UPSWARM_TRY(const auto count, source_->read_at(place.offset, to));
  if (count != to.size() || chunk_digest(digest_of(to)) != chunk.digest) return changed();
  return {};
}

/// Room behind the history for what comes next; keeps what a dictionary can ask for.
std::span<std::byte> Unpacking::make_room(Bytes size) {
  if (history_.size() - history_length_ < size.count) {
    const auto kept = std::min<std::size_t>(history_length_, index_.history.count);
    const auto lost = history_length_ - kept;
    std::copy_n(history_.begin() + static_cast<std::ptrdiff_t>(lost), kept, history_.begin());
    history_start_ += Bytes{lost};
    history_length_ = kept;
  }
  return std::span(history_).subspan(history_length_, size.count);
}

ByteView Unpacking::history(Bytes start, Bytes size) const {
  return ByteView(history_).subspan((start - history_start_).count, size.count);
}

/// A chunk that was written already; of a file that is left out, from where it lies on disk.
Result<void> Unpacking::read_back(std::uint32_t chunk, std::span<std::byte> to) {
  const auto& about = index_.chunks[chunk];
  if (output_.is_left_out(about.entry)) {
    const Error gone{ErrorKind::corrupt, "unpack a part of a package", "what it shares with the rest is not on disk",
                     kLocalChanged};
    if (local_ == nullptr) return gone;
    const auto found = local_->places.find(about.digest);
    return found == local_->places.end() ? Result<void>(gone) : take_local(about, found->second, to);
  }
  const auto& entry = index_.tree.entries[about.entry];
  const auto path = place_of(to_, entry.path);
  if (!source_ || source_path_ != path) {
    source_.reset();
    UPSWARM_TRY(source_, files_.open(path));
    source_path_ = path;
  }
  UPSWARM_TRY(const auto count, source_->read_at(about.offset, to));
  if (count != to.size()) return Error{ErrorKind::disk, "read back " + path.string(), "it is shorter than was written"};
  return {};
}

}  // namespace upswarm::package
