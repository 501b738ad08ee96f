#include "protocol/package/decode/delta_applier.hpp"

#include <algorithm>

#include "protocol/package/decode/format.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kReadBuffer = 256 * 1024;

Error corrupt(std::string why) { return corrupt_package("a delta", std::move(why)); }
/// A name at the top that no file of `tree` has, whatever the case of its letters.
std::string scratch_name(const Tree& tree) {
  std::string name = ".upswarm-opened";
  const auto is_taken = [&](const TreeEntry& entry) {
    return std::ranges::equal(name, entry.path.view(), [](char a, char b) { return a == b || a == (b | 0x20); });
  };
  while (std::ranges::any_of(tree.entries, is_taken)) name += '_';
  return name;
}

Error altered(const SharedText& path) {
  return {ErrorKind::corrupt, "apply a delta", "the installed file " + path + " was altered", "wrong_base"};
}

}  // namespace

DeltaApplier::DeltaApplier(const Work& work, ToldTree told)
    : work_(work),
      told_(std::move(told)),
      total_(told_.tree.total_size()),
      buffer_(kReadBuffer),
      opened_base_(work_.files, work_.base, work_.base_tree, work_.opened,
                   place_of(work_.to, scratch_name(told_.tree))),
      output_(work_.files, work_.to, told_.tree) {
  Bytes end;
  for (const auto kind : {ContentSource::Kind::prefixed, ContentSource::Kind::patched}) {
    for (std::size_t i = 0; i < told_.sources.size(); ++i) {
      if (told_.sources[i].kind != kind) continue;
      made_.push_back(i);
      end += length_of(i);
      ends_.push_back(end);
    }
  }
}

Result<Tree> DeltaApplier::run(const Sha256& content, const OutputOptions& options) {
  if (options.may_link) output_.allow_links();
  const auto made = make_tree(content, options.resume);
  if (!made) {
    // What does not fit may be the fault of the base.
    if (made.error().kind == ErrorKind::corrupt && made.error().reason.empty()) UPSWARM_CHECK(check_bases());
    return made.error();
  }
  if (options.report != nullptr) *options.report = output_.report();
  return std::move(told_.tree);
}

Result<void> DeltaApplier::make_tree(const Sha256& content, bool resume) {
  const auto accepts = [this](std::size_t number, const Sha256& digest) { return accept(number, digest); };
  UPSWARM_CHECK(resume ? output_.resume(accepts, [this] { return tell({}); }) : output_.begin());
  done_ = output_.report().kept;
  for (std::size_t i = 0; i < told_.sources.size(); ++i) {
    if (told_.sources[i].kind == ContentSource::Kind::copied && !output_.is_kept(i)) UPSWARM_CHECK(copy_file(i));
  }
  auto streams = work_.streams;
  for (const auto& group : work_.groups) {
    UPSWARM_CHECK(is_wanted(made_bytes_, group.new_length) ? make_group(group, streams)
                                                           : pass(group.new_length.count, {}));
    made_bytes_ += group.new_length;
    streams += group.packed_length();
  }
  UPSWARM_CHECK(make_empty_files());
  if (next_ != made_.size()) return corrupt("it makes less than its tree needs");
  UPSWARM_CHECK(output_.check_digests());
  if (content_digest(told_.tree) != content) return corrupt("it leads to another tree than it says");
  return output_.sync();
}

Result<void> DeltaApplier::copy_file(std::size_t number) {
  const auto size = told_.tree.entries[number].size;
  const auto& from = work_.base_tree.entries[told_.sources[number].from];
  const auto judge = [this, number, &from](const Sha256& digest) -> Result<void> {
    if (accept(number, digest)) return {};
    return altered(from.path);
  };
  const auto path = place_of(work_.base, from.path);
  UPSWARM_TRY(const bool is_shared, output_.share_file(
                                        number, path, [this] { return tell({}); }, judge));
  if (is_shared) return tell(size);
  UPSWARM_TRY(const auto in, work_.files.open(path));
  UPSWARM_CHECK(output_.start_file(number));
  for (Bytes at;;) {
    UPSWARM_TRY(const auto count, in->read_at(at, buffer_));
    at += Bytes{count};
    if (at > size) return altered(from.path);
    UPSWARM_CHECK(output_.write(ByteView(buffer_).first(count)));
    UPSWARM_CHECK(tell(Bytes{count}));
    if (count < buffer_.size()) break;
  }
  return output_.end_file(judge);
}

Result<void> DeltaApplier::make_group(const PatchGroup& group, Bytes streams) {
  ++groups_begun_;
  UPSWARM_TRY(const auto pieces, find_old_pieces(group, work_.base_tree, work_.opened));
  UPSWARM_CHECK(opened_base_.prepare(pieces, [this] { return tell({}); }));
  PatchSink sink;
  sink.write = [this](ByteView bytes) { return pass(bytes.size(), bytes); };
  sink.is_wanted = [this](Bytes from, Bytes length) { return is_wanted(made_bytes_ + from, length); };
  {
    OldSpace old_space([this](std::uint32_t entry) { return opened_base_.open(entry); }, work_.base_tree, pieces);
    UPSWARM_CHECK(decode_patch(work_.delta, streams, group, old_space, sink));
  }
  return opened_base_.clear();
}

/// The next `count` bytes of made content; none are given where all files that they belong to are kept.
Result<void> DeltaApplier::pass(std::uint64_t count, ByteView bytes) {
  while (count > 0) {
    if (!is_in_file_) UPSWARM_CHECK(start_made_file());
    const auto part = std::min(count, left_.count);
    if (!output_.is_kept(made_[next_])) {
      UPSWARM_CHECK(closing_ ? closing_->write(bytes.first(part)) : write(bytes.first(part)));
    }
    if (!bytes.empty()) bytes = bytes.subspan(part);
    count -= part;
    left_ -= Bytes{part};
    if (left_ == Bytes{}) UPSWARM_CHECK(end_made_file());
  }
  return tell({});
}

Result<void> DeltaApplier::write(ByteView bytes) {
  UPSWARM_CHECK(output_.write(bytes));
  return tell(Bytes{bytes.size()});
}

/// In what groups make: of an opened file, what it is opened.
Bytes DeltaApplier::length_of(std::size_t number) const {
  const auto* const opened = work_.opened.find_new(static_cast<std::uint32_t>(number));
  return opened != nullptr ? opened->size : told_.tree.entries[number].size;
}

/// The next file that has content.
Result<void> DeltaApplier::start_made_file() {
  UPSWARM_CHECK(make_empty_files());
  if (next_ == made_.size()) return corrupt("it makes more than its tree holds");
  const auto number = made_[next_];
  left_ = length_of(number);
  is_in_file_ = true;
  if (output_.is_kept(number)) return {};
  const auto* const opened = work_.opened.find_new(static_cast<std::uint32_t>(number));
  if (opened != nullptr) {
    closing_ = std::make_unique<FileClosing>(*opened, told_.tree.entries[number].size,
                                             [this](ByteView bytes) { return write(bytes); });
  }
  return output_.start_file(number);
}

Result<void> DeltaApplier::end_made_file() {
  const auto number = made_[next_++];
  is_in_file_ = false;
  if (closing_) UPSWARM_CHECK(closing_->finish());
  closing_.reset();
  if (output_.is_kept(number)) return {};
  return output_.end_file([this, number](const Sha256& digest) -> Result<void> {
    if (accept(number, digest)) return {};
    return corrupt("the file " + told_.tree.entries[number].path + " that it makes is not the one it describes");
  });
}

Result<void> DeltaApplier::make_empty_files() {
  while (!is_in_file_ && next_ < made_.size() && length_of(made_[next_]) == Bytes{}) {
    if (!output_.is_kept(made_[next_])) UPSWARM_CHECK(output_.start_file(made_[next_]));
    UPSWARM_CHECK(end_made_file());
  }
  return {};
}

bool DeltaApplier::is_wanted(Bytes from, Bytes length) const {
  const auto first = std::upper_bound(ends_.begin(), ends_.end(), from) - ends_.begin();
  for (auto i = static_cast<std::size_t>(first); i < made_.size(); ++i) {
    if (ends_[i] - length_of(made_[i]) >= from + length) return false;
    if (!output_.is_kept(made_[i])) return true;
  }
  // Beyond the last file: pass() says what is wrong.
  return ends_.empty() || from + length > ends_.back();
}

/// Takes the digest of a made file into the tree: only its start was told.
bool DeltaApplier::accept(std::size_t number, const Sha256& digest) {
  auto& entry = told_.tree.entries[number];
  const auto& source = told_.sources[number];
  if (!source.is_made()) return digest == entry.digest;
  if (start_of(digest) != source.check) return false;
  entry.digest = digest;
  return true;
}

/// Errors: corrupt (reason "wrong_base")  something that groups were made from is not what the tree says.
Result<void> DeltaApplier::check_bases() {
  Sha256Hasher hasher;
  for (const auto& group : work_.groups.first(groups_begun_)) {
    UPSWARM_TRY(const auto pieces, find_old_pieces(group, work_.base_tree, work_.opened));
    for (const auto& piece : pieces) {
      const auto& entry = work_.base_tree.entries[piece.entry];
      UPSWARM_TRY(const auto in, work_.files.open(place_of(work_.base, entry.path)));
      for (Bytes at;;) {
        UPSWARM_TRY(const auto count, in->read_at(at, buffer_));
        if (count == 0) break;
        hasher.update(ByteView(buffer_).first(count));
        at += Bytes{count};
      }
      if (hasher.finish() != entry.digest) return altered(entry.path);
    }
  }
  return {};
}

Result<void> DeltaApplier::tell(Bytes more) {
  done_ += more;
  if (work_.stop.stop_requested()) return Error{ErrorKind::cancelled, "apply a delta", "stopped"};
  if (work_.progress && more > Bytes{}) work_.progress({"applying", done_, total_});
  return {};
}

}  // namespace upswarm::package
