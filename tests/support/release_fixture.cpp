#include "tests/support/release_fixture.hpp"

#include <stdexcept>

namespace upswarm::tests {
namespace {

template <typename T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

trust::PackageFile package_file(const std::string& name, Bytes length, const Sha256& digest) {
  return {.path = "pkg/app/linux-x64/1/" + name,
          .length = length,
          .sha256 = digest,
          .info_hash = std::string(40, 'a'),
          .piece_length = 64_KiB};
}

}  // namespace

MadeRelease make_release(const TemporaryFolder& folder, const std::string& version, std::int64_t n,
                         const TreeFiles& files, const MadeRelease* base) {
  MadeRelease made;
  made.tree = folder / ("tree-" + version);
  std::filesystem::create_directories(made.tree);
  for (const auto& [path, content] : files)
    folder.write("tree-" + version + "/" + path, content, path.starts_with("bin/") ? 0755 : 0644);
  made.full = folder / ("full-" + version + ".upk");
  const auto packed = must(package::write_package(system_files(), made.tree, made.full, {}, {}));
  made.entry.counter = {1, n};
  made.entry.version = version;
  made.entry.content = packed.content;
  made.entry.full = package_file("full-" + version + ".upk", packed.length, packed.sha256);
  made.entry.index_length = packed.index_length;
  made.entry.index_digest = packed.index_digest;
  made.entry.salt = "00ff";
  if (base == nullptr) return made;
  const auto file = folder / ("delta-" + version + ".upd");
  const auto delta = must(package::write_delta(system_files(), base->tree, made.tree, file, {}, {}));
  made.deltas[base->entry.version] = file;
  made.entry.deltas.push_back(
      {base->entry.version, delta.from_content, package_file("delta-" + version + ".upd", delta.length, delta.sha256)});
  return made;
}

TreeFiles first_tree() {
  return {{"bin/app", "#!/bin/sh\necho one\n"},
          {"share/text", std::string(5000, 'x') + "one"},
          {"share/same", "never changes"},
          {"share/old", "goes away"},
          {"doc/here", "moves"}};
}

TreeFiles second_tree() {
  return {{"bin/app", "#!/bin/sh\necho two\n"},
          {"share/text", std::string(5000, 'x') + "two"},
          {"share/same", "never changes"},
          {"share/new", "came along"},
          {"doc/there/here", "moves"}};
}

TreeFiles third_tree() {
  auto files = second_tree();
  files["bin/app"] = "#!/bin/sh\necho three\n";
  return files;
}

}  // namespace upswarm::tests
