#include "agent/bencode.hpp"

#include <charconv>

namespace upswarm::agent {
namespace {

class Parser {
 public:
  Parser(std::string_view bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  Result<void> document(BencodeValue& out) {
    UPSWARM_CHECK(any(out, 0));
    if (at_ != bytes_.size()) return wrong("bytes after the end");
    return {};
  }

 private:
  Error wrong(std::string_view why) const {
    return {ErrorKind::corrupt, "read " + std::string(what_),
            "at byte " + std::to_string(at_) + ": " + std::string(why), "bencode"};
  }

  bool next_is(char c) const { return at_ < bytes_.size() && bytes_[at_] == c; }

  // Values are filled in place: of a variant that is returned by value g++ 12 says falsely that it is uninitialised.
  Result<void> any(BencodeValue& out, int depth) {
    if (depth >= kDeepestBencode) return wrong("nested too deeply");
    if (at_ >= bytes_.size()) return wrong("cut off");
    switch (bytes_[at_]) {
      case 'i': return integer(out);
      case 'l': return list(out, depth);
      case 'd': return dictionary(out, depth);
      default: return text(out.value.emplace<std::string>());
    }
  }

  /// The digits from here to `end`, which is passed over.
  template <typename Number>
  Result<Number> number_until(char end) {
    const auto stop = bytes_.find(end, at_);
    if (stop == std::string_view::npos) return wrong("cut off in a number");
    const auto digits = bytes_.substr(at_, stop - at_);
    const bool negative = digits.starts_with('-');
    const auto magnitude = digits.substr(negative ? 1 : 0);
    if (magnitude.empty() || (magnitude[0] == '0' && (magnitude.size() > 1 || negative))) return wrong("not a number");
    Number value{};
    const auto [parsed, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (problem != std::errc{} || parsed != digits.data() + digits.size()) return wrong("not a number");
    at_ = stop + 1;
    return value;
  }

  Result<void> integer(BencodeValue& out) {
    ++at_;
    UPSWARM_TRY(out.value.emplace<std::int64_t>(), number_until<std::int64_t>('e'));
    return {};
  }

  Result<void> text(std::string& out) {
    UPSWARM_TRY(const auto length, number_until<std::uint32_t>(':'));
    if (length > bytes_.size() - at_) return wrong("cut off in a string");
    out = bytes_.substr(at_, length);
    at_ += length;
    return {};
  }

  Result<void> list(BencodeValue& out, int depth) {
    ++at_;
    auto& items = out.value.emplace<BencodeList>();
    while (!next_is('e')) UPSWARM_CHECK(any(items.emplace_back(), depth + 1));
    ++at_;
    return {};
  }

  Result<void> dictionary(BencodeValue& out, int depth) {
    ++at_;
    auto& items = out.value.emplace<BencodeDictionary>();
    while (!next_is('e')) {
      std::string key;
      UPSWARM_CHECK(text(key));
      if (!items.empty() && key <= items.rbegin()->first) return wrong("keys out of order");
      const auto item = items.try_emplace(items.end(), std::move(key));
      UPSWARM_CHECK(any(item->second, depth + 1));
    }
    ++at_;
    return {};
  }

  std::string_view bytes_;
  std::string_view what_;
  std::size_t at_ = 0;
};

}  // namespace

const BencodeValue* BencodeValue::find(std::string_view key) const {
  const auto* items = dictionary();
  if (!items) return nullptr;
  const auto found = items->find(key);
  return found == items->end() ? nullptr : &found->second;
}

Result<BencodeValue> parse_bencode(std::string_view bytes, std::string_view what) {
  Result<BencodeValue> result{BencodeValue{}};
  if (auto parsed = Parser(bytes, what).document(*result); !parsed) result = std::move(parsed).error();
  return result;
}

}  // namespace upswarm::agent
