#include <sodium.h>

#include "protocol/base/hex.hpp"

namespace upswarm {

std::string to_hex(ByteView bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    text.push_back(kDigits[std::to_integer<unsigned>(byte) >> 4U]);
    text.push_back(kDigits[std::to_integer<unsigned>(byte) & 15U]);
  }
  return text;
}

Result<ByteBuffer> from_hex(std::string_view text) {
  const auto digit = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  if (text.size() % 2 != 0) return Error{ErrorKind::corrupt, "hexadecimal text", "odd length"};
  ByteBuffer bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = digit(text[i]);
    const int low = digit(text[i + 1]);
    if (high < 0 || low < 0) return Error{ErrorKind::corrupt, "hexadecimal text", "only 0-9 and a-f are allowed"};
    bytes.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return bytes;
}

std::string to_base64(ByteView bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();
  return text;
}

Result<ByteBuffer> from_base64(std::string_view text) {
  ByteBuffer bytes(text.size() / 4 * 3 + 3);
  std::size_t length = 0;
  const char* end = nullptr;
  const int status = sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                                       text.size(), nullptr, &length, &end, sodium_base64_VARIANT_ORIGINAL);
  if (status != 0 || end != text.data() + text.size())
    return Error{ErrorKind::corrupt, "base64 text", "not canonical base64"};
  bytes.resize(length);
  // libsodium takes some bytes beyond ASCII for digits.
  if (to_base64(bytes) != text) return Error{ErrorKind::corrupt, "base64 text", "not canonical base64"};
  return bytes;
}

}  // namespace upswarm
