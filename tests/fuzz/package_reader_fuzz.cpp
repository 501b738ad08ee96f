// A full package: what opens is consistent, and unpacking writes only what the tree says.
//
// An input is a package, or "P", the length of the index (u32), the index as it is, and the frames; the digests of the
// frames are put right: through a checksum, a compression or a digest no fuzzer gets.
#include "protocol/package/decode/format.hpp"
#include "protocol/package/decode/package_reader.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/protocol/package/staging_files.hpp"
#include "tests/protocol/package/stored_frame.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace upswarm;

/// Writes the digests of `frames` where the index has them.
void put_digests_right(std::string& index, std::string_view frames) {
  constexpr std::size_t record = 40;
  package::ByteReader in(index);
  in.raw(in.u64());
  const auto count = in.u32();
  auto at = index.size() - in.left();
  for (std::uint32_t i = 0; in.good() && i < count && at + record <= index.size(); ++i, at += record) {
    package::ByteReader fields(std::string_view(index).substr(at));
    const auto part = frames.substr(0, fields.u32());
    frames.remove_prefix(part.size());
    index.replace(at + 8, 32, as_text(sha256(part).bytes));
  }
}

/// The package of an input that begins with "P".
std::string packed(std::string_view input) {
  package::ByteReader in(input);
  in.u8();
  std::string index(in.raw(in.u32()));
  const auto frames = in.raw(in.left());
  put_digests_right(index, frames);
  return package::stored_package(index, frames);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto bytes = input.starts_with("P") ? packed(input) : std::string(input);
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
