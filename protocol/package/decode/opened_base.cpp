#include "protocol/package/decode/opened_base.hpp"

#include <algorithm>

#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/inflate.hpp"
#include "protocol/package/decode/tree_output.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kReadBuffer = 64 * 1024;
constexpr std::uint32_t kScratchMode = 0600;

Error corrupt(std::string why) { return corrupt_package("a delta", std::move(why)); }

/// A part of a file, as a file.
class PartOfFile final : public InputFile {
 public:
  PartOfFile(std::unique_ptr<InputFile> file, FilePart part) : file_(std::move(file)), part_(part) {}

  Result<std::size_t> read_at(Bytes offset, std::span<std::byte> buffer) override {
    if (offset >= part_.length) return std::size_t{0};
    const auto count = std::min<std::uint64_t>(buffer.size(), (part_.length - offset).count);
    return file_->read_at(part_.offset + offset, buffer.first(count));
  }
  Result<FileInfo> info() override {
    UPSWARM_TRY(auto info, file_->info());
    info.size = part_.length;
    return info;
  }

 private:
  std::unique_ptr<InputFile> file_;
  FilePart part_;
};

/// Goes through a file, by turns through what lies between streams and through streams.
class Opening {
 public:
  Opening(InputFile& in, const OpenedOld& file, const std::function<Result<void>(ByteView)>& sink)
      : in_(in), file_(file), sink_(sink), buffer_(kReadBuffer), inflated_(2 * kReadBuffer) {}

  Result<void> run() {
    for (const auto gap : file_.gaps) {
      UPSWARM_CHECK(pass(gap));
      UPSWARM_CHECK(inflate());
    }
    UPSWARM_CHECK(pass(file_.size - given_));
    UPSWARM_CHECK(read());
    return unread_.empty() ? Result<void>() : corrupt("a file of the base is longer than what it opens");
  }

 private:
  Result<void> read() {
    if (!unread_.empty()) return {};
    UPSWARM_TRY(const auto count, in_.read_at(at_, buffer_));
    at_ += Bytes{count};
    unread_ = ByteView(buffer_).first(count);
    return {};
  }

  Result<void> give(ByteView bytes) {
    if (Bytes{bytes.size()} > file_.size - given_) return corrupt("a file of the base opens to more than it tells");
    given_ += Bytes{bytes.size()};
    return bytes.empty() ? Result<void>() : sink_(bytes);
  }

  Result<void> pass(Bytes length) {
    while (length > Bytes{}) {
      UPSWARM_CHECK(read());
      if (unread_.empty()) return corrupt("a file of the base is shorter than what it opens");
      const auto part = unread_.first(std::min<std::uint64_t>(length.count, unread_.size()));
      UPSWARM_CHECK(give(part));
      unread_ = unread_.subspan(part.size());
      length -= Bytes{part.size()};
    }
    return {};
  }

  Result<void> inflate() {
    inflater_.start();
    while (true) {
      UPSWARM_CHECK(read());
      UPSWARM_TRY(const auto step, inflater_.step(unread_, inflated_));
      if (!step.is_end && step.consumed == 0 && step.produced == 0) return corrupt("a stream of the base is cut off");
      unread_ = unread_.subspan(step.consumed);
      UPSWARM_CHECK(give(ByteView(inflated_).first(step.produced)));
      if (step.is_end) return {};
    }
  }

  InputFile& in_;
  const OpenedOld& file_;
  const std::function<Result<void>(ByteView)>& sink_;
  Inflater inflater_;
  ByteBuffer buffer_;
  ByteBuffer inflated_;
  ByteView unread_;
  Bytes at_;
  Bytes given_;
};

}  // namespace

Result<void> open_file(InputFile& in, const OpenedOld& file, const std::function<Result<void>(ByteView)>& sink) {
  return Opening(in, file, sink).run();
}

OpenedBase::OpenedBase(Files& files, const Path& base, const Tree& tree, const OpenedFiles& opened, Path scratch)
    : files_(files), base_(base), tree_(tree), opened_(opened), scratch_(std::move(scratch)) {}

Result<void> OpenedBase::prepare(const std::vector<OldPiece>& pieces, const GoOn& go_on) {
  std::unique_ptr<OutputFile> out;
  Bytes end;
  for (const auto& piece : pieces) {
    const auto* const file = opened_.find_old(piece.entry);
    if (file == nullptr) continue;
    if (!out) {
      UPSWARM_TRY(out, files_.create(scratch_, kScratchMode));
    }
    UPSWARM_TRY(const auto in, files_.open(place_of(base_, tree_.entries[piece.entry].path)));
    UPSWARM_CHECK(open_file(*in, *file, [&](ByteView bytes) -> Result<void> {
      UPSWARM_CHECK(go_on());
      return out->write(bytes);
    }));
    prepared_[piece.entry] = {end, file->size};
    end += file->size;
  }
  return {};
}

Result<std::unique_ptr<InputFile>> OpenedBase::open(std::uint32_t entry) {
  const auto prepared = prepared_.find(entry);
  if (prepared == prepared_.end()) return files_.open(place_of(base_, tree_.entries[entry].path));
  UPSWARM_TRY(auto file, files_.open(scratch_));
  return std::unique_ptr<InputFile>(std::make_unique<PartOfFile>(std::move(file), prepared->second));
}

Result<void> OpenedBase::clear() {
  if (prepared_.empty()) return {};
  prepared_.clear();
  return files_.remove_file(scratch_);
}

}  // namespace upswarm::package
