#include "seeder/publish/change_file.hpp"

#include <algorithm>
#include <set>

namespace upswarm::publish {
namespace {

constexpr const char* kType = "upswarm-change";
constexpr int kDeepest = 40;  // what is signed may have 32, and stands inside
constexpr std::size_t kLongestKeyId = 256;
constexpr std::size_t kLongestSignature = 8192;

bool is_name(std::string_view text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !text.empty() && text.front() != '.' && text.size() <= kLongestChangeName &&
         std::ranges::all_of(text, is_plain);
}

Json to_json(const Document& document) {
  auto signatures = Json::array();
  for (const auto& one : document.signatures) signatures.push_back({{"keyid", one.key_id}, {"sig", one.value}});
  return {{"role", document.role}, {"signed", document.content}, {"signatures", std::move(signatures)}};
}

Result<Document> read_document(ObjectReader in) {
  Document document{.role = in.text("role", trust::kLongestRoleName), .content = in.object("signed")};
  std::set<std::string> seen;
  for (const auto& value : in.array("signatures", trust::kMostSignatures)) {
    auto one = in.inside(value, "signatures", document.signatures.size());
    trust::Signature signature{one.text("keyid", kLongestKeyId), one.text("sig", kLongestSignature)};
    UPSWARM_CHECK(one.finish());
    if (!seen.insert(signature.key_id).second) in.fail("signatures", "a key id stands there twice");
    document.signatures.push_back(std::move(signature));
  }
  UPSWARM_CHECK(in.finish());
  return document;
}

/// A map from names to whole files.
std::map<std::string, std::string> read_texts(ObjectReader& in, const char* key, std::size_t most, Bytes longest) {
  std::map<std::string, std::string> texts;
  const auto& values = in.object(key);
  if (values.size() > most) in.fail(key, "there are more than " + std::to_string(most));
  auto inside = in.inside(values, key);
  for (const auto& [name, value] : values.items()) texts[name] = inside.text(name, longest.count);
  if (const auto end = inside.finish(); !end) in.fail(key, end.error().cause);
  return texts;
}

}  // namespace

const Document* ChangeFile::find(const std::string& role) const {
  const auto found = std::ranges::find(documents, role, &Document::role);
  return found == documents.end() ? nullptr : &*found;
}

Document& ChangeFile::add(const std::string& role) {
  const auto found = std::ranges::find(documents, role, &Document::role);
  if (found != documents.end()) return *found;
  return documents.emplace_back(Document{.role = role, .content = {}});
}

std::string write_change(const ChangeFile& change, const std::string& words) {
  auto documents = Json::array();
  for (const auto& document : change.documents) documents.push_back(to_json(document));
  // Wishes are written and read by the bundle's own code: one form of them.
  const auto bundle = Json::parse(seeder::write_bundle({change.rollouts}));
  return to_text(Json{{"format", 1},
                      {"type", kType},
                      {"name", change.name},
                      {"words", words},
                      {"base", change.base},
                      {"base_targets", change.base_targets},
                      {"documents", std::move(documents)},
                      {"targets", change.targets},
                      {"rollouts", bundle.at("rollouts")}},
                 1) +
         "\n";
}

Result<ChangeFile> parse_change(std::string_view text, const std::string& what) {
  UPSWARM_TRY(const auto json, parse_json(text, what, {.longest = kLongestChange, .deepest = kDeepest}));
  ObjectReader in(json, what);
  in.integer("format", 1, 1);
  if (in.text("type", 40) != kType) in.fail("type", std::string("\"") + kType + "\" is wanted here");
  in.text("words", kLongestChange.count);
  ChangeFile change{.name = in.text("name", kLongestChangeName)};
  if (in.good() && !is_name(change.name)) in.fail("name", "letters, digits, `.`, `_` and `-` alone are wanted");
  change.base = read_texts(in, "base", kMostDocuments, trust::kLongestTargets);
  change.base_targets = read_texts(in, "base_targets", kMostSmallTargets, trust::kLongestIndex);
  change.targets = read_texts(in, "targets", kMostSmallTargets, trust::kLongestIndex);
  for (const auto& value : in.array("documents", kMostDocuments)) {
    UPSWARM_TRY(auto document, read_document(in.inside(value, "documents", change.documents.size())));
    if (change.find(document.role) != nullptr) in.fail("documents", "a role stands there twice");
    change.documents.push_back(std::move(document));
  }
  const Json rollouts{{"format", 1}, {"rollouts", in.array("rollouts", kMostDocuments)}};
  UPSWARM_CHECK(in.finish());
  UPSWARM_TRY(auto bundle, seeder::parse_bundle(to_text(rollouts), what));
  change.rollouts = std::move(bundle.rollouts);
  return change;
}

std::string write_signed(const Document& document) {
  auto json = to_json(document);
  json.erase("role");
  return to_text(json);
}

}  // namespace upswarm::publish
