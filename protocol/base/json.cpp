#include "protocol/base/json.hpp"

#include <algorithm>

namespace upswarm {
namespace {

/// Builds a document from parser events and refuses what nlohmann would let pass.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(int deepest) : deepest_(deepest) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max()))
      return refuse("an integer beyond 2^63-1");
    return add(static_cast<std::int64_t>(value));
  }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override {
    return refuse("a number that is not an integer");
  }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return refuse("binary data"); }
  bool start_object(std::size_t /*elements*/) override { return open(Json::object()); }
  bool key(string_t& name) override {
    if (open_.back()->contains(name)) return refuse("the key \"" + name.substr(0, 60) + "\" twice");
    key_ = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*elements*/) override { return open(Json::array()); }
  bool end_array() override { return close(); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& why) override {
    return refuse(std::string(why.what()) + " (byte " + std::to_string(position) + ")");
  }

  Json take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }

 private:
  bool refuse(std::string why) {
    problem_ = std::move(why);
    return false;
  }
  Json* place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    auto& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }
  bool add(Json value) {
    place(std::move(value));
    return true;
  }
  bool open(Json value) {
    if (static_cast<int>(open_.size()) >= deepest_) return refuse("nesting deeper than " + std::to_string(deepest_));
    open_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  int deepest_;
  Json root_;
  std::vector<Json*> open_;
  std::string key_;
  std::string problem_;
};

const Json& no_object() {
  static const Json empty = Json::object();
  return empty;
}

const Json& no_array() {
  static const Json empty = Json::array();
  return empty;
}

}  // namespace

Result<Json> parse_json(std::string_view text, std::string_view what, const JsonLimits& limits) {
  if (text.size() > limits.longest.count) {
    return Error{ErrorKind::corrupt, std::string(what), "longer than " + to_string(limits.longest), "too_long"};
  }
  if (text.starts_with("\xef\xbb\xbf"))  // RFC 8259, 8.1: not to be sent; one document has one form here
    return Error{ErrorKind::corrupt, std::string(what), "not strict JSON: it begins with a byte order mark"};
  StrictBuilder builder(limits.deepest);
  try {
    if (!Json::sax_parse(text, &builder))
      return Error{ErrorKind::corrupt, std::string(what), "not strict JSON: " + builder.problem()};
  } catch (const Json::exception& failure) {
    return Error{ErrorKind::corrupt, std::string(what), failure.what()};
  }
  return builder.take();
}

std::string to_text(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

ObjectReader::ObjectReader(const Json& value, std::string where, ErrorKind kind, const SourceLines* lines)
    : value_(value), where_(std::move(where)), kind_(kind), lines_(lines) {
  if (!value_.is_object()) error_ = Error{kind_, place(""), "an object is wanted here"};
}

std::string ObjectReader::place(std::string_view key) const {
  std::string path = where_;
  if (!key.empty()) path += path.empty() ? std::string(key) : "." + std::string(key);
  if (lines_ == nullptr) return path;
  auto found = lines_->line_of.find(path);
  if (found == lines_->line_of.end()) found = lines_->line_of.find(where_);
  const auto line = found == lines_->line_of.end() ? std::string() : ":" + std::to_string(found->second);
  return lines_->document + line + (path.empty() ? "" : ": " + path);
}

void ObjectReader::fail(std::string_view key, std::string_view why) {
  if (!error_) error_ = Error{kind_, place(key), std::string(why)};
}

const Json* ObjectReader::find(std::string_view key) {
  asked_.emplace_back(key);
  if (error_) return nullptr;
  const auto found = value_.find(key);
  return found == value_.end() ? nullptr : &*found;
}

const Json* ObjectReader::need(std::string_view key) {
  const auto* found = find(key);
  if (found == nullptr) fail(key, "this key is missing");
  return found;
}

bool ObjectReader::has(std::string_view key) { return find(key) != nullptr; }

std::string ObjectReader::text(std::string_view key, std::size_t longest) {
  const auto* found = need(key);
  if (found == nullptr) return {};
  if (!found->is_string()) {
    fail(key, "text is wanted here");
    return {};
  }
  const auto& words = found->get_ref<const std::string&>();
  if (words.size() > longest) {
    fail(key, "longer than " + std::to_string(longest) + " bytes");
    return {};
  }
  return words;
}

std::string ObjectReader::text_or(std::string_view key, std::string_view otherwise, std::size_t longest) {
  return has(key) ? text(key, longest) : std::string(otherwise);
}

std::int64_t ObjectReader::integer(std::string_view key, std::int64_t least, std::int64_t most) {
  const auto* found = need(key);
  if (found == nullptr) return least;
  if (!found->is_number_integer()) {
    fail(key, "a whole number is wanted here");
    return least;
  }
  const auto number = found->get<std::int64_t>();
  if (number < least || number > most) {
    fail(key, "it must be from " + std::to_string(least) + " to " + std::to_string(most));
    return least;
  }
  return number;
}

std::int64_t ObjectReader::integer_or(std::string_view key, std::int64_t otherwise, std::int64_t least,
                                      std::int64_t most) {
  return has(key) ? integer(key, least, most) : otherwise;
}

bool ObjectReader::boolean(std::string_view key) {
  const auto* found = need(key);
  if (found == nullptr) return false;
  if (!found->is_boolean()) {
    fail(key, "true or false is wanted here");
    return false;
  }
  return found->get<bool>();
}

bool ObjectReader::boolean_or(std::string_view key, bool otherwise) { return has(key) ? boolean(key) : otherwise; }

std::chrono::milliseconds ObjectReader::duration_or(std::string_view key, std::chrono::milliseconds otherwise,
                                                    std::chrono::milliseconds least, std::chrono::milliseconds most) {
  if (!has(key)) return otherwise;
  const auto value = parsed(key, parse_duration);
  if (!value) return otherwise;
  if (*value < least || *value > most) fail(key, "it must be from " + to_string(least) + " to " + to_string(most));
  return *value;
}

Bytes ObjectReader::bytes_or(std::string_view key, Bytes otherwise, Bytes least, Bytes most) {
  if (!has(key)) return otherwise;
  const auto value = parsed(key, parse_bytes);
  if (!value) return otherwise;
  if (*value < least || *value > most) fail(key, "it must be from " + to_string(least) + " to " + to_string(most));
  return *value;
}

std::vector<std::string> ObjectReader::texts_or_none(std::string_view key, std::size_t most_items,
                                                     std::size_t longest) {
  std::vector<std::string> texts;
  for (const auto& item : array_or_none(key, most_items)) {
    if (!item.is_string() || item.get_ref<const std::string&>().size() > longest) {
      fail(key, "each item must be text of at most " + std::to_string(longest) + " bytes");
      return {};
    }
    texts.push_back(item.get<std::string>());
  }
  return texts;
}

const Json& ObjectReader::object(std::string_view key) {
  const auto* found = need(key);
  if (found == nullptr) return no_object();
  if (!found->is_object()) {
    fail(key, "an object is wanted here");
    return no_object();
  }
  return *found;
}

const Json& ObjectReader::array(std::string_view key, std::size_t most_items) {
  const auto* found = need(key);
  if (found == nullptr) return no_array();
  if (!found->is_array()) {
    fail(key, "a list is wanted here");
    return no_array();
  }
  if (found->size() > most_items) {
    fail(key, "more than " + std::to_string(most_items) + " items");
    return no_array();
  }
  return *found;
}

const Json& ObjectReader::array_or_none(std::string_view key, std::size_t most_items) {
  return has(key) ? array(key, most_items) : no_array();
}

ObjectReader ObjectReader::inside(const Json& value, std::string_view key) const {
  return {value, where_.empty() ? std::string(key) : where_ + "." + std::string(key), kind_, lines_};
}

ObjectReader ObjectReader::inside(const Json& value, std::string_view key, std::size_t index) const {
  return inside(value, std::string(key) + "[" + std::to_string(index) + "]");
}

Result<void> ObjectReader::finish() {
  UPSWARM_CHECK(finish_open());
  for (const auto& [key, value] : value_.items()) {
    if (std::ranges::find(asked_, key) == asked_.end()) {
      fail(key.substr(0, 60), "this key is not known");
      return *error_;
    }
  }
  return {};
}

Result<void> ObjectReader::finish_open() const {
  if (error_) return *error_;
  return {};
}

}  // namespace upswarm
