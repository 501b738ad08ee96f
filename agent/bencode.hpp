// Bencoding (BEP 3), read strictly: what a tracker answers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/base/result.hpp"

namespace upswarm::agent {

struct BencodeValue;
using BencodeList = std::vector<BencodeValue>;
using BencodeDictionary = std::map<std::string, BencodeValue, std::less<>>;

struct BencodeValue {
  std::variant<std::int64_t, std::string, BencodeList, BencodeDictionary> value;

  // Nothing when the value is of another type.
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value); }
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const BencodeList* list() const { return std::get_if<BencodeList>(&value); }
  const BencodeDictionary* dictionary() const { return std::get_if<BencodeDictionary>(&value); }
  /// The value of a key, where this is a dictionary that has it.
  const BencodeValue* find(std::string_view key) const;
};

inline constexpr int kDeepestBencode = 8;

/// Reads one value that takes up all of `bytes`. One form only: no leading zeros, no "-0", no integer beyond int64,
/// keys sorted and different. `what` names the document in errors. The caller bounds the length.
/// Errors: corrupt  with the offset and what was wrong; also deeper than kDeepestBencode.
Result<BencodeValue> parse_bencode(std::string_view bytes, std::string_view what);

}  // namespace upswarm::agent
