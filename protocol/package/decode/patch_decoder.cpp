#include "protocol/package/decode/patch_decoder.hpp"

#include <cstring>
#include <memory>

#include "protocol/package/decode/difference_memory.hpp"
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/stream_source.hpp"
#include "protocol/package/decode/zstd_stream.hpp"

namespace upswarm::package {
namespace {

Error corrupt(std::string why) { return corrupt_package("a delta", std::move(why)); }

StreamSource open_stream(InputFile& file, Bytes offset, const PatchGroup& group, Stream which) {
  const auto number = static_cast<std::size_t>(which);
  for (std::size_t i = 0; i < number; ++i) offset += group.streams.at(i).length;
  return {file, offset, group.streams.at(number), which};
}

/// Adds what the difference streams say to the bytes of all copies, as one row of bytes.
class Differences {
 public:
  Differences(InputFile& file, Bytes offset, const PatchGroup& group)
      : gaps_(open_stream(file, offset, group, Stream::gaps)),
        numbers_(open_stream(file, offset, group, Stream::differences)) {
    if (group.has_memory) memory_ = std::make_unique<DifferenceMemory>();
    next();
  }

  bool has_memory() const { return memory_ != nullptr; }

  /// `slice` is a whole one: no difference goes on in the next.
  void add_to(std::span<std::byte> slice) {
    while (gap_ < slice.size()) {
      slice = slice.subspan(gap_);
      add_number(slice.first(std::min(slice.size(), kDifferenceWidth)));
      slice = slice.subspan(std::min(slice.size(), kDifferenceWidth));
      next();
    }
    gap_ -= slice.size();
  }

  /// The same with a memory, which leaves the bytes of `references` alone.
  void add_to(std::span<std::byte> slice, const ReferenceMask& references) {
    for (std::size_t at = 0; at < slice.size();) {
      const bool is_field = references.has_field(at);
      const auto old = is_field ? static_cast<std::uint32_t>(load32(slice.data() + at)) : 0;
      const auto predicted = is_field ? memory_->predict(old) : 0;
      const std::size_t width = predicted == 0 ? 1 : kDifferenceWidth;
      if (gap_ >= width) {
        if (predicted != 0) store_field(kDifferenceWidth, slice.data() + at, old + predicted);
        if (is_field) memory_->learn(old, predicted);
        gap_ -= width;
        at += width;
        continue;
      }
      is_torn_ |= gap_ > 0;
      const auto count = std::min(slice.size() - at, kDifferenceWidth);
      const auto told = add_number(slice.subspan(at, count));
      if (is_field) memory_->learn(old, told);
      at += count;
      next();
    }
  }

  bool good() const { return !is_torn_ && gaps_.good() && numbers_.good(); }
  Result<void> check() const {
    if (is_torn_) return corrupt("a difference begins inside of a field that is predicted");
    UPSWARM_CHECK(gaps_.check());
    return numbers_.check();
  }
  Result<void> check_end() {
    UPSWARM_CHECK(gaps_.check_end());
    return numbers_.check_end();
  }

 private:
  void next() { gap_ = gaps_.is_over() ? ~std::uint64_t{0} : gaps_.varint(); }

  std::uint32_t add_number(std::span<std::byte> bytes) {
    std::uint32_t number = 0;
    unsigned carried = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const auto byte = numbers_.byte();
      number |= std::uint32_t{byte} << (8 * i);
      carried += std::to_integer<unsigned>(bytes[i]) + byte;
      bytes[i] = static_cast<std::byte>(carried & 0xffU);
      carried >>= 8U;
    }
    return number;
  }

  StreamSource gaps_;
  StreamSource numbers_;
  std::uint64_t gap_ = 0;
  std::unique_ptr<DifferenceMemory> memory_;
  bool is_torn_ = false;
};

/// What the references of the new content are, where they are not as predicted.
class References {
 public:
  References(InputFile& file, Bytes offset, const PatchGroup& group)
      : tokens_(open_stream(file, offset, group, Stream::tokens)),
        distances_(open_stream(file, offset, group, Stream::references)) {
    next_run();
  }

  std::uint64_t next(std::size_t width, std::uint64_t raw, std::uint64_t predicted) {
    if (hits_ > 0) {
      --hits_;
      return predicted;
    }
    const bool is_raw = is_raw_;
    next_run();
    if (is_raw) return raw;
    const auto value = predicted + static_cast<std::uint64_t>(unzigzag(distances_.varint()));
    return narrowed(width, value);
  }

  bool good() const { return tokens_.good() && distances_.good(); }
  Result<void> check() const {
    UPSWARM_CHECK(tokens_.check());
    return distances_.check();
  }
  Result<void> check_end() {
    UPSWARM_CHECK(tokens_.check_end());
    return distances_.check_end();
  }

 private:
  void next_run() {
    if (tokens_.is_over()) {
      hits_ = ~std::uint64_t{0};
      return;
    }
    const auto token = tokens_.varint();
    hits_ = token >> 1U;
    is_raw_ = (token & 1U) == 0;
  }

  StreamSource tokens_;
  StreamSource distances_;
  std::uint64_t hits_ = 0;
  bool is_raw_ = false;
};

class GroupDecoder {
 public:
  GroupDecoder(InputFile& file, Bytes offset, const PatchGroup& group, const std::vector<CopyOperation>& copies,
               OldSpace& old_space, const PatchSink& sink)
      : old_space_(old_space),
        sink_(sink),
        coder_(group.layout, copies),
        references_(file, offset, group),
        differences_(file, offset, group),
        extra_(open_stream(file, offset, group, Stream::extra)) {}

  Result<void> add_extra(std::uint64_t length) {
    while (length > 0) {
      UPSWARM_TRY(const auto part, room_for(std::min<std::uint64_t>(length, kSlice)));
      extra_.read(part);
      if (!extra_.good()) return extra_.check();
      length -= part.size();
    }
    return {};
  }

  Result<void> add_copy(const CopyOperation& copy) {
    for (std::uint32_t done = 0; done < copy.length;) {
      const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(kSlice, copy.length - done));
      UPSWARM_TRY(const auto made, room_for(count));
      // References and differences are one row each: none can be left out, but old bytes alone matter to nobody else,
      // unless they are remembered.
      if (is_wanted(count) || differences_.has_memory() || coder_.may_refer(copy.from + done, count)) {
        const auto old_bytes = std::span(old_).first(count);
        UPSWARM_CHECK(old_space_.read(copy.from + done, old_bytes));
        std::memcpy(made.data(), old_bytes.data(), count);
        if (differences_.has_memory()) mask_.clear(count);
        coder_.visit(copy, done, old_bytes, [&](std::size_t width, std::size_t at, auto raw, auto predicted) {
          const auto value = references_.next(width, raw, predicted);
          store_field(width, made.data() + at, value);
          if (differences_.has_memory()) mask_.take(at, width);
          return value;
        });
      }
      if (differences_.has_memory()) differences_.add_to(made, mask_);
      else differences_.add_to(made);
      if (!references_.good()) return references_.check();
      if (!differences_.good()) return differences_.check();
      done += count;
    }
    return {};
  }

  Result<void> finish() {
    UPSWARM_CHECK(flush());
    UPSWARM_CHECK(references_.check_end());
    UPSWARM_CHECK(differences_.check_end());
    return extra_.check_end();
  }

 private:
  /// The next `count` bytes of what is made; at most a slice.
  Result<std::span<std::byte>> room_for(std::size_t count) {
    if (made_.size() - filled_ < count) UPSWARM_CHECK(flush());
    const auto part = std::span(made_).subspan(filled_, count);
    filled_ += count;
    return part;
  }

  Result<void> flush() {
    if (filled_ == 0) return {};
    UPSWARM_CHECK(sink_.write(ByteView(made_).first(filled_)));
    flushed_ += Bytes{filled_};
    filled_ = 0;
    return {};
  }

  /// Of the last `count` bytes that there is room for.
  bool is_wanted(std::size_t count) const {
    return !sink_.is_wanted || sink_.is_wanted(flushed_ + Bytes{filled_ - count}, Bytes{count});
  }

  OldSpace& old_space_;
  const PatchSink& sink_;
  ReferenceCoder coder_;
  References references_;
  Differences differences_;
  StreamSource extra_;
  ByteBuffer old_ = ByteBuffer(kSlice + kScanSlack);
  ByteBuffer made_ = ByteBuffer(4 * kSlice);
  ReferenceMask mask_;
  std::size_t filled_ = 0;
  Bytes flushed_;
};

Result<void> decode_prefixed(InputFile& file, Bytes offset, const PatchGroup& group, OldSpace& old_space,
                             const PatchSink& sink) {
  ByteBuffer prefix(old_space.size());
  UPSWARM_CHECK(old_space.read(0, prefix));
  UPSWARM_TRY(const auto made,
              decompress_bare(file, offset, group.packed_length(), prefix, group.new_length, "a delta"));
  return sink.write(as_bytes(made));
}

}  // namespace

Result<std::vector<CopyOperation>> read_copies(InputFile& file, Bytes offset, const PatchGroup& group) {
  auto extra_lengths = open_stream(file, offset, group, Stream::extra_lengths);
  auto lengths = open_stream(file, offset, group, Stream::copy_lengths);
  auto seeks = open_stream(file, offset, group, Stream::seeks);
  const auto old_length = group.old_length.count;
  std::vector<CopyOperation> copies;
  copies.reserve(group.copies);
  std::uint64_t from = 0;
  std::uint64_t to = 0;
  for (std::uint64_t i = 0; i < group.copies; ++i) {
    const auto extra = extra_lengths.varint();
    const auto length = lengths.varint();
    from += static_cast<std::uint64_t>(unzigzag(seeks.varint()));
    UPSWARM_CHECK(extra_lengths.check());
    UPSWARM_CHECK(lengths.check());
    UPSWARM_CHECK(seeks.check());
    if (extra > group.new_length.count - to || length > group.new_length.count - to - extra || length == 0)
      return corrupt("a copy lies outside of what is made");
    if (from > old_length || length > old_length - from) return corrupt("a copy comes from outside of the base");
    to += extra;
    copies.push_back(
        {static_cast<SpaceOffset>(from), static_cast<SpaceOffset>(to), static_cast<std::uint32_t>(length)});
    from += length;
    to += length;
  }
  UPSWARM_CHECK(extra_lengths.check_end());
  UPSWARM_CHECK(lengths.check_end());
  UPSWARM_CHECK(seeks.check_end());
  return copies;
}

Result<void> decode_patch(InputFile& file, Bytes offset, const PatchGroup& group, OldSpace& old_space,
                          const PatchSink& sink) {
  if (group.is_prefixed) return decode_prefixed(file, offset, group, old_space, sink);
  UPSWARM_TRY(const auto copies, read_copies(file, offset, group));
  GroupDecoder decoder(file, offset, group, copies, old_space, sink);
  std::uint64_t to = 0;
  for (const auto& copy : copies) {
    UPSWARM_CHECK(decoder.add_extra(copy.to - to));
    UPSWARM_CHECK(decoder.add_copy(copy));
    to = std::uint64_t{copy.to} + copy.length;
  }
  UPSWARM_CHECK(decoder.add_extra(group.new_length.count - to));
  return decoder.finish();
}

}  // namespace upswarm::package
