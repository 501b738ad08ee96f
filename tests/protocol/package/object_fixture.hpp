// Small relocatable x86-64 ELF objects, made from the functions of program_fixture.hpp.
#pragma once

#include <array>
#include <map>

#include "tests/protocol/package/program_fixture.hpp"

namespace upswarm::package {

inline constexpr std::uint64_t kObjectText = 64;  ///< where .text begins

struct ObjectSection {
  std::uint32_t type = 0;
  std::uint64_t flags = 0;
  std::string bytes;
  std::uint32_t link = 0;
  std::uint32_t info = 0;
  std::string name;
};

inline std::string join_sections(std::vector<ObjectSection> sections) {
  std::string names(1, '\0');
  std::vector<std::uint32_t> name_places{0};
  sections.push_back({3, 0, {}, 0, 0, ".shstrtab"});
  for (const auto& one : sections) {
    name_places.push_back(static_cast<std::uint32_t>(names.size()));
    names += one.name + '\0';
  }
  sections.back().bytes = names;
  std::string contents;
  std::string table(64, '\0');
  ByteWriter out(table);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    contents.resize((contents.size() + 7) / 8 * 8, '\0');
    const auto& one = sections[i];
    out.u32(name_places[i + 1]);
    out.u32(one.type);
    for (const auto value :
         {one.flags, std::uint64_t{0}, kObjectText + contents.size(), std::uint64_t{one.bytes.size()}})
      out.u64(value);
    out.u32(one.link);
    out.u32(one.info);
    out.u64(8);
    out.u64(0);
    contents += one.bytes;
  }
  contents.resize((contents.size() + 7) / 8 * 8, '\0');
  std::string file;
  ByteWriter head(file);
  head.raw(std::string_view("\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16));
  head.u32(1U | 62U << 16U);  // relocatable, x86-64
  head.u32(1);
  head.u64(0);
  head.u64(0);
  head.u64(kObjectText + contents.size());
  head.u32(0);
  head.u32(64);
  head.u32(64U << 16U);
  head.u32(static_cast<std::uint32_t>(sections.size() + 1) | static_cast<std::uint32_t>(sections.size()) << 16U);
  return file + contents + table;
}

/// The object of `functions` in `order`: each calls others by symbol, and has a text in .rodata by section and place.
inline std::string make_object(const std::vector<Function>& functions, const std::vector<std::size_t>& order) {
  constexpr std::uint32_t kFirstFunction = 3;  // symbols: none, .text, .rodata
  std::map<std::size_t, std::uint32_t> symbol_of;
  for (const auto number : order)
    symbol_of.emplace(number, kFirstFunction + static_cast<std::uint32_t>(symbol_of.size()));
  std::array<std::string, 5> parts;  // .text .rela.text .rodata .symtab .strtab
  auto& [text, relocations, data, symbols, strings] = parts;
  strings.assign(1, '\0');
  ByteWriter code(text);
  ByteWriter rela(relocations);
  ByteWriter symbol(symbols);
  const auto add_symbol = [&](std::uint32_t name, std::uint32_t info, std::uint32_t section, std::uint64_t value) {
    symbol.u32(name);
    symbol.u32(info | section << 16U);
    symbol.u64(value);
    symbol.u64(0);
  };
  const auto relocate = [&](std::uint64_t type, std::uint64_t to, std::uint64_t addend) {
    rela.u64(text.size());
    rela.u64(type | to << 32U);
    rela.u64(addend);
    code.u32(0);
  };
  add_symbol(0, 0, 0, 0);
  add_symbol(0, 3, 1, 0);
  add_symbol(0, 3, 3, 0);
  for (const auto number : order) {
    add_symbol(static_cast<std::uint32_t>(strings.size()), 0x12, 1, text.size());
    strings += "function_" + std::to_string(number * 7919) + '\0';
    std::mt19937 random(functions[number].seed);
    for (unsigned i = 0; i < 40; ++i) code.u8(static_cast<std::uint8_t>(0x90 + random() % 8));
    for (const auto call : functions[number].calls) {
      code.u8(0xe8);
      relocate(4, symbol_of[call], ~std::uint64_t{3});
    }
    code.raw("\x48\x8d\x05");
    relocate(2, 2, data.size() - 4);
    data += "what function " + std::to_string(number * 104729) + " says" + '\0';
  }
  return join_sections({{1, 6, text, 0, 0, ".text"},
                        {4, 0x40, relocations, 4, 1, ".rela.text"},
                        {1, 2, data, 0, 0, ".rodata"},
                        {2, 0, symbols, 5, 3, ".symtab"},
                        {3, 0, strings, 0, 0, ".strtab"}});
}

}  // namespace upswarm::package
