// What deflating is tried on.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "tests/protocol/package/archive_fixture.hpp"
#include "tests/protocol/package/program_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {

inline constexpr std::size_t kDeflateWindow = 32768;

/// Repetitions at all distances and of all lengths, between bytes that compress or do not.
inline std::string patchwork(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < size) {
    const auto kind = random() % 4;
    const auto length = random() % 700 + 1;
    if (kind == 0 || text.size() < 10) {
      for (unsigned i = 0; i < length; ++i) text += static_cast<char>(random());
    } else if (kind == 1) {
      text += std::string(length, static_cast<char>(random()));
    } else {
      const auto distance = std::min<std::size_t>(text.size(), random() % 40'000 + 1);
      text += text.substr(text.size() - distance, length);
    }
  }
  text.resize(size);
  return text;
}

/// Sizes around those at which a window or a buffer ends, by what they are.
inline std::map<std::string, std::string> deflate_contents() {
  std::map<std::string, std::string> all;
  const std::size_t around[] = {0,
                                1,
                                2,
                                3,
                                4,
                                5,
                                257,
                                258,
                                259,
                                262,
                                4096,
                                kDeflateWindow - 1,
                                32506,
                                kDeflateWindow,
                                2 * kDeflateWindow - 263,
                                2 * kDeflateWindow - 262,
                                2 * kDeflateWindow - 261,
                                2 * kDeflateWindow,
                                3 * kDeflateWindow - 262,
                                200'000};
  for (const auto size : around) {
    const auto name = std::to_string(size);
    all["prose " + name] = prose(size, 1);
    all["noise " + name] = noise(size, 2);
    all["patchwork " + name] = patchwork(size, static_cast<unsigned>(size));
    all["one byte " + name] = std::string(size, 'x');
  }
  auto functions = random_functions(600, 1);
  all["program"] = link_program(functions, in_order(600));
  all["long prose"] = prose(700'000, 3);
  return all;
}

}  // namespace upswarm::package
