#include "seeder/compressed_metadata.hpp"

#include <algorithm>
#include <functional>

#include "protocol/base/log.hpp"

namespace upswarm::seeder {
namespace {

constexpr std::size_t kSmallest = 512;  // below that, nothing worth a code path is saved
constexpr std::size_t kMostDigests = 4096;
constexpr std::chrono::seconds kLookAgain{1};

}  // namespace

CompressedMetadata::CompressedMetadata(Files& files, Path folder) : files_(files), folder_(std::move(folder)) {}

CompressedMetadata::Form CompressedMetadata::form_of(const std::string& name, const std::string& bytes,
                                                     const Sha256& content, const std::string& accept_encoding,
                                                     const std::string& available_dictionary) {
  if (bytes.size() < kSmallest) return {};
  const auto make = [&](ContentCoding coding, const std::optional<Sha256>& digest,
                        const std::string& dictionary) -> Form {
    auto encoded = coding == ContentCoding::dcz ? encode_dcz(bytes, dictionary) : encode_zstd(bytes);
    if (!encoded) log::error("metadata goes out uncompressed", {{"why", encoded.error().message()}});
    Form form;
    if (encoded && encoded->size() < bytes.size())
      form = {coding, std::make_shared<const std::string>(*std::move(encoded))};
    keep({content, digest, form});
    return form;
  };
  const auto digest = parse_dictionary_field(available_dictionary);
  if (digest && accepts(accept_encoding, ContentCoding::dcz)) {
    if (const auto found = find(content, *digest)) return *found;
    if (const auto dictionary = find_dictionary(name, *digest)) return make(ContentCoding::dcz, *digest, *dictionary);
  }
  if (!accepts(accept_encoding, ContentCoding::zstd)) return {};
  if (const auto found = find(content, std::nullopt)) return *found;
  return make(ContentCoding::zstd, std::nullopt, "");
}

std::optional<CompressedMetadata::Form> CompressedMetadata::find(const Sha256& content,
                                                                 const std::optional<Sha256>& dictionary) {
  const std::lock_guard turn(mutex_);
  const auto found = std::ranges::find_if(
      made_, [&](const auto& one) { return one.content == content && one.dictionary == dictionary; });
  if (found == made_.end()) return std::nullopt;
  made_.splice(made_.begin(), made_, found);
  return made_.front().form;
}

/// Two threads may have made the same: one of the two is kept.
void CompressedMetadata::keep(Made made) {
  const auto size = [](const Made& one) { return Bytes{sizeof(Made) + (one.form.bytes ? one.form.bytes->size() : 0)}; };
  const std::lock_guard turn(mutex_);
  const auto is_same = [&](const auto& one) {
    return one.content == made.content && one.dictionary == made.dictionary;
  };
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
  if (!wanted) return std::nullopt;
  for (const auto version : earlier_versions(*wanted)) {
    const auto its_name = versioned_name(wanted->role, version);
    if (digest_of(its_name) != digest) continue;
    auto bytes = read_file(files_, folder_ / its_name, kLongestDictionary);
    if (bytes && sha256(*bytes) == digest) return *std::move(bytes);
  }
  return std::nullopt;
}

/// The newest first. The folder is looked at once a second at most: a stranger must not have it read at each request.
std::vector<trust::RoleVersion> CompressedMetadata::earlier_versions(const VersionedName& wanted) {
  const std::lock_guard turn(mutex_);
  const auto now = std::chrono::steady_clock::now();
  if (versions_.empty() || now - listed_at_ >= kLookAgain) {
    const auto names = files_.list(folder_);
    if (!names) return {};
    versions_.clear();
    listed_at_ = now;
    for (const auto& one : *names) {
      if (const auto parsed = parse_versioned_name(one)) versions_[parsed->role].push_back(parsed->version);
    }
    for (auto& [role, versions] : versions_) std::ranges::sort(versions, std::greater());
  }
  const auto known = versions_.find(wanted.role);
  if (known == versions_.end()) return {};
  auto earlier = known->second;
  std::erase_if(earlier, [&](const auto version) { return version >= wanted.version; });
  if (earlier.size() > kEarlierVersions) earlier.resize(kEarlierVersions);
  return earlier;
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
