#include "seeder/uploads.hpp"

#include "seeder/names.hpp"

namespace upswarm::seeder {
namespace {

constexpr const char* kCommit = ".commit";
constexpr const char* kComing = ".coming";
constexpr Bytes kKeepFree = 64_MiB;

Result<void> check_name(const std::string& name) {
  if (is_path_part(name) && !name.ends_with(kCommit) && !name.ends_with(kComing)) return {};
  return Error{ErrorKind::invalid, "upload the bundle " + name.substr(0, 100), "this is no name for a bundle", "name"};
}

}  // namespace

UploadSink::~UploadSink() {
  if (file_ == nullptr) return;
  file_.reset();
  ignore_failure(files_.remove_file(coming_), "tidy() removes it at the next start");
}

Result<void> UploadSink::finish() {
  UPSWARM_CHECK(file_->sync());
  UPSWARM_CHECK(files_.rename(coming_, to_));
  file_.reset();
  return files_.sync_folder(to_.parent_path());
}

Result<void> Uploads::tidy() {
  UPSWARM_TRY(const auto names, files_.list(folder_.uploads()));
  for (const auto& name : names) {
    const auto path = folder_.uploads() / name;
    if (name.ends_with(kComing)) UPSWARM_CHECK(remove_tree(files_, path));
    if (!name.ends_with(kCommit)) continue;
    const auto back = folder_.uploads() / name.substr(0, name.size() - std::string_view(kCommit).size());
    UPSWARM_TRY(const auto taken, exists(files_, back));
    // A client that began anew meanwhile has all of it in the new folder, or sends it.
    UPSWARM_CHECK(taken ? remove_tree(files_, path) : files_.rename(path, back));
  }
  return {};
}

Result<std::unique_ptr<UploadSink>> Uploads::begin(const std::string& name, const std::string& text, Bytes length) {
  UPSWARM_CHECK(check_name(name));
  UPSWARM_TRY(const auto path, parse_bundle_path(text));
  const auto longest = text == "bundle.json"           ? kLongestBundleFile
                       : text.starts_with("metadata/") ? trust::kLongestTargets
                                                       : longest_;
  if (length > longest)
    return Error{ErrorKind::corrupt, "upload " + text, "longer than " + to_string(longest), "too_long"};
  UPSWARM_TRY(const auto free, files_.free_space(folder_.uploads()));
  if (free < length + kKeepFree)
    return Error{ErrorKind::no_space, "upload " + text, to_string(free) + " are free", "no_space"};
  const std::lock_guard turn(turn_);
  const auto to = folder_.uploads() / name / path;
  UPSWARM_CHECK(make_folders(files_, to.parent_path()));
  const auto coming = folder_.uploads() / (std::to_string(++number_) + kComing);
  UPSWARM_TRY(auto file, files_.create(coming, 0644));
  return std::make_unique<UploadSink>(files_, coming, to, std::move(file));
}

Result<Verdict> Uploads::commit(const std::string& name, Incoming& incoming, Steering steering) {
  UPSWARM_CHECK(check_name(name));
  const auto open = folder_.uploads() / name;
  const Path taking = open.string() + kCommit;
  {
    const std::lock_guard turn(turn_);
    UPSWARM_TRY(const auto under_way, exists(files_, taking));
    if (under_way) return Error{ErrorKind::busy, "commit the bundle " + name, "it is being taken in"};
    UPSWARM_TRY(const auto there, exists(files_, open));
    if (!there) return Error{ErrorKind::not_found, "commit the bundle " + name, "nothing was uploaded under this name"};
    UPSWARM_CHECK(files_.rename(open, taking));
  }
  auto verdict = incoming.take_in(taking, steering);
  const std::lock_guard turn(turn_);
  if (verdict && verdict->refused) UPSWARM_CHECK(remove_tree(files_, taking));
  if (!verdict) {
    UPSWARM_TRY(const auto taken, exists(files_, open));
    UPSWARM_CHECK(taken ? remove_tree(files_, taking) : files_.rename(taking, open));
  }
  return verdict;
}

}  // namespace upswarm::seeder
