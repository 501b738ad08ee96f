// Bencoding (BEP 3), writing only.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace upswarm::seeder {

// Each takes values and gives encoded bytes; lists and dictionaries take what is encoded already.
std::string bencoded(std::string_view bytes);
std::string bencoded(std::int64_t number);
std::string bencoded_list(const std::vector<std::string>& items);
/// Keys are plain; the map's order is the one that BEP 3 wants (raw bytes).
std::string bencoded_dictionary(const std::map<std::string, std::string>& items);

}  // namespace upswarm::seeder
