#include "tests/tools/tuf_client/target_folder.hpp"

#include "protocol/trust/target_check.hpp"

namespace upswarm::tools {
namespace {

constexpr std::size_t kLongestFileName = 240;  // of 255, so that kPart fits
constexpr const char* kPart = ".part-";        // no target's file begins with a dot
constexpr std::size_t kBlock = 256 * 1024;

}  // namespace

Path TargetFolder::file_of(const std::string& target_path) const {
  const auto name = trust::encode_role_name(target_path);
  return folder_ / (name.size() <= kLongestFileName && !name.starts_with('.') ? name : sha256(target_path).hex());
}

Result<bool> TargetFolder::has(const trust::TrustedTarget& target) const {
  const auto file = files_.open(file_of(target.path));
  if (!file) {
    if (file.error().kind == ErrorKind::not_found) return false;
    return file.error();
  }
  UPSWARM_TRY(const auto info, (*file)->info());
  if (info.size != target.file.length) return false;
  trust::TargetCheck check(target.file);
  ByteBuffer block(kBlock);
  for (Bytes at;;) {
    UPSWARM_TRY(const auto count, (*file)->read_at(at, block));
    if (count == 0) return check.is_whole();
    check.update(ByteView(block).first(count));
    at += Bytes{count};
  }
}

Result<void> TargetFolder::fetch(const trust::TrustedTarget& target, const std::string& name,
                                 HttpSource& source) const {
  const auto to = file_of(target.path);
  const Path part = folder_ / (kPart + to.filename().string());
  UPSWARM_CHECK(remove_tree(files_, part));
  auto fetched = [&]() -> Result<void> {
    UPSWARM_TRY(const auto out, files_.create(part, 0644));
    trust::TargetCheck check(target.file);
    UPSWARM_CHECK(source.stream_target(name, target.file.length, [&](ByteView bytes) -> Result<void> {
      check.update(bytes);
      return out->write(bytes);
    }));
    if (!check.is_whole())
      return Error{ErrorKind::corrupt, "fetch " + target.path, "length or digest is not what was signed",
                   "wrong_digest"};
    return out->sync();
  }();
  if (fetched) fetched = files_.rename(part, to);
  if (fetched) return files_.sync_folder(folder_);
  ignore_failure(remove_tree(files_, part), "the next fetch removes it");
  return fetched;
}

}  // namespace upswarm::tools
