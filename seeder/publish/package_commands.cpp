#include "seeder/publish/package_commands.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "protocol/base/cpu_time.hpp"
#include "protocol/package/decode/delta_reader.hpp"
#include "protocol/package/encode/package_writer.hpp"
#include "seeder/publish/closed_archives.hpp"
#include "seeder/publish/delta_explanation.hpp"
#include "seeder/publish/package_listing.hpp"

namespace upswarm::publish {
namespace {

Result<Json> make_whole(const PackageWork& work, const Path& to, const std::function<Result<Json>(const Path&)>& make,
                        HalfMade half = HalfMade::removed) {
  Making own;
  return (work.making != nullptr ? *work.making : own).run(work.files, to, make, half);
}

/// A tree on disk: a folder as it is, or a full package that is unpacked as long as the object lives.
class TreeFolder {
 public:
  static Result<TreeFolder> open(const PackageWork& work, const Path& path, const Path& scratch) {
    UPSWARM_TRY(const auto info, work.files.info(path));
    if (info.type != FileType::regular) return TreeFolder(nullptr, path);
    UPSWARM_TRY(auto file, work.files.open(path));
    UPSWARM_TRY(auto reader, package::PackageReader::open(std::move(file), nullptr));
    UPSWARM_CHECK(remove_tree(work.files, scratch));
    TreeFolder folder(&work.files, scratch);
    UPSWARM_CHECK(reader.unpack(work.files, scratch, work.progress, work.stop));
    return folder;
  }
  TreeFolder(TreeFolder&& other) noexcept
      : files_(std::exchange(other.files_, nullptr)), path_(std::move(other.path_)) {}
  TreeFolder& operator=(TreeFolder&&) = delete;
  ~TreeFolder() {
    if (files_ != nullptr) ignore_failure(remove_tree(*files_, path_), "it is only a scratch folder");
  }

  const Path& path() const { return path_; }

 private:
  TreeFolder(Files* files, Path path) : files_(files), path_(std::move(path)) {}
  Files* files_;  ///< to remove what was unpacked; none for a folder that is not ours
  Path path_;
};

Json describe_tree(const package::Tree& tree) {
  std::size_t count = 0;
  for (const auto& entry : tree.entries) count += entry.type == FileType::regular ? 1U : 0U;
  return {{"content", package::content_digest(tree).hex()},
          {"entries", tree.entries.size()},
          {"files", count},
          {"unpacked", tree.total_size().count}};
}

/// `all` is what the command took so far, `base` what of that went into reading and checking the base.
Json describe_made(const package::Tree& tree, const package::OutputReport& report, CpuTime all, CpuTime base) {
  auto json = describe_tree(tree);
  if (report.kept_files > 0) json["kept"] = {{"files", report.kept_files}, {"bytes", report.kept.count}};
  const auto milliseconds = [](CpuTime time) { return (time.count() + 500) / 1000; };
  json["cpu_ms"] = {{"base", milliseconds(base)},
                    {"digests", milliseconds(report.digests)},
                    {"rest", milliseconds(all - base - report.digests)}};
  return json;
}

Result<Json> inspect_package(Files& files, const Path& file, bool lists_files) {
  UPSWARM_TRY(auto opened, files.open(file));
  UPSWARM_TRY(const auto info, opened->info());
  UPSWARM_TRY(const auto reader, package::PackageReader::open(std::move(opened), nullptr));
  const auto& index = reader.index();
  auto json = describe_tree(index.tree);
  json["kind"] = "full";
  json["length"] = info.size.count;
  json["stream"] = index.stream_size().count;  // what is left when everything is stored once
  json["chunks"] = index.chunks.size();
  json["frames"] = index.frames.size();
  Bytes longest;
  for (const auto& frame : index.frames) longest = std::max(longest, frame.size);
  json["longest_frame"] = longest.count;
  json["history"] = index.history.count;
  json["index_length"] = reader.index_length().count;
  json["index_digest"] = reader.index_digest().hex();
  if (lists_files) json["tree"] = package_listing(index);
  return json;
}

/// Of a folder, or of a full package that need not be unpacked for it.
Result<package::Tree> read_tree(Files& files, const Path& path) {
  UPSWARM_TRY(const auto info, files.info(path));
  if (info.type != FileType::regular) return package::scan_tree(files, path);
  UPSWARM_TRY(auto file, files.open(path));
  UPSWARM_TRY(const auto reader, package::PackageReader::open(std::move(file), nullptr));
  return reader.index().tree;
}

Result<Json> inspect_delta(Files& files, const Path& file, const Path& base) {
  UPSWARM_TRY(auto opened, files.open(file));
  UPSWARM_TRY(const auto info, opened->info());
  UPSWARM_TRY(const auto reader, package::DeltaReader::open(std::move(opened)));
  const auto& about = reader.info();
  Json json{{"kind", "delta"},
            {"length", info.size.count},
            {"from_content", about.from_content.hex()},
            {"content", about.to_content.hex()},
            {"unpacked", about.unpacked.count},
            {"made", about.made.count},
            {"plan_length", about.plan_length.count},
            {"filters", about.filters},
            {"opened", {{"old_files", about.opened.old_files.size()}, {"new_files", about.opened.new_files.size()}}},
            {"groups", Json::array()}};
  for (const auto& group : about.groups) {
    Json streams = Json::object();
    for (std::size_t i = 0; i < package::kStreams; ++i) {
      streams[name_of(static_cast<package::Stream>(i))] = {{"size", group.streams.at(i).size.count},
                                                           {"length", group.streams.at(i).length.count}};
    }
    json["groups"].push_back({{"old_length", group.old_length.count},
                              {"new_length", group.new_length.count},
                              {"copies", group.copies},
                              {"images", group.layout.old_images.size()},
                              {"regions", group.layout.regions.size()},
                              {"streams", std::move(streams)}});
  }
  if (base.empty()) {
    UPSWARM_TRY(const auto made, explain_made_files(reader));
    describe_origins(made, false, json);
    return json;
  }
  UPSWARM_TRY(const auto base_tree, read_tree(files, base));
  UPSWARM_TRY(auto origins, explain_delta(reader, base_tree));
  UPSWARM_TRY(const auto base_info, files.info(base));
  if (base_info.type == FileType::folder) UPSWARM_CHECK(explain_closed_archives(files, base, origins));
  describe_origins(origins, true, json);
  return json;
}

}  // namespace

Result<Json> pack_folder(const PackageWork& work, const Path& folder, const Path& to,
                         const package::PackOptions& options) {
  return make_whole(work, to, [&](const Path& part) -> Result<Json> {
    UPSWARM_TRY(const auto packed, package::write_package(work.files, folder, part, work.progress, work.stop, options));
    auto json = describe_tree(packed.tree);
    json["length"] = packed.length.count;
    json["sha256"] = packed.sha256.hex();
    json["index_length"] = packed.index_length.count;
    json["index_digest"] = packed.index_digest.hex();
    return json;
  });
}

Result<Json> unpack_package(const PackageWork& work, const Path& package, const Path& to, bool resume) {
  const auto start = process_cpu_time();
  const auto make = [&](const Path& part) -> Result<Json> {
    UPSWARM_TRY(auto file, work.files.open(package));
    UPSWARM_TRY(auto reader, package::PackageReader::open(std::move(file), nullptr));
    package::OutputReport report;
    UPSWARM_CHECK(reader.unpack(work.files, part, work.progress, work.stop, {.resume = resume, .report = &report}));
    return describe_made(reader.index().tree, report, process_cpu_time() - start, {});
  };
  return make_whole(work, to, make, resume ? HalfMade::resumed : HalfMade::resumable);
}

Result<Json> plan_fetch(const PackageWork& work, const Path& old, const Path& package, bool names_chunks) {
  UPSWARM_TRY(auto file, work.files.open(package));
  UPSWARM_TRY(const auto reader, package::PackageReader::open(std::move(file), nullptr));
  package::LocalChunks local;
  UPSWARM_CHECK(package::scan_chunks(work.files, old, local, work.progress, work.stop));
  const auto& index = reader.index();
  const auto plan = package::plan_sparse(index, local);
  Bytes lacking;
  Json chunks = Json::array();
  for (const auto& chunk : index.chunks) {
    if (const auto found = local.places.find(chunk.digest);
        found != local.places.end() && found->second.size == chunk.size())
      continue;
    lacking += chunk.size();
    chunks.push_back(
        {{"path", index.tree.entries[chunk.entry].path.view()}, {"offset", chunk.offset.count}, {"size", chunk.bytes}});
  }
  Json json{{"fetched", plan.fetched.count},
            {"index_length", reader.index_length().count},
            {"from_disk", plan.from_disk.count},
            {"frames", plan.frames.size()},
            {"of_frames", index.frames.size()},
            {"chunks", chunks.size()},
            {"of_chunks", index.chunks.size()},
            {"lacking", lacking.count},
            {"fetched_content", (index.stream_size() - plan.from_disk).count}};
  if (names_chunks) json["lacking_chunks"] = std::move(chunks);
  return json;
}

Result<Json> make_delta(const PackageWork& work, const Path& from, const Path& to_tree, const Path& to,
                        const package::DeltaOptions& options) {
  return make_whole(work, to, [&](const Path& part) -> Result<Json> {
    UPSWARM_TRY(const auto old_folder, TreeFolder::open(work, from, old_tree_of(part)));
    UPSWARM_TRY(const auto new_folder, TreeFolder::open(work, to_tree, new_tree_of(part)));
    UPSWARM_TRY(const auto packed, package::write_delta(work.files, old_folder.path(), new_folder.path(), part,
                                                        work.progress, work.stop, options));
    return Json{{"length", packed.length.count},
                {"sha256", packed.sha256.hex()},
                {"from_content", packed.from_content.hex()},
                {"content", packed.to_content.hex()}};
  });
}

Result<Json> apply_delta(const PackageWork& work, const Path& base, const Path& delta, const Path& to, bool resume) {
  const auto start = process_cpu_time();
  const auto make = [&](const Path& part) -> Result<Json> {
    UPSWARM_TRY(auto file, work.files.open(delta));
    UPSWARM_TRY(auto reader, package::DeltaReader::open(std::move(file)));
    UPSWARM_TRY(const auto folder, TreeFolder::open(work, base, old_tree_of(part)));
    const auto before = process_cpu_time();
    UPSWARM_TRY(const auto tree, package::scan_tree(work.files, folder.path()));
    const auto checking = process_cpu_time() - before;
    package::OutputReport report;
    UPSWARM_TRY(const auto made, reader.apply(work.files, folder.path(), tree, part, work.progress, work.stop,
                                              {.resume = resume, .report = &report}));
    return describe_made(made, report, process_cpu_time() - start, checking);
  };
  return make_whole(work, to, make, resume ? HalfMade::resumed : HalfMade::resumable);
}

Result<Json> inspect(Files& files, const Path& file, const InspectOptions& options) {
  auto full = inspect_package(files, file, options.files);
  if (full && !options.base.empty())
    return Error{ErrorKind::invalid, "inspect " + file.string(), "it is a full package: it starts from no base"};
  if (full || full.error().kind != ErrorKind::corrupt) return full;
  auto delta = inspect_delta(files, file, options.base);
  if (delta && options.files && options.base.empty())
    return Error{ErrorKind::invalid, "list the files of " + file.string(),
                 "a delta tells them from what it starts from: name that with --base"};
  // When it is neither, the reader that its name promises says why.
  if (!delta && file.extension() != ".upd" && delta.error().reason != "wrong_base") return full;
  return delta;
}

}  // namespace upswarm::publish
