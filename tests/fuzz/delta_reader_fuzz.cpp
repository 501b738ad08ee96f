// A delta: applied to the base that its corpus was made for it gives what it names or an error, and writes nothing
// outside of its folder; to another base it writes nothing at all.
#include "protocol/package/decode/delta_reader.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace upswarm;

/// What the files of the corpus start from.
const tests::TemporaryFolder& base_folder() {
  static const tests::TemporaryFolder folder;
  if (!std::filesystem::exists(folder.path() / "base")) {
    folder.write("base/a", "one line\nand another one\n");
    folder.write("base/d/b", std::string(700, 'b') + "\177ELF" + std::string(300, '\0'));
    folder.write("base/empty", "");
  }
  return folder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto reader = package::DeltaReader::open(std::make_unique<fuzz::MemoryFile>(bytes));
  if (!reader || reader->info().unpacked > 1_MiB) return 0;
  static const auto base = package::scan_tree(system_files(), base_folder().path() / "base");
  fuzz::must(base.has_value());
  const tests::TemporaryFolder folder;
  const auto to = folder.path() / "to";
  const auto applied = reader->apply(system_files(), base_folder().path() / "base", *base, to, {}, {});
  if (applied) {
    fuzz::must(package::content_digest(*applied) == reader->info().to_content);
    fuzz::must(package::verify_tree(system_files(), to, *applied).has_value());
  } else if (reader->info().from_content != package::content_digest(*base)) {
    fuzz::must(!std::filesystem::exists(to));
  }
  return 0;
}
