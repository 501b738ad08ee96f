// Full packages out of inputs of a fuzzer that get past digests.
#pragma once

#include <algorithm>

#include "protocol/package/decode/package_index.hpp"
#include "tests/protocol/package/stored_frame.hpp"

namespace upswarm::fuzz {

/// Writes the digests of `frames` into `index` (docs/formats.md), and what is left for the last one as its length.
/// An index that does not get as far as its frames stays as it is.
inline void put_digests_right(std::string& index, std::string_view frames) {
  constexpr std::size_t record = 4 + 4 + 32;  // of a frame: its length, the number of its chunks, its digest
  package::ByteReader in(index);
  const auto tree = package::decode_outline(in.raw(in.u64()), "the tree of an input");
  if (!tree) return;
  in.raw(sizeof(Sha256::bytes) *
         static_cast<std::size_t>(std::ranges::count(tree->entries, FileType::regular, &package::TreeEntry::type)));
  in.u32();  // history
  const std::size_t count = in.u32();
  if (!in.good() || count == 0 || count > in.left() / record) return;
  const auto lengths = index.size() - in.left();
  for (std::size_t i = 0; i < count; ++i) {
    const auto at = lengths + 4 * i;
    std::string left;
    package::ByteWriter(left).u32(static_cast<std::uint32_t>(frames.size()));
    if (i + 1 == count) index.replace(at, left.size(), left);
    const auto frame = frames.substr(0, package::ByteReader(std::string_view(index).substr(at)).u32());
    frames.remove_prefix(frame.size());
    index.replace(lengths + 8 * count + 32 * i, 32, as_text(sha256(frame).bytes));
  }
}

/// An input that stands for a package: "P", the length of the index (u32), the index as it is, and the frames.
inline std::string packed_input(std::string_view index, std::string_view frames) {
  std::string input;
  package::ByteWriter out(input);
  out.raw("P");
  out.text(index);
  out.raw(frames);
  return input;
}

/// The package of such an input, with the digests of its frames put right; any other input as it is.
inline std::string package_of(std::string_view input) {
  if (!input.starts_with("P")) return std::string(input);
  package::ByteReader in(input.substr(1));
  std::string index(in.raw(in.u32()));
  const auto frames = in.raw(in.left());
  put_digests_right(index, frames);
  return package::stored_package(index, frames);
}

}  // namespace upswarm::fuzz
