#include "seeder/publish/release_packages.hpp"

#include "protocol/base/version.hpp"
#include "protocol/package/decode/delta_reader.hpp"
#include "seeder/publish/bundle_folder.hpp"
#include "seeder/publish/repository.hpp"
#include "seeder/publish/torrent_writer.hpp"

namespace upswarm::publish {
namespace {

/// With the digest of a consistent name before it and ".torrent" after it, a part of a path stays below 200 bytes.
constexpr std::size_t kLongestFileName = 120;
constexpr std::size_t kShortDigest = 16;

class PackageMaker {
 public:
  PackageMaker(Files& files, const ReleaseName& name, const Path& to, const package::ProgressSink& progress,
               std::stop_token stop)
      : files_(files), name_(name), to_(to), progress_(progress), stop_(std::move(stop)) {}

  Result<void> make_full(const Path& folder) {
    const auto file = name_.full_file();
    UPSWARM_TRY(const auto packed, package::write_package(files_, folder, to_ / file, progress_, stop_));
    made_.index_length = packed.index_length;
    made_.index_digest = packed.index_digest;
    made_.content = packed.content;
    UPSWARM_TRY(made_.full, describe(file, packed.length, packed.sha256));
    return {};
  }

  Result<void> make_delta(const DeltaBase& base, const Path& folder, const Path& scratch) {
    if (base.content == made_.content) return note(base, "it has the same content");
    auto opened = files_.open(base.package);
    if (!opened && opened.error().kind == ErrorKind::not_found)
      return note(base, "its package is not kept here any more");
    if (!opened) return std::move(opened).error();
    UPSWARM_TRY(auto reader, package::PackageReader::open(std::move(*opened), &base.index_digest));
    UPSWARM_CHECK(make_folders(files_, scratch.parent_path()));
    UPSWARM_CHECK(reader.unpack(files_, scratch, progress_, stop_));
    auto file = name_.delta_file(base.version);
    // A nightly build and a release may have one version and two contents.
    if (made_.targets.contains(name_.target_path(file)))
      file = name_.delta_file(base.version + "-" + base.content.hex().substr(0, kShortDigest));
    UPSWARM_TRY(const auto delta, package::write_delta(files_, scratch, folder, to_ / file, progress_, stop_));
    UPSWARM_CHECK(try_delta(to_ / file, scratch));
    UPSWARM_CHECK(remove_tree(files_, scratch));
    if (delta.to_content != made_.content) {
      return Error{ErrorKind::invalid, "release " + folder.string(), "the folder changed while it was being packed"};
    }
    if (delta.length.count * 100 > made_.full.length.count * kLargestDeltaPercent) {
      UPSWARM_CHECK(files_.remove_file(to_ / file));
      return note(base, "it would be " + to_string(delta.length) + ", more than " +
                            std::to_string(kLargestDeltaPercent) + " % of the full package");
    }
    UPSWARM_TRY(auto described, describe(file, delta.length, delta.sha256));
    made_.deltas.push_back({base.version, delta.from_content, std::move(described)});
    return {};
  }

  MadePackages take() { return std::move(made_); }

 private:
  /// Does with the delta what every machine will do: what does not give the new tree back never leaves the desk.
  Result<void> try_delta(const Path& delta, const Path& base) {
    const Path made = base.string() + ".made";
    UPSWARM_CHECK(remove_tree(files_, made));
    UPSWARM_TRY(auto file, files_.open(delta));
    UPSWARM_TRY(auto reader, package::DeltaReader::open(std::move(file)));
    UPSWARM_TRY(const auto tree, package::scan_tree(files_, base));
    const auto applied = reader.apply(files_, base, tree, made, progress_, stop_);
    UPSWARM_CHECK(remove_tree(files_, made));
    return applied ? Result<void>() : Result<void>(Error(applied.error()).within("try " + delta.string()));
  }

  Result<void> note(const DeltaBase& base, std::string why) {
    made_.notes.push_back({base.version, std::move(why)});
    return {};
  }

  /// Makes the torrent beside the file and enters both as targets.
  Result<trust::PackageFile> describe(const std::string& file, Bytes length, const Sha256& digest) {
    UPSWARM_TRY(const auto opened, files_.open(to_ / file));
    UPSWARM_TRY(const auto torrent, make_torrent(*opened, file, progress_, stop_));
    UPSWARM_CHECK(write_file_atomically(files_, to_ / (file + ".torrent"), torrent.bytes));
    const auto path = name_.target_path(file);
    made_.targets[path] = {length, digest};
    made_.targets[path + ".torrent"] = {Bytes{torrent.bytes.size()}, sha256(torrent.bytes)};
    return trust::PackageFile{.path = path,
                              .length = length,
                              .sha256 = digest,
                              .info_hash = torrent.info_hash,
                              .piece_length = torrent.piece_length};
  }

  Files& files_;
  const ReleaseName& name_;
  const Path& to_;
  const package::ProgressSink& progress_;
  std::stop_token stop_;
  MadePackages made_;
};

}  // namespace

std::string ReleaseName::full_file() const { return product + "-" + safe_part(version) + ".upk"; }

std::string ReleaseName::delta_file(const std::string& from) const {
  const auto plain = product + "-" + safe_part(from) + "-to-" + safe_part(version) + ".upd";
  if (plain.size() <= kLongestFileName) return plain;
  return product + "-" + sha256(from).hex().substr(0, kShortDigest) + "-to-" +
         sha256(version).hex().substr(0, kShortDigest) + ".upd";
}

std::string ReleaseName::target_path(const std::string& file) const {
  return (is_nightly ? "pre/" : "pkg/") + product + "/" + platform + "/" + safe_part(version) + "/" + file;
}

Path ReleaseName::kept_in() const {
  return Path(product) / platform / (safe_part(version) + (is_nightly ? kPrereleaseFolderEnd : ""));
}

Result<void> check_release_name(const ReleaseName& name) {
  UPSWARM_CHECK(trust::parse_name(name.product));
  UPSWARM_CHECK(trust::parse_name(name.platform));
  UPSWARM_CHECK(Version::parse(name.version));
  if (name.full_file().size() > kLongestFileName) {
    return Error{ErrorKind::invalid, "release " + name.product + " " + name.version,
                 "product and version together are too long for a file name"};
  }
  return {};
}

Result<MadePackages> make_packages(Files& files, const ReleaseName& name, const Path& folder, const Path& to,
                                   const std::vector<DeltaBase>& bases, const Path& scratch,
                                   const package::ProgressSink& progress, std::stop_token stop) {
  UPSWARM_CHECK(make_folders(files, to));
  PackageMaker maker(files, name, to, progress, std::move(stop));
  UPSWARM_CHECK(maker.make_full(folder));
  for (const auto& base : bases) UPSWARM_CHECK(maker.make_delta(base, folder, scratch));
  UPSWARM_CHECK(files.sync_folder(to));
  return maker.take();
}

}  // namespace upswarm::publish
