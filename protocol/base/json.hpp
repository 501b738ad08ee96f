// Strict JSON from outside, and one reader that turns it into values.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/result.hpp"
#include "protocol/base/units.hpp"

namespace upswarm {

using Json = nlohmann::json;

struct JsonLimits {
  Bytes longest = 1_MiB;
  int deepest = 32;
};

/// Parses a whole document: UTF-8, no floating-point numbers, no duplicate keys, no integer beyond int64.
/// `what` names the document in errors.
/// Errors: corrupt  with the offset and what was wrong.
Result<Json> parse_json(std::string_view text, std::string_view what, const JsonLimits& limits = {});

/// The document as text: one line, or lines with `indent` blanks a level. Text inside that is no UTF-8 (a stranger's
/// words) gets U+FFFD in its place, so that every document can be written and read again.
std::string to_text(const Json& value, int indent = -1);

/// For each value of a document, the line it stands on ("product[0].root" -> 12). Empty for documents from machines.
struct SourceLines {
  std::string document;
  std::map<std::string, std::size_t, std::less<>> line_of;
};

/// Reads the fields of one object. The first mistake is kept and every later call gives a harmless value, so that a
/// parser is a list of fields with one check at its end. Not for use by two threads at once.
///
///     ObjectReader in(json, "entry");
///     entry.version = in.text("version", 128);
///     entry.urgent = in.boolean_or("urgent", false);
///     UPSWARM_CHECK(in.finish());
class ObjectReader {
 public:
  /// `value` and `lines` must outlive the reader. `where` names the object in errors. `kind` is that of its errors.
  ObjectReader(const Json& value, std::string where, ErrorKind kind = ErrorKind::corrupt,
               const SourceLines* lines = nullptr);

  bool has(std::string_view key);

  std::string text(std::string_view key, std::size_t longest = 4096);
  std::string text_or(std::string_view key, std::string_view otherwise, std::size_t longest = 4096);
  std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most);
  std::int64_t integer_or(std::string_view key, std::int64_t otherwise, std::int64_t least, std::int64_t most);
  bool boolean(std::string_view key);
  bool boolean_or(std::string_view key, bool otherwise);
  /// "15m": see parse_duration.
  std::chrono::milliseconds duration_or(std::string_view key, std::chrono::milliseconds otherwise,
                                        std::chrono::milliseconds least, std::chrono::milliseconds most);
  /// "64 MiB": see parse_bytes.
  Bytes bytes_or(std::string_view key, Bytes otherwise, Bytes least, Bytes most);
  std::vector<std::string> texts_or_none(std::string_view key, std::size_t most_items, std::size_t longest = 4096);

  /// An object or array inside; an empty one after a mistake. `*_or_none`: also when the key is missing.
  const Json& object(std::string_view key);
  const Json& array(std::string_view key, std::size_t most_items);
  const Json& array_or_none(std::string_view key, std::size_t most_items);

  /// A reader for an element of an array or an object inside, with its place in the document.
  ObjectReader inside(const Json& value, std::string_view key) const;
  ObjectReader inside(const Json& value, std::string_view key, std::size_t index) const;

  /// Parses the text of a field by `parse`; its error is reported with the field's place.
  template <typename Parse>
  auto parsed(std::string_view key, Parse parse, std::size_t longest = 4096) {
    using Value = typename decltype(parse(std::string_view{}))::value_type;
    const auto words = text(key, longest);
    if (error_) return std::optional<Value>{};
    auto result = parse(std::string_view(words));
    if (result) return std::optional<Value>{std::move(*result)};
    fail(key, result.error().message());
    return std::optional<Value>{};
  }

  /// Records a mistake in the value of `key`.
  void fail(std::string_view key, std::string_view why);
  /// True until the first mistake.
  bool good() const { return !error_.has_value(); }

  /// The first mistake, or, if there was none, a key that nobody asked for.
  Result<void> finish();
  /// The same, but unknown keys are allowed (TUF wants them kept).
  Result<void> finish_open() const;

 private:
  const Json* find(std::string_view key);
  const Json* need(std::string_view key);
  std::string place(std::string_view key) const;

  const Json& value_;
  std::string where_;
  ErrorKind kind_;
  const SourceLines* lines_;
  std::vector<std::string> asked_;
  std::optional<Error> error_;
};

}  // namespace upswarm
