#include "protocol/trust/client.hpp"

namespace upswarm::trust {
namespace {

constexpr Bytes kLongestRole = kLongestTargets;
static_assert(kLongestRole >= kLongestRoot && kLongestRole >= kLongestSnapshot && kLongestRole >= kLongestTimestamp);

}  // namespace

Result<TrustStore> TrustStore::open(Files& files, Path folder) {
  UPSWARM_CHECK(make_folders(files, folder));
  UPSWARM_TRY(auto lock, FileLock::take(folder / "lock"));
  return TrustStore(files, std::move(folder), std::move(lock));
}

Result<void> TrustStore::place_first_root(std::string_view root_json, const SignatureVerifier& verifier) {
  UPSWARM_TRY(const auto there, exists(*files_, file_of("root")));
  if (there) return {};
  UPSWARM_TRY(const auto envelope, parse_envelope(root_json, "the first root", kLongestRoot));
  UPSWARM_TRY(const auto root, parse_root(envelope));
  UPSWARM_CHECK(verify_signatures(envelope, root.roles.at("root"), root.keys, verifier, "the first root"));
  return save("root", root_json);
}

Result<std::string> TrustStore::load(const std::string& role) const {
  return read_file(*files_, file_of(role), kLongestRole);
}

Result<void> TrustStore::save(const std::string& role, std::string_view bytes) {
  return write_file_atomically(*files_, file_of(role), bytes);
}

Result<void> TrustStore::remove(const std::string& role) {
  auto removed = files_->remove_file(file_of(role));
  if (!removed && removed.error().kind == ErrorKind::not_found) return {};
  UPSWARM_CHECK(removed);
  return files_->sync_folder(folder_);
}

Path TrustStore::file_of(const std::string& role) const { return folder_ / metadata_name(role, std::nullopt); }

}  // namespace upswarm::trust
