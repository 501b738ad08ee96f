// A delta: what opens is consistent; applied to a base that it does not name, it writes nothing.
#include "protocol/package/decode/delta_reader.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/temporary_folder.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto reader = package::DeltaReader::open(std::make_unique<fuzz::MemoryFile>(bytes));
  if (!reader) return 0;
  const auto& info = reader->info();
  fuzz::must(package::content_digest(info.to_tree) == info.to_content);
  if (info.to_tree.total_size() > 1_MiB) return 0;
  const tests::TemporaryFolder folder;
  const auto to = folder.path() / "to";
  const package::Tree nothing;
  const auto applied = reader->apply(system_files(), folder.path() / "base", nothing, to, {}, {});
  if (applied) fuzz::must(package::verify_tree(system_files(), to, info.to_tree).has_value());
  else if (info.from_content != package::content_digest(nothing)) fuzz::must(!std::filesystem::exists(to));
  return 0;
}
