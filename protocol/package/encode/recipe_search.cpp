#include "protocol/package/encode/recipe_search.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <thread>

namespace upswarm::package {
namespace {

constexpr std::size_t kWrittenAtOnce = 64 * 1024;
constexpr std::size_t kProbes = 12;       ///< streams that are tried with all recipes
constexpr std::size_t kBatch = 256;       ///< streams between two questions whether to go on
constexpr std::uint8_t kMostMemory = 9;   ///< of zlib
constexpr std::uint8_t kUsualMemory = 8;  ///< what zlib takes if nobody says otherwise
constexpr std::array<std::uint8_t, 9> kLevels = {6, 9, 1, 5, 7, 8, 4, 3, 2};

/// Those that are usual first.
std::vector<DeflateRecipe> all_recipes() {
  std::vector<DeflateRecipe> recipes;
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    for (const std::uint8_t memory : {kUsualMemory, std::uint8_t{0}, kMostMemory})
      recipes.push_back({kLevels.at(i), memory});
  }
  return recipes;
}

bool fits(const DeflateRecipe& recipe, ByteView content, ByteView packed) {
  std::size_t same = 0;
  DeflateReplayer replayer(recipe, [&](ByteView bytes) -> Result<void> {
    const bool is_same = bytes.size() <= packed.size() - same &&
                         std::equal(bytes.begin(), bytes.end(), packed.begin() + static_cast<std::ptrdiff_t>(same));
    if (!is_same) return Error{ErrorKind::invalid, "deflate", "other bytes"};
    same += bytes.size();
    return {};
  });
  while (!content.empty()) {
    const auto part = content.first(std::min(kWrittenAtOnce, content.size()));
    if (!replayer.write(part)) return false;
    content = content.subspan(part.size());
  }
  return replayer.finish() && same == packed.size();
}

class Search {
 public:
  Search(ByteView file, const std::vector<FoundStream>& streams, const std::vector<std::size_t>& wanted)
      : file_(file), streams_(streams), wanted_(wanted), found_(wanted.size()) {}

  Result<std::vector<std::optional<DeflateRecipe>>> run(std::size_t threads,
                                                        const std::function<Result<void>()>& go_on) {
    UPSWARM_CHECK(probe(go_on));
    if (recipes_.empty()) return std::move(found_);
    for (std::size_t begin = 0; begin < wanted_.size(); begin += kBatch) {
      UPSWARM_CHECK(go_on());
      std::atomic<std::size_t> next = begin;
      const auto end = std::min(wanted_.size(), begin + kBatch);
      const auto work = [&] {
        for (std::size_t i = 0; (i = next++) < end;) found_[i] = search(i, recipes_);
      };
      std::vector<std::thread> others;
      for (std::size_t i = 1; i < std::min(threads, end - begin); ++i) others.emplace_back(work);
      work();
      for (auto& other : others) other.join();
    }
    return std::move(found_);
  }

 private:
  /// Those from all over the file, and the order of recipes by what fits them.
  Result<void> probe(const std::function<Result<void>()>& go_on) {
    const auto all = all_recipes();
    std::vector<std::size_t> hits(all.size());
    const auto step = std::max<std::size_t>(1, wanted_.size() / kProbes);
    for (std::size_t i = 0; i < wanted_.size(); i += step) {
      UPSWARM_CHECK(go_on());
      const auto found = search(i, all);
      if (found) ++hits[static_cast<std::size_t>(std::ranges::find(all, *found) - all.begin())];
    }
    std::multimap<std::size_t, DeflateRecipe, std::greater<>> by_hits;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (hits[i] > 0) by_hits.emplace(hits[i], all[i]);
    }
    for (const auto& [count, recipe] : by_hits) recipes_.push_back(recipe);
    return {};
  }

  std::optional<DeflateRecipe> search(std::size_t number, const std::vector<DeflateRecipe>& recipes) const {
    const auto& stream = streams_[wanted_[number]];
    const auto packed = file_.subspan(stream.begin, stream.length);
    const auto one = std::ranges::find_if(
        recipes, [&](const DeflateRecipe& recipe) { return fits(recipe, stream.content, packed); });
    return one == recipes.end() ? std::nullopt : std::optional(*one);
  }

  ByteView file_;
  const std::vector<FoundStream>& streams_;
  const std::vector<std::size_t>& wanted_;
  std::vector<std::optional<DeflateRecipe>> found_;
  std::vector<DeflateRecipe> recipes_;
};

}  // namespace

Result<std::vector<std::optional<DeflateRecipe>>> find_recipes(ByteView file, const std::vector<FoundStream>& streams,
                                                               const std::vector<std::size_t>& wanted,
                                                               std::size_t threads,
                                                               const std::function<Result<void>()>& go_on) {
  return Search(file, streams, wanted).run(threads, go_on);
}

}  // namespace upswarm::package
