#include "protocol/package/encode/split_texts.hpp"

#include "protocol/package/decode/chunker.hpp"

namespace upswarm::package {
namespace {

constexpr std::size_t kOneIn = 128;
constexpr std::uint64_t kSampled = std::uint64_t{kOneIn - 1} << 57U;
constexpr std::size_t kLeastShare = 64;
constexpr std::size_t kLeastHits = 16;

}  // namespace

void SplitTexts::add_new(ByteView text) {
  each_gear_hash(text, kSampled, [this](std::size_t, std::uint64_t hash) { new_.insert(hash); });
}

bool SplitTexts::is_origin(ByteView old_text) const {
  std::unordered_set<std::uint64_t> hits;  // each once: what is repeated says little
  each_gear_hash(old_text, kSampled, [&](std::size_t, std::uint64_t hash) {
    if (new_.contains(hash)) hits.insert(hash);
  });
  return hits.size() >= kLeastHits && hits.size() * kOneIn >= old_text.size() / kLeastShare;
}

}  // namespace upswarm::package
