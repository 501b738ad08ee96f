// Deltas out of inputs of a fuzzer that get past compression, and the tree that they start from.
//
// An input is a delta, or "P", the digest of the result (32), the length of the plan (u32), the plan as it is, and the
// streams: what is compressed and has a checksum no fuzzer gets through.
#pragma once

#include "tests/protocol/package/program_fixture.hpp"
#include "tests/protocol/package/stored_frame.hpp"
#include "tests/support/temporary_folder.hpp"

namespace upswarm::fuzz {

/// What the files of the corpus start from.
inline const tests::TemporaryFolder& base_folder() {
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

/// The delta of an input that begins with "P", to a base with this digest; any other input as it is.
inline std::string delta_of(std::string_view input, const Sha256& base) {
  if (!input.starts_with("P")) return std::string(input);
  package::ByteReader in(input.substr(1));
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

}  // namespace upswarm::fuzz
