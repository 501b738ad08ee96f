// Trees that a fuzzer describes by orders of a few bytes: write, grow, rename, copy, change the type, pack, ...
#pragma once

#include <array>
#include <filesystem>
#include <map>
#include <string>

#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/program_fixture.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::fuzz {

struct Node {
  FileType type = FileType::regular;
  std::string content;  ///< of a link its target
};
using Nodes = std::map<std::string, Node>;

/// Reads orders from the start of the input; past its end all is zero.
class TreeOrders {
 public:
  explicit TreeOrders(std::string_view bytes) : left_(bytes) {}

  /// Carries out up to `count` orders, as long as there are any.
  void carry_out(Nodes& nodes, std::size_t count) {
    for (; count > 0 && !left_.empty(); --count) carry_out_one(nodes);
  }
  std::size_t number() {
    if (left_.empty()) return 0;
    const auto value = static_cast<unsigned char>(left_.front());
    left_.remove_prefix(1);
    return value;
  }

 private:
  static constexpr std::size_t kLongest = 200'000;

  std::string name() {
    static constexpr std::array kNames{"a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "g"};
    return kNames.at(number() % kNames.size());
  }
  std::string text() {
    const auto part = left_.substr(0, number());
    left_.remove_prefix(std::min(part.size(), left_.size()));
    std::string content;
    for (auto repeats = number(); repeats > 0; --repeats) content += part;
    return content;
  }
  std::string program() {
    const auto count = 4 + number() % 24;
    auto functions = package::random_functions(count, static_cast<unsigned>(number()));
    auto order = package::in_order(count);
    std::rotate(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(number() % count), order.end());
    functions[number() % count].seed = static_cast<unsigned>(number());
    return package::link_program(functions, order);
  }

  /// What some nodes hold, as zip or gzip file; of zlib, gzip or, where that is no recipe, of nobody.
  std::string archive(const Nodes& nodes) {
    const auto recipe = package::recipe_of(static_cast<std::uint8_t>(number()));
    const auto content = [&] {
      const auto node = nodes.find(name());
      return node == nodes.end() ? std::string("?") : node->second.content;
    };
    const auto count = number() % 4;
    if (count == 0) return package::gzip_member(content(), recipe ? *recipe : package::kGzip);
    std::map<std::string, package::ZipMember> members;
    for (std::size_t i = 0; i < count; ++i) {
      auto& member = members[std::to_string(i)];
      member.content = content();
      member.flags = number() % 2 == 0 ? 0 : 8;
      if (recipe) member.recipe = *recipe;
      else member.method = 0;
    }
    return package::zip_file(members);
  }

  void carry_out_one(Nodes& nodes) {
    const auto what = number() % 12;
    const auto path = name();
    auto& node = nodes[path];
    // What is written to becomes a file.
    if (what >= 1 && what <= 4 && node.type != FileType::regular) node = {FileType::regular, ""};
    auto& content = node.content;
    const auto place = [&] { return content.empty() ? 0 : (number() << 8U | number()) % content.size(); };
    switch (what) {
      case 0: node = {FileType::regular, text()}; break;
      case 1: content += text(); break;
      case 2: content.insert(place(), text()); break;
      case 3:
        if (!content.empty()) content[place()] = static_cast<char>(number());
        break;
      case 4: content.resize(place()); break;
      case 5: {
        auto moved = std::move(node);
        nodes.erase(path);
        nodes[name()] = std::move(moved);
        return;
      }
      case 6: {
        const auto copied = node;
        nodes[name()] = copied;
        return;
      }
      case 7: nodes.erase(path); return;
      case 8: node = {FileType::symlink, (number() % 2 == 0 ? "" : "../") + name()}; break;
      case 9: node = {FileType::folder, ""}; break;
      case 10: node = {FileType::regular, archive(nodes)}; break;
      default: node = {FileType::regular, program()}; break;
    }
    if (content.size() > kLongest) content.resize(kLongest);
  }

  std::string_view left_;
};

/// What has no folder to lie in is left out. Every second file is executable.
inline void write_nodes(const tests::TemporaryFolder& folder, const std::string& top, const Nodes& nodes) {
  std::filesystem::create_directories(folder.path() / top);
  for (const auto& [path, node] : nodes) {
    bool has_place = true;
    for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const auto parent = nodes.find(path.substr(0, slash));
      has_place = has_place && (parent == nodes.end() || parent->second.type == FileType::folder);
    }
    if (!has_place) continue;
    const auto place = folder.path() / top / path;
    if (node.type == FileType::regular) {
      folder.write(top + "/" + path, node.content, node.content.size() % 2 == 0 ? 0644 : 0755);
      continue;
    }
    std::filesystem::create_directories(node.type == FileType::folder ? place : place.parent_path());
    if (node.type == FileType::symlink) std::filesystem::create_symlink(node.content, place);
  }
}

}  // namespace upswarm::fuzz
