// A full package: what opens is consistent, and unpacking writes only what the tree says.
#include "protocol/package/decode/package_reader.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/temporary_folder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto reader = package::PackageReader::open(std::make_unique<fuzz::MemoryFile>(bytes), nullptr);
  if (!reader) return 0;
  const auto& index = reader->index();
  fuzz::must(index.contents.size() == index.tree.entries.size());
  fuzz::must(reader->index_length().count <= size);
  if (index.tree.total_size() > 1_MiB) return 0;  // a few bytes may stand for gigabytes of zeros
  const tests::TemporaryFolder folder;
  const auto to = folder.path() / "to";
  if (reader->unpack(system_files(), to, {}, {}))
    fuzz::must(package::verify_tree(system_files(), to, index.tree).has_value());
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
