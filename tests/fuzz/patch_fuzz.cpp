// A group of a delta and its streams, as they stand behind the plan's zstd frame: what decodes has the length it says.
#include "protocol/package/decode/opened_files.hpp"
#include "protocol/package/decode/patch_decoder.hpp"
#include "tests/fuzz/support.hpp"

namespace {

using namespace upswarm;

std::string old_bytes() {
  std::string bytes;
  for (unsigned i = 0; i < 4096; ++i) bytes += static_cast<char>(i % 7 == 0 ? 0xe8 : i * 37 >> 3);
  return bytes;
}

/// One file, "old", and nothing else.
class OneFile final : public Files {
 public:
  Result<std::unique_ptr<InputFile>> open(const Path&) override {
    return std::unique_ptr<InputFile>(std::make_unique<fuzz::MemoryFile>(bytes_));
  }
  Result<std::unique_ptr<OutputFile>> create(const Path&, std::uint32_t) override { return refused(); }
  Result<FileInfo> info(const Path&) override { return refused(); }
  Result<std::vector<std::string>> list(const Path&) override { return refused(); }
  Result<void> make_folder(const Path&, std::uint32_t) override { return refused(); }
  Result<void> rename(const Path&, const Path&) override { return refused(); }
  Result<void> remove_file(const Path&) override { return refused(); }
  Result<void> remove_folder(const Path&) override { return refused(); }
  Result<void> make_symlink(const std::string&, const Path&) override { return refused(); }
  Result<std::string> read_symlink(const Path&) override { return refused(); }
  Result<void> hard_link(const Path&, const Path&) override { return refused(); }
  Result<void> set_mode(const Path&, std::uint32_t) override { return refused(); }
  Result<void> sync_file(const Path&) override { return refused(); }
  Result<void> sync_folder(const Path&) override { return refused(); }
  Result<Bytes> free_space(const Path&) override { return refused(); }

 private:
  static Error refused() { return {ErrorKind::internal, "a patch", "only reads"}; }
  std::string bytes_ = old_bytes();
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  package::ByteReader in(bytes);
  auto parts_left = package::kMostParts;
  auto group = package::decode_group(in, parts_left);
  if (!group || group->new_length > 4_MiB) return 0;
  const package::Tree tree{{{"old", FileType::regular, 0644, 4096_B, {}, ""}}};
  const auto pieces = package::find_old_pieces(*group, tree, {});
  if (!pieces) return 0;
  OneFile files;
  package::OldSpace old_space([&](std::uint32_t) { return files.open("old"); }, tree, *pieces);
  fuzz::MemoryFile file(bytes.substr(size - in.left()));
  Bytes made;
  const auto sink = [&](ByteView part) -> Result<void> {
    made += Bytes{part.size()};
    return {};
  };
  if (package::decode_patch(file, {}, *group, old_space, {sink, {}})) fuzz::must(made == group->new_length);
  return 0;
}
