// A change that waits for signatures: what would be signed, over what, and who has signed so far.
//
//   changes/NUMBER-NAME.change.json
//     {"format": 1, "type": "upswarm-change", "name": NAME, "words": what it does, for people; never believed,
//      "base":         {ROLE: the whole signed file that is current now, as text, ...}    root and targets always
//      "base_targets": {consistent name: text, ...}                the indexes that the base signs and that would
//      change "documents":    [{"role", "signed": {...}, "signatures": [{"keyid", "sig"}, ...]}, ...] "targets":
//      {consistent name: text, ...}                the indexes that the documents sign "rollouts":     [...]} as in a
//      bundle (seeder/bundle.hpp)
//   changes/NUMBER-NAME.packages/     packages and torrents of a release; they stay with the repository
//   changes/NUMBER-NAME.wishes.json   what it asks for beside what is signed (wishes.hpp); stays with the repository
//
// The file holds no secret and may travel by any way: all that counts in it is verified (change_check.hpp, wishes.hpp).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/trust/metadata.hpp"
#include "seeder/bundle.hpp"

namespace upswarm::publish {

inline constexpr Bytes kLongestChange = 64_MiB;
inline constexpr std::size_t kMostDocuments = 600;  ///< one a role: root, targets, and the roles of products
inline constexpr std::size_t kMostSmallTargets = 64;
inline constexpr std::size_t kLongestChangeName = 200;

/// What one role would say next.
struct Document {
  std::string role;
  Json content;  ///< "signed"
  std::vector<trust::Signature> signatures = {};
};

struct ChangeFile {
  std::string name;  ///< the bundle's, without its number: letters, digits, `.`, `_`, `-`
  std::map<std::string, std::string> base = {};
  std::map<std::string, std::string> base_targets = {};
  std::vector<Document> documents = {};
  std::map<std::string, std::string> targets = {};
  std::vector<seeder::RolloutWish> rollouts = {};

  const Document* find(const std::string& role) const;
  /// The document of `role`; a new one at the end where there is none.
  Document& add(const std::string& role);
};

/// `words` is what the change says that it does.
std::string write_change(const ChangeFile& change, const std::string& words);

/// The form alone; nothing of it is verified.
/// Errors: corrupt  not this format, a role twice, a key id twice under one document; reason too_long.
Result<ChangeFile> parse_change(std::string_view text, const std::string& what);

/// {"signatures", "signed"}: the signed file of a role.
std::string write_signed(const Document& document);

}  // namespace upswarm::publish
