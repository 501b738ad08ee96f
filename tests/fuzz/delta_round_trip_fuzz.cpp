// Two random trees: the delta from the one to the other gives the other.
#include "protocol/package/decode/delta_reader.hpp"
#include "protocol/package/encode/package_writer.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace upswarm;

/// Files named by one byte each, with what follows, repeated and cut as the bytes say.
void write_tree(const tests::TemporaryFolder& folder, const std::string& top, std::string_view bytes) {
  std::filesystem::create_directories(folder.path() / top);
  while (bytes.size() > 3) {
    const auto name = static_cast<unsigned char>(bytes[0]) % 6U;
    const auto length = std::min<std::size_t>(static_cast<unsigned char>(bytes[1]), bytes.size() - 3);
    const auto repeats = static_cast<unsigned char>(bytes[2]) % 9U;
    std::string content;
    for (unsigned i = 0; i < repeats; ++i) content += bytes.substr(3, length);
    bytes.remove_prefix(3 + length);
    const auto path = top + (name < 3 ? "/d/f" : "/f") + std::to_string(name);
    folder.write(path, content);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size < 2 || size > 4096) return 0;
  const auto split = std::min<std::size_t>(static_cast<unsigned char>(bytes[0]) * size / 256, size - 1);
  const tests::TemporaryFolder folder;
  write_tree(folder, "old", bytes.substr(1, split));
  write_tree(folder, "new", bytes.substr(1 + split));
  const auto delta = folder.path() / "d";
  const auto made = package::write_delta(system_files(), folder.path() / "old", folder.path() / "new", delta, {}, {},
                                         {.threads = 1, .memory = 9_MiB, .level = package::PackLevel::fast});
  fuzz::must(made.has_value());
  auto file = system_files().open(delta);
  fuzz::must(file.has_value());
  auto reader = package::DeltaReader::open(std::move(*file));
  fuzz::must(reader.has_value());
  const auto base = package::scan_tree(system_files(), folder.path() / "old");
  const auto wanted = package::scan_tree(system_files(), folder.path() / "new");
  fuzz::must(base && wanted);
  const auto applied = reader->apply(system_files(), folder.path() / "old", *base, folder.path() / "to", {}, {});
  fuzz::must(applied && *applied == *wanted);
  fuzz::must(package::verify_tree(system_files(), folder.path() / "to", *wanted).has_value());
  return 0;
}
