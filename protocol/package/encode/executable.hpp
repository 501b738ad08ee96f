// What a maker of deltas reads from executables: where their bytes lie in memory and which parts refer to others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "protocol/base/units.hpp"
#include "protocol/package/decode/space.hpp"

namespace upswarm::package {

/// Of a relocatable object. What relocations and symbols count from.
struct NamedSection {
  std::string name;
  std::uint32_t index = 0;   ///< 0: the symbol table
  std::uint32_t symbol = 0;  ///< that stands for it, or 0
  std::uint64_t offset = 0;

  bool operator==(const NamedSection&) const = default;
};

/// Offsets are within the file. Segments overlap neither by offset nor by address, regions neither.
struct Executable {
  std::vector<ImageSegment> segments;  ///< backed by the file
  std::vector<ImageSegment> memory;    ///< not backed (.bss); the offsets mean nothing
  std::vector<Region> regions;         ///< by place; new_base is the base
  std::vector<NamedSection> sections;  ///< of a relocatable object, rising by index
};

/// An x86-64 ELF program, library or relocatable object (System V ABI), or a PE image (Microsoft PE/COFF
/// specification). Whatever is odd is left out: a delta gets larger, never wrong.   Nothing: it is no such file.
std::optional<Executable> read_executable(ByteView bytes);

std::optional<Executable> read_elf(ByteView bytes);
std::optional<Executable> read_pe(ByteView bytes);

/// Enters the tables of distances that compilers make for `switch` (a tidy executable; tidy it again).
void find_jump_tables(ByteView bytes, Executable& executable);

/// Brings what a reader found into the promised form, for a file of `size` bytes.
void tidy(Executable& executable, std::uint64_t size);

}  // namespace upswarm::package
