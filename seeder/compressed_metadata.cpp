#include "seeder/compressed_metadata.hpp"

#include <algorithm>
#include <vector>

#include "protocol/base/log.hpp"
#include "seeder/names.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::size_t kSmallest = 512;  // below that, nothing worth a code path is saved
constexpr std::size_t kMostDigests = 4096;

}  // namespace

CompressedMetadata::CompressedMetadata(Files& files, Path folder) : files_(files), folder_(std::move(folder)) {}

CompressedMetadata::Form CompressedMetadata::form_of(const std::string& name, const std::string& bytes,
                                                     const std::string& accept_encoding,
                                                     const std::string& available_dictionary) {
  if (bytes.size() < kSmallest) return {};
  const auto make = [&](ContentCoding coding, const std::optional<Sha256>& digest,
                        const std::string& dictionary) -> Form {
    auto encoded = coding == ContentCoding::dcz ? encode_dcz(bytes, dictionary) : encode_zstd(bytes);
    if (!encoded) log::error("metadata goes out uncompressed", {{"why", encoded.error().message()}});
    Form form;
    if (encoded && encoded->size() < bytes.size())
      form = {coding, std::make_shared<const std::string>(*std::move(encoded))};
    keep({name, digest, form});
    return form;
  };
  const auto digest = parse_dictionary_field(available_dictionary);
  if (digest && accepts(accept_encoding, ContentCoding::dcz)) {
    if (const auto found = find(name, *digest)) return *found;
    if (const auto dictionary = find_dictionary(name, *digest)) return make(ContentCoding::dcz, *digest, *dictionary);
  }
  if (!accepts(accept_encoding, ContentCoding::zstd)) return {};
  if (const auto found = find(name, std::nullopt)) return *found;
  return make(ContentCoding::zstd, std::nullopt, "");
}

std::optional<CompressedMetadata::Form> CompressedMetadata::find(const std::string& name,
                                                                 const std::optional<Sha256>& dictionary) {
  const std::lock_guard turn(mutex_);
  const auto found =
      std::ranges::find_if(made_, [&](const auto& one) { return one.name == name && one.dictionary == dictionary; });
  if (found == made_.end()) return std::nullopt;
  made_.splice(made_.begin(), made_, found);
  return made_.front().form;
}

/// Two threads may have made the same: one of the two is kept.
void CompressedMetadata::keep(Made made) {
  const auto size = [](const Made& one) {
    return Bytes{sizeof(Made) + one.name.size() + (one.form.bytes ? one.form.bytes->size() : 0)};
  };
  const std::lock_guard turn(mutex_);
  const auto is_same = [&](const auto& one) { return one.name == made.name && one.dictionary == made.dictionary; };
  if (std::ranges::any_of(made_, is_same)) return;
  kept_ += size(made);
  made_.push_front(std::move(made));
  while (kept_ > kMostKept) {
    kept_ -= size(made_.back());
    made_.pop_back();
  }
}

/// Among the newest earlier versions of the same role: a machine that has an older one than those takes the file whole.
std::optional<std::string> CompressedMetadata::find_dictionary(const std::string& name, const Sha256& digest) {
  const auto wanted = parse_versioned_name(name);
  const auto names = files_.list(folder_);
  if (!wanted || !names) return std::nullopt;
  std::vector<VersionedName> earlier;
  for (const auto& one : *names) {
    auto other = parse_versioned_name(one);
    if (other && other->role == wanted->role && other->version < wanted->version) earlier.push_back(*std::move(other));
  }
  std::ranges::sort(earlier, std::greater(), &VersionedName::version);
  if (earlier.size() > kEarlierVersions) earlier.resize(kEarlierVersions);
  for (const auto& one : earlier) {
    const auto its_name = versioned_name(one.role, one.version);
    if (digest_of(its_name) != digest) continue;
    auto bytes = read_file(files_, folder_ / its_name, kLongestDictionary);
    if (bytes && sha256(*bytes) == digest) return *std::move(bytes);
  }
  return std::nullopt;
}

std::optional<Sha256> CompressedMetadata::digest_of(const std::string& name) {
  {
    const std::lock_guard turn(mutex_);
    if (const auto known = digests_.find(name); known != digests_.end()) return known->second;
  }
  const auto bytes = read_file(files_, folder_ / name, kLongestDictionary);
  if (!bytes) return std::nullopt;
  const auto digest = sha256(*bytes);
  const std::lock_guard turn(mutex_);
  if (digests_.size() >= kMostDigests) digests_.clear();
  digests_[name] = digest;
  return digest;
}

}  // namespace upswarm::seeder
