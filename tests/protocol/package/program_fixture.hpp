// Small x86-64 ELF programs, linked from functions that call each other and refer to data.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "protocol/package/byte_coding.hpp"

namespace upswarm::package {

/// A function: some bytes that mean nothing, then calls of other functions by number.
struct Function {
  unsigned seed = 0;
  std::vector<std::size_t> calls;
};

inline std::vector<Function> random_functions(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<Function> functions(count);
  for (auto& one : functions) {
    one.seed = static_cast<unsigned>(random());
    for (unsigned i = 0; i < 6; ++i) one.calls.push_back(random() % count);
  }
  return functions;
}

inline constexpr std::uint64_t kProgramAddress = 0x400000;
inline constexpr std::size_t kProgramStart = 0x1000;

/// The program of `functions` in `order`; behind the code a table of pointers to all of them.
inline std::string link_program(const std::vector<Function>& functions, const std::vector<std::size_t>& order) {
  constexpr std::size_t filling = 40;
  std::vector<std::uint64_t> places(functions.size());
  std::uint64_t place = kProgramStart;
  for (const auto number : order) {
    places[number] = place;
    place += filling + 8 * functions[number].calls.size();
  }
  std::string code;
  ByteWriter out(code);
  for (const auto number : order) {
    std::mt19937 random(functions[number].seed);
    for (std::size_t i = 0; i < filling; ++i) out.u8(static_cast<std::uint8_t>(0x90 + random() % 8));
    for (const auto call : functions[number].calls) {
      out.u8(0xe8);
      out.u32(static_cast<std::uint32_t>(places[call] - (kProgramStart + code.size() + 4)));
      out.raw("\x48\x31\xc0");
    }
  }
  code.resize((code.size() + 15) / 16 * 16, '\0');
  const auto pointers = kProgramStart + code.size();
  for (const auto one : places) out.u64(kProgramAddress + one);

  std::string file;
  ByteWriter head(file);
  head.raw(std::string_view("\177ELF\2\1\1\0\0\0\0\0\0\0\0\0", 16));
  head.u32(2U | 62U << 16U);  // an executable, x86-64
  head.u32(1);
  head.u64(kProgramAddress + kProgramStart);
  head.u64(64);  // program headers
  head.u64(0);   // no sections
  head.u32(0);
  head.u32(64U | 56U << 16U);
  head.u32(2U | 64U << 16U);
  head.u32(0);
  const auto segment = [&](std::uint32_t flags, std::uint64_t offset, std::uint64_t size, std::uint64_t memory) {
    head.u32(1);
    head.u32(flags);
    for (const auto value :
         {offset, kProgramAddress + offset, kProgramAddress + offset, size, memory, std::uint64_t{16}})
      head.u64(value);
  };
  segment(5, 0, pointers, pointers);
  segment(6, pointers, kProgramStart + code.size() - pointers, 4096 + kProgramStart + code.size() - pointers);
  file.resize(kProgramStart, '\0');
  return file + code;
}

inline std::vector<std::size_t> in_order(std::size_t count) {
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  return order;
}

}  // namespace upswarm::package
