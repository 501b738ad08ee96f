#include "protocol/base/http/content_coding.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <utility>

#include "protocol/base/hex.hpp"

namespace upswarm {
namespace {

constexpr int kLevel = 6;  // metadata of 1,000 products in milliseconds; more buys little
constexpr int kSmallestWindowLog = 10;
constexpr int kLargestWindowLog = 25;
constexpr std::array kNames{std::pair{ContentCoding::identity, std::string_view("identity")},
                            std::pair{ContentCoding::zstd, std::string_view("zstd")},
                            std::pair{ContentCoding::dcz, std::string_view("dcz")}};

/// RFC 9842, 5: a skippable frame that holds the digest of the dictionary.
constexpr std::string_view kDczMagic{"\x5e\x2a\x4d\x18\x20\0\0\0", 8};
constexpr std::size_t kDczHead = kDczMagic.size() + sizeof(Sha256::bytes);

using Encoder = std::unique_ptr<ZSTD_CCtx, decltype([](ZSTD_CCtx* context) { ZSTD_freeCCtx(context); })>;
using Decoder = std::unique_ptr<ZSTD_DCtx, decltype([](ZSTD_DCtx* context) { ZSTD_freeDCtx(context); })>;

Error failed(const char* doing, const char* why) { return {ErrorKind::internal, doing, why}; }
Error damaged(std::string why) { return {ErrorKind::corrupt, "read a compressed answer", std::move(why)}; }

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Appends the frame to `head`.
Result<std::string> encode(std::string head, std::string_view bytes, std::string_view dictionary) {
  constexpr auto kDoing = "compress an answer";
  const Encoder context(ZSTD_createCCtx());
  if (!context) return failed(kDoing, "zstd has no memory");
  const auto covered = static_cast<int>(std::bit_width(dictionary.size() + bytes.size()));
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, std::clamp(covered, kSmallestWindowLog, kLargestWindowLog));
  if (!dictionary.empty()) ZSTD_CCtx_refPrefix(context.get(), dictionary.data(), dictionary.size());
  const auto start = head.size();
  head.resize(start + ZSTD_compressBound(bytes.size()));
  const auto count =
      ZSTD_compress2(context.get(), head.data() + start, head.size() - start, bytes.data(), bytes.size());
  if (ZSTD_isError(count) != 0) return failed(kDoing, ZSTD_getErrorName(count));
  head.resize(start + count);
  return head;
}

Result<std::string> decode(std::string_view frame, std::string_view dictionary, Bytes longest) {
  const auto size = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(size) != 0) return damaged("it is no whole frame of Zstandard");
  if (size != frame.size()) return damaged("something stands behind its end");
  const auto length = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (length == ZSTD_CONTENTSIZE_UNKNOWN || length == ZSTD_CONTENTSIZE_ERROR)
    return damaged("it does not say how long its content is");
  if (Bytes{length} > longest) {
    auto error = damaged("its content is longer than " + to_string(longest));
    error.reason = "too_long";
    return error;
  }
  const Decoder context(ZSTD_createDCtx());
  if (!context) return failed("read a compressed answer", "zstd has no memory");
  if (!dictionary.empty()) ZSTD_DCtx_refPrefix(context.get(), dictionary.data(), dictionary.size());
  std::string bytes(length, '\0');
  const auto count = ZSTD_decompressDCtx(context.get(), bytes.data(), bytes.size(), frame.data(), frame.size());
  if (ZSTD_isError(count) != 0) return damaged(ZSTD_getErrorName(count));
  if (count != bytes.size()) return damaged("its content is shorter than it says");
  return bytes;
}

}  // namespace

std::string_view to_string(ContentCoding coding) {
  return std::ranges::find(kNames, coding, &decltype(kNames)::value_type::first)->second;
}

std::optional<ContentCoding> parse_content_coding(std::string_view name) {
  const auto* const found = std::ranges::find(kNames, name, &decltype(kNames)::value_type::second);
  return found == kNames.end() ? std::nullopt : std::optional(found->first);
}

bool accepts(std::string_view accept_encoding, ContentCoding coding) {
  for (auto rest = accept_encoding;;) {
    const auto comma = rest.find(',');
    const auto item = rest.substr(0, comma);
    const auto semicolon = item.find(';');
    if (trimmed(item.substr(0, semicolon)) == to_string(coding)) {
      if (semicolon == std::string_view::npos) return true;
      // "q=0", "q=0.", "q=0.000" refuse (RFC 9110, 12.4.2).
      const auto weight = trimmed(item.substr(semicolon + 1));
      return weight.starts_with("q=") && weight.find_first_of("123456789") != std::string_view::npos;
    }
    if (comma == std::string_view::npos) return false;
    rest.remove_prefix(comma + 1);
  }
}

std::string dictionary_field(const Sha256& digest) { return ":" + to_base64(digest.bytes) + ":"; }

Result<Sha256> parse_dictionary_field(std::string_view field) {
  const Error wrong{ErrorKind::corrupt, "read Available-Dictionary", "a SHA-256 as :BASE64: is wanted"};
  if (field.size() < 2 || field.front() != ':' || field.back() != ':') return wrong;
  const auto bytes = from_base64(field.substr(1, field.size() - 2));
  Sha256 digest;
  if (!bytes || bytes->size() != digest.bytes.size()) return wrong;
  std::ranges::copy(*bytes, digest.bytes.begin());
  return digest;
}

Result<std::string> encode_zstd(std::string_view bytes) { return encode({}, bytes, {}); }

Result<std::string> encode_dcz(std::string_view bytes, std::string_view dictionary) {
  if (Bytes{dictionary.size()} > kLongestDictionary)
    return Error{ErrorKind::invalid, "compress an answer",
                 "the dictionary is longer than " + to_string(kLongestDictionary)};
  const auto digest = sha256(dictionary);
  std::string head(kDczMagic);
  for (const auto byte : digest.bytes) head += static_cast<char>(byte);
  return encode(std::move(head), bytes, dictionary);
}

Result<std::string> decode_zstd(std::string_view encoded, Bytes longest) { return decode(encoded, {}, longest); }

Result<std::string> decode_dcz(std::string_view encoded, std::string_view dictionary, Bytes longest) {
  if (!encoded.starts_with(kDczMagic) || encoded.size() < kDczHead) return damaged("it has no head of dcz");
  const auto digest = sha256(dictionary);
  const auto named = encoded.substr(kDczMagic.size(), digest.bytes.size());
  const auto is_same = [](char a, std::byte b) { return static_cast<std::byte>(a) == b; };
  if (!std::ranges::equal(named, digest.bytes, is_same)) return damaged("it is against another dictionary");
  return decode(encoded.substr(kDczHead), dictionary, longest);
}

}  // namespace upswarm
