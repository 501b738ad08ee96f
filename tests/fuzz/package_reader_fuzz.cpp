// A full package: what opens is consistent, and unpacking writes only what the tree says.
//
// An input is a package, or what package_input.hpp makes one of: through a checksum, a compression or a digest no
// fuzzer gets.
#include "protocol/package/decode/package_reader.hpp"
#include "tests/fuzz/package_input.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/protocol/package/staging_files.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace upswarm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto bytes = fuzz::package_of(input);
  auto reader = package::PackageReader::open(std::make_unique<fuzz::MemoryFile>(bytes), nullptr);
  if (!reader) return 0;
  const auto& index = reader->index();
  fuzz::must(index.contents.size() == index.tree.entries.size());
  fuzz::must(reader->index_length().count <= bytes.size());
  if (index.tree.total_size() > 1_MiB) return 0;  // a few bytes may stand for gigabytes of zeros
  const tests::TemporaryFolder folder;
  const auto to = folder.path() / "to";
  package::StagingFiles staging(to);
  const auto unpacked = reader->unpack(staging, to, {}, {});
  fuzz::must(staging.trespass().empty());
  if (unpacked) fuzz::must(package::verify_tree(system_files(), to, index.tree).has_value());
  // With nothing on disk the plan is the whole package, and a half package gives no half tree unnoticed.
  fuzz::must(package::plan_sparse(index, {}).frames.size() == index.frames.size());
  const package::SparsePlan nothing{
      .frames = {}, .fetched = {}, .from_disk = {}, .chunks = {index.chunks.size(), package::LocalPlace{}}};
  const package::LocalChunks wrong{.files = {folder.path() / "missing"}, .places = {}};
  const auto some = folder.path() / "some";
  if (reader->unpack(system_files(), some, nothing, wrong, {}, {}))
    fuzz::must(package::verify_tree(system_files(), some, index.tree).has_value());
  return 0;
}
