// Writing the blocks of a deflate stream as zlib and GNU gzip write them.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "protocol/base/units.hpp"
#include "protocol/package/decode/deflate_codes.hpp"

namespace upswarm::package {

/// Collects the symbols of a block, then writes it in the shortest of three forms: stored, with fixed codes, with codes
/// of its own (RFC 1951, 3.2.4 to 3.2.7). Memory: 3 bytes a symbol. Not for use by two threads at once.
class DeflateBlocks {
 public:
  /// `most_symbols`, at most 2^15, end a block.
  explicit DeflateBlocks(std::size_t most_symbols);

  /// Forgets all that is not ended.
  void start();

  /// A block ends when half of its bytes would save more than half, looked at every 4,096 symbols: gzip's rule.
  void end_early() { ends_early_ = true; }

  /// Take one symbol. `covered` is how many bytes of input the block stands for, as far as the early end is concerned.
  /// Whether the block is full: then end_block comes next.
  bool add_literal(std::byte literal, std::uint64_t covered);
  bool add_match(std::uint32_t length, std::uint32_t distance, std::uint64_t covered);

  /// Writes the block. `content` is what it stands for, nothing if that is known no more; `size` its length.
  void end_block(std::optional<ByteView> content, std::uint64_t size, bool is_last);

  /// What was written so far, whole bytes; the caller empties it.
  ByteBuffer& written() { return written_; }

 private:
  struct Symbol {
    std::uint16_t distance;  ///< 0: a literal
    std::uint8_t value;      ///< literal, or length - 3
  };

  void forget();
  bool add(Symbol symbol, std::uint64_t covered);
  bool is_better_ended(std::uint64_t covered) const;
  std::uint64_t size_with(std::span<const std::uint8_t> literals, std::span<const std::uint8_t> distances) const;
  void write_symbols(std::span<const std::uint8_t> literals, std::span<const std::uint8_t> distances);
  void write_stored(ByteView content);
  void put(std::uint32_t value, unsigned bits);
  void fill_byte();

  std::size_t most_symbols_;
  bool ends_early_ = false;
  std::vector<Symbol> symbols_;
  std::size_t matches_ = 0;
  std::array<std::uint16_t, kLiteralCodes> literal_counts_{};
  std::array<std::uint16_t, kDistanceCodes> distance_counts_{};
  std::uint64_t pending_ = 0;  // bits that fill no byte yet
  unsigned pending_bits_ = 0;
  ByteBuffer written_;
};

}  // namespace upswarm::package
