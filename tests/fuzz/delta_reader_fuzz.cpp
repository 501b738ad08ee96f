// A delta: applied to the base that its corpus was made for it gives what it names or an error, and writes nothing
// outside of its folder; to another base it writes nothing at all.
//
// An input is a delta, or "P", the digest of the result (32), the length of the plan (u32), the plan as it is, and the
// streams: what is compressed and has a checksum no fuzzer gets through.
#include "protocol/package/decode/delta_reader.hpp"
#include "protocol/package/decode/format.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/protocol/package/program_fixture.hpp"
#include "tests/protocol/package/staging_files.hpp"
#include "tests/protocol/package/stored_frame.hpp"
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
    folder.write("base/program", package::link_program(package::random_functions(8, 1), package::in_order(8)), 0755);
    std::filesystem::create_symlink("d/b", folder.path() / "base/link");
  }
  return folder;
}

/// The delta of an input that begins with "P".
std::string packed(std::string_view input, const Sha256& base) {
  package::ByteReader in(input);
  in.u8();
  const auto result = in.digest();
  const auto plan = in.raw(in.u32());
  const auto frame = std::string(package::kZstdMagic) + package::stored_frame(plan, 20);
  std::string bytes;
  package::ByteWriter out(bytes);
  out.raw(package::kDeltaMagic);
  out.u32(package::kDeltaVersion);
  out.u32(0);
  out.digest(base);
  out.digest(result);
  out.u64(frame.size());
  out.u64(plan.size());
  out.raw(frame);
  out.raw(in.raw(in.left()));
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto base = package::scan_tree(system_files(), base_folder().path() / "base");
  fuzz::must(base.has_value());
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto whole = bytes.starts_with("P") ? packed(bytes, package::content_digest(*base)) : std::string(bytes);
  auto reader = package::DeltaReader::open(std::make_unique<fuzz::MemoryFile>(whole));
  if (!reader || reader->info().unpacked > 1_MiB || reader->info().made > 4_MiB) return 0;
  const tests::TemporaryFolder folder;
  const auto to = folder.path() / "to";
  package::StagingFiles staging(to);
  const auto applied = reader->apply(staging, base_folder().path() / "base", *base, to, {}, {});
  fuzz::must(staging.trespass().empty());
  if (applied) {
    fuzz::must(package::content_digest(*applied) == reader->info().to_content);
    fuzz::must(package::verify_tree(system_files(), to, *applied).has_value());
  } else if (reader->info().from_content != package::content_digest(*base)) {
    fuzz::must(!std::filesystem::exists(to));
  }
  return 0;
}
