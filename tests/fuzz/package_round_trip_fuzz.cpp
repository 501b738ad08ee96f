// Any tree, packed and unpacked, is the same tree; also when only part of the package is there, the rest on disk.
#include "protocol/package/encode/package_writer.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace upswarm;  // NOLINT(google-build-using-namespace): a program of one file

constexpr std::size_t kMostFiles = 40;

/// The input as orders: a name, how much of the input the file holds, how often, and whether it is in the old tree too.
void make_trees(std::string_view input, const Path& fresh, const Path& old) {
  auto& files = system_files();
  fuzz::must(files.make_folder(fresh, 0755).has_value() && files.make_folder(old, 0755).has_value());
  for (std::size_t count = 0; input.size() >= 4 && count < kMostFiles; ++count) {
    const auto order = input.substr(0, 4);
    input.remove_prefix(4);
    const auto number = [&](std::size_t at) { return static_cast<unsigned char>(order[at]); };
    const auto part = input.substr(0, number(1));
    std::string content;
    // Up to 255 * 255 * 8 bytes: over several chunks.
    for (unsigned i = 0; i < number(2) * ((number(3) & 1U) != 0 ? 8U : 1U); ++i) content += part;
    if ((number(3) & 2U) != 0) input.remove_prefix(part.size());
    const auto name = "f" + std::to_string(number(0) % kMostFiles);
    const auto write = [&](const Path& path) {
      if (const auto out = files.create(path, 0644)) ignore_failure((*out)->write(as_bytes(content)), "none is there");
    };
    write(fresh / name);
    if ((number(3) & 4U) != 0) write(old / name);
  }
}

package::PackageReader opened(const Path& file) {
  auto in = system_files().open(file);
  fuzz::must(in.has_value());
  auto reader = package::PackageReader::open(*std::move(in), nullptr);
  fuzz::must(reader.has_value());
  return *std::move(reader);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const tests::TemporaryFolder folder;
  const auto fresh = folder.path() / "new";
  const auto old = folder.path() / "old";
  make_trees({reinterpret_cast<const char*>(data), size}, fresh, old);
  const auto packed = package::write_package(system_files(), fresh, folder.path() / "p", {}, {},
                                             {.threads = 1, .level = package::PackLevel::fast});
  fuzz::must(packed.has_value());
  auto reader = opened(folder.path() / "p");
  fuzz::must(reader.unpack(system_files(), folder.path() / "all", {}, {}).has_value());
  fuzz::must(package::verify_tree(system_files(), folder.path() / "all", packed->tree).has_value());
  package::LocalChunks local;
  fuzz::must(package::scan_chunks(system_files(), old, local, {}, {}).has_value());
  const auto plan = package::plan_sparse(reader.index(), local);
  fuzz::must(reader.unpack(system_files(), folder.path() / "some", plan, local, {}, {}).has_value());
  fuzz::must(package::verify_tree(system_files(), folder.path() / "some", packed->tree).has_value());
  return 0;
}
