// A group of a delta and its streams, as they stand behind the plan's zstd frame, made from one file of 4096 bytes.
#pragma once

#include "protocol/package/decode/opened_files.hpp"
#include "protocol/package/decode/patch_decoder.hpp"
#include "tests/fuzz/support.hpp"

namespace upswarm::fuzz {

/// Half of it calls, half of it small numbers of 8 bytes: whatever a region says they are, some refer to something.
inline std::string old_bytes() {
  constexpr std::uint32_t count = 256;
  std::string bytes;
  package::ByteWriter out(bytes);
  for (std::uint32_t i = 0; i < count; ++i) {
    out.u8(0xe8);
    out.u32(i * 5 % 1500);
    out.raw("...");
  }
  for (std::uint32_t i = 0; i < count; ++i) out.u64(i * 7 % 1500 + 1);
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

/// Decodes such an input. What decodes has the length it says. Errors: corrupt; internal  it makes more than 4 MiB.
inline Result<void> decode_patch_input(std::string_view bytes) {
  package::ByteReader in(bytes);
  auto parts_left = package::kMostParts;
  UPSWARM_TRY(const auto group, package::decode_group(in, parts_left));
  if (group.new_length > 4_MiB) return Error{ErrorKind::internal, "a patch", "it makes too much for a test"};
  const package::Tree tree{{{"old", FileType::regular, 0644, 4096_B, {}, ""}}};
  UPSWARM_TRY(const auto pieces, package::find_old_pieces(group, tree, {}));
  OneFile files;
  package::OldSpace old_space([&](std::uint32_t) { return files.open("old"); }, tree, pieces);
  MemoryFile file(bytes.substr(bytes.size() - in.left()));
  Bytes made;
  const auto sink = [&](ByteView part) -> Result<void> {
    made += Bytes{part.size()};
    return {};
  };
  UPSWARM_CHECK(package::decode_patch(file, {}, group, old_space, {sink, {}}));
  must(made == group.new_length);
  return {};
}

}  // namespace upswarm::fuzz
