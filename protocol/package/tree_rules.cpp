#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "protocol/package/folded_name.hpp"
#include "protocol/package/tree.hpp"

namespace upswarm::package {
namespace {

/// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto c = static_cast<unsigned char>(text[i]);
    const int more = c < 0x80                  ? 0
                     : (c >= 0xc2 && c < 0xe0) ? 1
                     : (c >= 0xe0 && c < 0xf0) ? 2
                     : (c >= 0xf0 && c < 0xf5) ? 3
                                               : -1;
    if (more < 0 || i + static_cast<std::size_t>(more) >= text.size()) return false;
    for (int k = 1; k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)]);
      auto least = 0x80;
      auto most = 0xbf;
      if (k == 1 && c == 0xe0) least = 0xa0;
      if (k == 1 && c == 0xed) most = 0x9f;
      if (k == 1 && c == 0xf0) least = 0x90;
      if (k == 1 && c == 0xf4) most = 0x8f;
      if (next < least || next > most) return false;
    }
    i += static_cast<std::size_t>(more) + 1;
  }
  return true;
}

/// U+0000 to U+001F, U+007F to U+009F.
bool is_control(std::string_view text, std::size_t at) {
  const auto code = static_cast<unsigned char>(text[at]);
  const auto before = at > 0 ? static_cast<unsigned char>(text[at - 1]) : 0U;
  return code < 0x20 || code == 0x7f || (before == 0xc2 && code < 0xa0);
}

/// The start of a name from outside, as a log or a terminal may show it.
std::string shown(std::string_view name) {
  constexpr std::size_t longest = 200;
  auto length = std::min(name.size(), longest);
  while (length < name.size() && length > 0 && (static_cast<unsigned char>(name[length]) & 0xc0U) == 0x80) --length;
  if (!is_utf8(name.substr(0, length))) return "(not shown)";
  std::string text(name.substr(0, length));
  for (std::size_t i = 0; i < length; ++i) {
    if (is_control(name, i)) text[i] = '?';
    if (is_control(name, i) && i > 0 && name[i - 1] == '\xc2') text[i - 1] = '?';
  }
  return text;
}

Error unsafe(std::string_view path, std::string why) {
  return {ErrorKind::corrupt, "the name \"" + shown(path) + "\" in a package", std::move(why), "unsafe_path"};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return lower(c); });
  return out;
}

/// Names that Windows gives to devices, with any extension.
bool is_device(std::string_view name) {
  static constexpr std::array kDevices{"con", "prn", "aux", "nul", "conin$", "conout$"};
  auto stem = lower(name.substr(0, name.find('.')));
  while (!stem.empty() && stem.back() == ' ') stem.pop_back();
  if (std::ranges::find(kDevices, stem) != kDevices.end()) return true;
  const bool is_port = stem.starts_with("com") || stem.starts_with("lpt");
  const auto number = is_port ? std::string_view(stem).substr(3) : std::string_view();
  return (number.size() == 1 && number[0] >= '0' && number[0] <= '9') || number == "\xc2\xb9" || number == "\xc2\xb2" ||
         number == "\xc2\xb3";
}

Result<void> check_part(std::string_view path, std::string_view part) {
  if (part.empty() || part == "." || part == "..") return unsafe(path, "empty parts, . and .. are not allowed");
  if (part.size() > kLongestName) return unsafe(path, "a part is longer than 255 bytes");
  if (part.back() == '.' || part.back() == ' ') return unsafe(path, "a part ends in a dot or a space");
  if (is_device(part)) return unsafe(path, "it is the name of a device on Windows");
  for (std::size_t i = 0; i < part.size(); ++i) {
    if (is_control(part, i)) return unsafe(path, "control characters are not allowed");
    if (std::string_view("\\:*?\"<>|").find(part[i]) != std::string_view::npos)
      return unsafe(path, "\\ : * ? \" < > | are not allowed");
  }
  return {};
}

Result<void> check_path(std::string_view path) {
  if (path.size() > kLongestTreePath) return unsafe(path, "longer than 4096 bytes");
  if (!is_utf8(path)) return unsafe(path, "it is not UTF-8");
  int depth = 0;
  for (auto left = path;;) {
    const auto slash = left.find('/');
    UPSWARM_CHECK(check_part(path, left.substr(0, slash)));
    if (++depth > kDeepestTree) return unsafe(path, "folders deeper than 128");
    if (slash == std::string_view::npos) return {};
    left.remove_prefix(slash + 1);
  }
}

/// A link must lead to a place inside the tree, step by step. The way may lead through other links, as long as it does
/// not go back with `..`: from where another link leads that would be another folder than the names say.
Result<void> check_link(const TreeEntry& link, const Tree& tree) {
  const auto refuse = [&](const char* why) {
    return unsafe(link.path, "the link to \"" + shown(link.link_target) + "\" " + why);
  };
  auto left = link.link_target.view();
  if (left.empty() || left.size() > kLongestTreePath) return refuse("is empty or too long");
  if (left[0] == '/' || left.find('\\') != std::string::npos || !is_utf8(left)) return refuse("is not a relative path");
  const auto slash_before = link.path.view().rfind('/');
  std::string folder(link.path.view().substr(0, slash_before == std::string::npos ? 0 : slash_before));
  for (;;) {
    const auto slash = left.find('/');
    const auto part = left.substr(0, slash);
    if (part == "..") {
      if (folder.empty()) return refuse("leads out of the tree");
      const auto* const from = tree.find(folder);
      if (from == nullptr || from->type != FileType::folder) return refuse("goes back out of what is no folder");
      folder.resize(folder.rfind('/') == std::string::npos ? 0 : folder.rfind('/'));
    } else if (part.empty() || part.find('\0') != std::string_view::npos) {
      return refuse("has an empty part or a zero byte");
    } else if (part != ".") {
      folder += (folder.empty() ? "" : "/") + std::string(part);
    }
    if (slash == std::string_view::npos) return {};
    left.remove_prefix(slash + 1);
  }
}

Result<void> check_mode(const TreeEntry& entry) {
  const bool is_right = entry.type == FileType::regular  ? entry.mode == 0644 || entry.mode == 0755
                        : entry.type == FileType::folder ? entry.mode == 0755
                                                         : entry.mode == 0777;
  if (is_right) return {};
  return unsafe(entry.path, "its mode is not one that files, folders or links have");
}

Result<void> check_entry(const TreeEntry& entry, const Tree& tree) {
  UPSWARM_CHECK(check_path(entry.path));
  if (entry.type == FileType::other) return unsafe(entry.path, "only files, folders and links are allowed");
  UPSWARM_CHECK(check_mode(entry));
  return entry.type == FileType::symlink ? check_link(entry, tree) : Result<void>();
}

/// Anybody can make names whose numbers collide: they only find what is worth a closer look.
std::uint64_t quick_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

Error collision(std::string_view one, std::string_view other) {
  return {ErrorKind::corrupt, "the names \"" + shown(one) + "\" and \"" + shown(other) + "\" in a package",
          is_same_but_for_form(one, other) ? "they differ by Unicode form alone" : "they differ by case alone",
          "names_collide"};
}

/// No two paths fold to one. Sorted numbers take a tenth of the memory of a set of folded paths, and less time; paths
/// whose numbers are the same, mostly none, are told apart by digests, however many somebody made.
Result<void> check_folded_paths(const std::vector<TreeEntry>& entries) {
  struct Numbered {
    std::uint64_t hash;
    std::uint32_t entry;
  };
  std::vector<Numbered> all;
  all.reserve(entries.size());
  for (std::uint32_t i = 0; i < entries.size(); ++i) all.push_back({quick_hash(folded_name(entries[i].path)), i});
  std::ranges::sort(
      all, [](const auto& a, const auto& b) { return a.hash != b.hash ? a.hash < b.hash : a.entry < b.entry; });
  const auto is_same = [](const Numbered& a, const Numbered& b) { return a.hash == b.hash; };
  for (auto from = std::ranges::adjacent_find(all, is_same); from != all.end();) {
    const auto to = std::find_if(from, all.end(), [&](const auto& one) { return one.hash != from->hash; });
    std::map<Sha256, std::string_view> seen;
    for (auto one = from; one != to; ++one) {
      const auto path = entries[one->entry].path.view();
      const auto [other, is_new] = seen.emplace(sha256(folded_name(path)), path);
      if (!is_new) return collision(other->second, path);
    }
    from = std::adjacent_find(to, all.end(), is_same);
  }
  return {};
}

}  // namespace

Result<void> check_tree(const Tree& tree) {
  if (tree.entries.size() > kMostTreeEntries)
    return Error{ErrorKind::corrupt, "a tree", "more than two million entries"};
  const TreeEntry* before = nullptr;
  for (const auto& entry : tree.entries) {
    UPSWARM_CHECK(check_entry(entry, tree));
    if (before != nullptr && entry.path <= before->path) return unsafe(entry.path, "the entries are not in order");
    before = &entry;
    const auto slash = entry.path.view().rfind('/');
    if (slash == std::string::npos) continue;
    const auto* const parent = tree.find(entry.path.view().substr(0, slash));
    if (parent == nullptr || parent->type != FileType::folder)
      return unsafe(entry.path, "what it lies in is not a folder of the tree");
  }
  return check_folded_paths(tree.entries);
}

}  // namespace upswarm::package
