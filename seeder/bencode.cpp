#include "seeder/bencode.hpp"

namespace upswarm::seeder {

std::string bencoded(std::string_view bytes) { return std::to_string(bytes.size()) + ":" + std::string(bytes); }

std::string bencoded(std::int64_t number) { return "i" + std::to_string(number) + "e"; }

std::string bencoded_list(const std::vector<std::string>& items) {
  std::string list = "l";
  for (const auto& item : items) list += item;
  return list + "e";
}

std::string bencoded_dictionary(const std::map<std::string, std::string>& items) {
  std::string dictionary = "d";
  for (const auto& [key, value] : items) dictionary += bencoded(key) + value;
  return dictionary + "e";
}

}  // namespace upswarm::seeder
