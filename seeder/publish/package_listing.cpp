#include "seeder/publish/package_listing.hpp"

#include <cstdio>

namespace upswarm::publish {
namespace {

/// What falls to each entry of the tree: frames are shared out by the sizes of their chunks.
std::vector<double> costs_of(const package::PackageIndex& index) {
  std::vector<double> costs(index.tree.entries.size());
  for (const auto& frame : index.frames) {
    const auto ratio = static_cast<double>(frame.length.count) / static_cast<double>(frame.size.count);
    for (auto i = frame.first_chunk; i < frame.first_chunk + frame.chunks; ++i)
      costs[index.chunks[i].entry] += static_cast<double>(index.chunks[i].bytes) * ratio;
  }
  return costs;
}

std::string octal(std::uint32_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

}  // namespace

Json package_listing(const package::PackageIndex& index) {
  const auto costs = costs_of(index);
  Json listing = Json::array();
  for (std::size_t i = 0; i < index.tree.entries.size(); ++i) {
    const auto& entry = index.tree.entries[i];
    Json one{{"path", entry.path.view()}};
    switch (entry.type) {
      case FileType::regular:
        one["type"] = "file";
        one["mode"] = octal(entry.mode);
        one["size"] = entry.size.count;
        one["sha256"] = entry.digest.hex();
        one["cost"] = static_cast<std::uint64_t>(costs[i] + 0.5);
        break;
      case FileType::folder: one["type"] = "folder"; break;
      default: one["type"] = "link"; one["target"] = entry.link_target.view();
    }
    listing.push_back(std::move(one));
  }
  return listing;
}

std::string listing_text(const Json& listing) {
  std::string text;
  for (const auto& one : listing) {
    const auto path = one.at("path").get<std::string>();
    const auto type = one.at("type").get<std::string>();
    if (type == "folder") text += path + "/\n";
    else if (type == "link") text += path + " -> " + one.at("target").get<std::string>() + "\n";
    else
      text += path + "  " + one.at("mode").get<std::string>() + ", " +
              to_string(Bytes{one.at("size").get<std::uint64_t>()}) + ", costs about " +
              to_string(Bytes{one.at("cost").get<std::uint64_t>()}) + "\n";
  }
  return text;
}

}  // namespace upswarm::publish
