#include "protocol/package/decode/deflate_blocks.hpp"

namespace upswarm::package {
namespace {

constexpr std::uint8_t kLongestCode = 15;
constexpr std::uint8_t kLongestLengthCode = 7;
constexpr std::size_t kLookEvery = 4096;
constexpr std::uint32_t kShortestMatch = 3;
constexpr unsigned kHeaderBits = 3;
constexpr std::size_t kFewestLengthCodes = 4;

enum class Form : std::uint8_t { stored = 0, fixed = 1, dynamic = 2 };

/// In this order lengths of the code for lengths are sent (RFC 1951, 3.2.7).
constexpr std::array<std::uint8_t, kLengthCodes> kOrder = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                           11, 4,  12, 3, 13, 2, 14, 1, 15};

/// A code length, or one of the three codes for repetitions.
struct LengthToken {
  std::uint8_t code;
  std::uint8_t extra;
  std::uint8_t extra_bits;
};
constexpr std::uint8_t kRepeat = 16;     ///< what came before 3 to 6 times
constexpr std::uint8_t kZeros = 17;      ///< 3 to 10 zeros
constexpr std::uint8_t kManyZeros = 18;  ///< 11 to 138 zeros
constexpr std::size_t kFewestZeros = 3;
constexpr std::size_t kFewestManyZeros = 11;
constexpr std::size_t kMostZeros = 138;
constexpr std::size_t kFewestRepeats = 3;
constexpr std::size_t kMostRepeats = 6;

constexpr std::uint8_t bits_of(std::uint8_t code) {
  return code == kRepeat ? 2 : code == kZeros ? 3 : code == kManyZeros ? 7 : 0;
}

/// Lengths of both codes are sent apart: no repetition goes over from one to the other.
void tokenize(std::span<const std::uint8_t> lengths, std::vector<LengthToken>& tokens) {
  const auto tell = [&](std::uint8_t code, std::size_t extra) {
    tokens.push_back({code, static_cast<std::uint8_t>(extra), bits_of(code)});
  };
  std::optional<std::uint8_t> before;
  for (std::size_t at = 0; at < lengths.size();) {
    const auto length = lengths[at];
    // The first of a new length is told itself, and counts among those that can be told at once.
    const bool is_new = length != 0 && before != length;
    const auto most = length == 0 ? kMostZeros : kMostRepeats + (is_new ? 1U : 0U);
    std::size_t run = 1;
    while (run < most && at + run < lengths.size() && lengths[at + run] == length) ++run;
    at += run;
    before = length;
    const auto repeats = run - (is_new ? 1U : 0U);
    if (repeats < kFewestRepeats) {
      for (std::size_t i = 0; i < run; ++i) tell(length, 0);
      continue;
    }
    if (is_new) tell(length, 0);
    if (length != 0) tell(kRepeat, repeats - kFewestRepeats);
    else if (repeats < kFewestManyZeros) tell(kZeros, repeats - kFewestZeros);
    else tell(kManyZeros, repeats - kFewestManyZeros);
  }
}

std::uint64_t bytes_of(std::uint64_t bits) { return (bits + 7) / 8; }

/// The codes of a block, told by a code of their own.
struct CodeTable {
  CodeTable(std::size_t literals_used, std::size_t distances_used, std::span<const std::uint8_t> literals,
            std::span<const std::uint8_t> distances)
      : literals_sent(literals_used), distances_sent(distances_used) {
    tokenize(literals, tokens);
    tokenize(distances, tokens);
    std::array<std::uint16_t, kLengthCodes> counts{};
    for (const auto& token : tokens) ++counts.at(token.code);
    lengths = code_lengths(counts, kLongestLengthCode);
    lengths.resize(kLengthCodes);
    sent = kLengthCodes;
    while (sent > kFewestLengthCodes && lengths[kOrder.at(sent - 1)] == 0) --sent;
  }
  std::uint64_t bits() const {
    auto sum = 5 + 5 + 4 + 3 * std::uint64_t{sent};
    for (const auto& token : tokens) sum += std::uint64_t{lengths[token.code]} + token.extra_bits;
    return sum;
  }

  std::size_t literals_sent;
  std::size_t distances_sent;
  std::vector<LengthToken> tokens;
  std::vector<std::uint8_t> lengths;
  std::size_t sent = 0;  // of them
};

}  // namespace

DeflateBlocks::DeflateBlocks(std::size_t most_symbols) : most_symbols_(most_symbols) {
  symbols_.reserve(most_symbols);
  literal_counts_.at(kEndOfBlock) = 1;
}

void DeflateBlocks::start() {
  forget();
  pending_ = 0;
  pending_bits_ = 0;
  written_.clear();
}

void DeflateBlocks::forget() {
  symbols_.clear();
  matches_ = 0;
  literal_counts_.fill(0);
  distance_counts_.fill(0);
  literal_counts_.at(kEndOfBlock) = 1;
}

bool DeflateBlocks::add_literal(std::byte literal, std::uint64_t covered) {
  const auto value = std::to_integer<std::uint8_t>(literal);
  ++literal_counts_.at(value);
  return add({0, value}, covered);
}

bool DeflateBlocks::add_match(std::uint32_t length, std::uint32_t distance, std::uint64_t covered) {
  ++literal_counts_.at(code_of_length(length));
  ++distance_counts_.at(code_of_distance(distance));
  ++matches_;
  return add({static_cast<std::uint16_t>(distance), static_cast<std::uint8_t>(length - kShortestMatch)}, covered);
}

bool DeflateBlocks::add(Symbol symbol, std::uint64_t covered) {
  symbols_.push_back(symbol);
  if (ends_early_ && symbols_.size() % kLookEvery == 0 && is_better_ended(covered)) return true;
  return symbols_.size() == most_symbols_;
}

/// Takes a literal for 8 bits and a distance for 5 and its extra ones.
bool DeflateBlocks::is_better_ended(std::uint64_t covered) const {
  std::uint64_t bits = symbols_.size() * 8;
  for (std::uint32_t i = 0; i < kDistanceCodes; ++i)
    bits += std::uint64_t{distance_counts_.at(i)} * (5U + distance_range(i).extra_bits);
  return matches_ < symbols_.size() / 2 && bits / 8 < covered / 2;
}

std::uint64_t DeflateBlocks::size_with(std::span<const std::uint8_t> literals,
                                       std::span<const std::uint8_t> distances) const {
  std::uint64_t bits = 0;
  for (std::uint32_t i = 0; i < literals.size() && i < kLiteralCodes; ++i) {
    const unsigned extra = i > kEndOfBlock ? length_range(i).extra_bits : 0;
    bits += std::uint64_t{literal_counts_.at(i)} * (literals[i] + extra);
  }
  for (std::uint32_t i = 0; i < distances.size(); ++i)
    bits += std::uint64_t{distance_counts_.at(i)} * (unsigned{distances[i]} + distance_range(i).extra_bits);
  return bits;
}

void DeflateBlocks::end_block(std::optional<ByteView> content, std::uint64_t size, bool is_last) {
  const auto literals = code_lengths(literal_counts_, kLongestCode);
  const auto distances = code_lengths(distance_counts_, kLongestCode);
  const CodeTable table(literals.size(), distances.size(), literals, distances);
  const auto dynamic = bytes_of(size_with(literals, distances) + table.bits() + kHeaderBits);
  const auto fixed = bytes_of(size_with(fixed_literal_lengths(), fixed_distance_lengths()) + kHeaderBits);
  const auto form = content && size + 4 <= std::min(fixed, dynamic) ? Form::stored
                    : fixed <= dynamic                              ? Form::fixed
                                                                    : Form::dynamic;
  put((is_last ? 1U : 0U) | static_cast<std::uint32_t>(form) << 1U, kHeaderBits);
  if (form == Form::stored) {
    write_stored(*content);
  } else if (form == Form::fixed) {
    write_symbols(fixed_literal_lengths(), fixed_distance_lengths());
  } else {
    put(static_cast<std::uint32_t>(table.literals_sent - kEndOfBlock - 1), 5);
    put(static_cast<std::uint32_t>(table.distances_sent - 1), 5);
    put(static_cast<std::uint32_t>(table.sent - kFewestLengthCodes), 4);
    for (std::size_t i = 0; i < table.sent; ++i) put(table.lengths[kOrder.at(i)], 3);
    const auto words = code_words(table.lengths);
    for (const auto& token : table.tokens) {
      put(words[token.code], table.lengths[token.code]);
      if (token.extra_bits > 0) put(token.extra, token.extra_bits);
    }
    write_symbols(literals, distances);
  }
  if (is_last) fill_byte();
  forget();
}

void DeflateBlocks::write_symbols(std::span<const std::uint8_t> literals, std::span<const std::uint8_t> distances) {
  const auto literal_words = code_words(literals);
  const auto distance_words = code_words(distances);
  for (const auto& symbol : symbols_) {
    if (symbol.distance == 0) {
      put(literal_words[symbol.value], literals[symbol.value]);
      continue;
    }
    const auto length = symbol.value + kShortestMatch;
    const auto length_code = code_of_length(length);
    const auto lengths = length_range(length_code);
    put(literal_words[length_code], literals[length_code]);
    put(length - lengths.first, lengths.extra_bits);
    const auto distance_code = code_of_distance(symbol.distance);
    const auto far = distance_range(distance_code);
    put(distance_words[distance_code], distances[distance_code]);
    put(symbol.distance - std::uint32_t{far.first}, far.extra_bits);
  }
  put(literal_words[kEndOfBlock], literals[kEndOfBlock]);
}

void DeflateBlocks::write_stored(ByteView content) {
  fill_byte();
  const auto length = static_cast<std::uint32_t>(content.size());
  put(length, 16);
  put(~length & 0xffffU, 16);
  written_.insert(written_.end(), content.begin(), content.end());
}

void DeflateBlocks::put(std::uint32_t value, unsigned bits) {
  pending_ |= std::uint64_t{value} << pending_bits_;
  pending_bits_ += bits;
  for (; pending_bits_ >= 8; pending_bits_ -= 8, pending_ >>= 8U)
    written_.push_back(static_cast<std::byte>(pending_ & 0xffU));
}

void DeflateBlocks::fill_byte() {
  if (pending_bits_ > 0) put(0, 8 - pending_bits_);
}

}  // namespace upswarm::package
