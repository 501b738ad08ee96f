// A delta: applied to the base that its corpus was made for it gives what it names or an error, and writes nothing
// outside of its folder; to another base it writes nothing at all.
// Inputs are those of delta_input.hpp.
#include "protocol/package/decode/delta_reader.hpp"
#include "tests/fuzz/delta_input.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/protocol/package/staging_files.hpp"

using namespace upswarm;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto base = package::scan_tree(system_files(), fuzz::base_folder().path() / "base");
  fuzz::must(base.has_value());
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = fuzz::delta_of(bytes, package::content_digest(*base));
  auto reader = package::DeltaReader::open(std::make_unique<fuzz::MemoryFile>(whole));
  if (!reader || reader->info().unpacked > 1_MiB || reader->info().made > 4_MiB) return 0;
  const auto told = reader->tree(*base);
  const auto made = reader->made_files();
  fuzz::must(!told || made.has_value());
  const tests::TemporaryFolder folder;
  const auto to = folder.path() / "to";
  package::StagingFiles staging(to);
  const auto applied = reader->apply(staging, fuzz::base_folder().path() / "base", *base, to, {}, {});
  fuzz::must(staging.trespass().empty());
  if (applied) {
    fuzz::must(package::content_digest(*applied) == reader->info().to_content);
    fuzz::must(package::verify_tree(system_files(), to, *applied).has_value());
  } else if (reader->info().from_content != package::content_digest(*base)) {
    fuzz::must(!std::filesystem::exists(to));
  }
  return 0;
}
