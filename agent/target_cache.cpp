#include "agent/target_cache.hpp"

#include "protocol/base/digest.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::agent {

std::string digest_in_name(std::string_view consistent_name) {
  const auto last = consistent_name.substr(consistent_name.rfind('/') + 1);  // npos + 1 is 0
  const auto dot = last.find('.');
  if (dot == std::string_view::npos || !parse_sha256(last.substr(0, dot))) return {};
  return std::string(last.substr(0, dot));
}

TargetCache::TargetCache(trust::RepositorySource& source, Files& files, Path folder)
    : source_(source), files_(files), folder_(std::move(folder)) {}

Result<std::string> TargetCache::metadata(const std::string& name, Bytes longest) {
  return source_.metadata(name, longest);
}

Result<std::string> TargetCache::target(const std::string& name, Bytes longest) {
  const auto digest = digest_in_name(name);
  if (digest.empty()) return source_.target(name, longest);
  used_.insert(digest);
  const auto file = folder_ / digest;
  if (auto cached = read_file(files_, file, longest); cached && sha256(*cached).hex() == digest) return cached;
  UPSWARM_TRY(auto bytes, source_.target(name, longest));
  if (sha256(bytes).hex() == digest) {
    const auto kept = write_file_atomically(files_, file, bytes);
    if (!kept) log::warning("a small target is not kept", {{"file", file.string()}, {"error", kept.error().message()}});
  }
  return bytes;
}

void TargetCache::drop_unused() {
  const auto names = files_.list(folder_);
  if (!names) return;
  for (const auto& name : *names) {
    if (!used_.contains(name))
      ignore_failure(files_.remove_file(folder_ / name), "it is tried again after the next cycle");
  }
  used_.clear();
}

}  // namespace upswarm::agent
