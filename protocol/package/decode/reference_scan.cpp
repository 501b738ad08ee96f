#include "protocol/package/decode/reference_scan.hpp"

namespace upswarm::package {
namespace {

constexpr unsigned kModRmMask = 0xc7;
constexpr unsigned kRipRelative = 0x05;  // mod 00, r/m 101 (Intel SDM volume 2, table 2-2)

constexpr bool is_rip_relative(std::byte modrm) {
  return (std::to_integer<unsigned>(modrm) & kModRmMask) == kRipRelative;
}

/// One-byte opcodes with a ModRM byte whose operand is commonly relative to the instruction pointer.
constexpr std::array<bool, 256> with_modrm() {
  std::array<bool, 256> table{};
  for (unsigned row = 0; row < 0x40; row += 8)
    for (unsigned i = 0; i < 4; ++i) table[row + i] = true;  // add, or, adc, sbb, and, sub, xor, cmp
  for (const unsigned one :
       {0x63U, 0x69U, 0x6bU, 0x80U, 0x81U, 0x83U, 0x84U, 0x85U, 0x86U, 0x87U, 0x88U, 0x89U, 0x8aU, 0x8bU, 0x8dU, 0xc0U,
        0xc1U, 0xc6U, 0xc7U, 0xd8U, 0xd9U, 0xdaU, 0xdbU, 0xdcU, 0xddU, 0xdeU, 0xdfU, 0xf6U, 0xf7U, 0xfeU, 0xffU})
    table[one] = true;
  return table;
}

constexpr auto kWithModRm = with_modrm();

constexpr std::array<bool, 256> may_have_field() {
  auto table = with_modrm();
  for (const unsigned one : {0x0fU, 0x62U, 0xc4U, 0xc5U, 0xe8U, 0xe9U}) table[one] = true;
  return table;
}

constexpr std::uint8_t immediate_of(unsigned opcode, unsigned modrm) {
  switch (opcode) {
    case 0x69:
    case 0x81:
    case 0xc7: return 4;
    case 0x6b:
    case 0x80:
    case 0x83:
    case 0xc0:
    case 0xc1:
    case 0xc6: return 1;
    case 0xf6: return (modrm & 0x38U) < 0x10 ? 1 : 0;
    case 0xf7: return (modrm & 0x38U) < 0x10 ? 4 : 0;
    default: return 0;
  }
}

constexpr std::uint8_t immediate_of_two_bytes(unsigned opcode) {
  switch (opcode) {
    case 0x70:
    case 0x71:
    case 0x72:
    case 0x73:
    case 0xa4:
    case 0xac:
    case 0xba:
    case 0xc2:
    case 0xc4:
    case 0xc5:
    case 0xc6: return 1;
    default: return 0;
  }
}

CodeField two_bytes(const std::byte* bytes) {
  const auto second = std::to_integer<unsigned>(bytes[1]);
  if (second >= 0x80 && second <= 0x8f) return {2, 0};  // conditional jumps
  if (second == 0x38) return is_rip_relative(bytes[3]) ? CodeField{4, 0} : CodeField{};
  if (second == 0x3a) return is_rip_relative(bytes[3]) ? CodeField{4, 1} : CodeField{};
  return is_rip_relative(bytes[2]) ? CodeField{3, immediate_of_two_bytes(second)} : CodeField{};
}

}  // namespace

const std::array<bool, 256> kMayHaveField = may_have_field();

CodeField code_field(const std::byte* bytes) {
  const auto first = std::to_integer<unsigned>(bytes[0]);
  switch (first) {
    case 0xe8:
    case 0xe9: return {1, 0};
    case 0x0f: return two_bytes(bytes);
    case 0xc5:  // VEX of two bytes: prefix, opcode, ModRM
      if (!is_rip_relative(bytes[3])) return {};
      return {4, immediate_of_two_bytes(std::to_integer<unsigned>(bytes[2]))};
    case 0xc4:  // VEX of three bytes; map 3 has an immediate
      if (!is_rip_relative(bytes[4])) return {};
      return {5, static_cast<std::uint8_t>((std::to_integer<unsigned>(bytes[1]) & 0x1fU) == 3 ? 1 : 0)};
    case 0x62:  // EVEX
      return is_rip_relative(bytes[5]) ? CodeField{6, 0} : CodeField{};
    default: break;
  }
  if (!kWithModRm[first] || !is_rip_relative(bytes[1])) return {};
  return {2, immediate_of(first, std::to_integer<unsigned>(bytes[1]))};
}

const Anchor* relocation_anchor(const Image& image, const Anchor* own, const RecordField& field, const std::byte* bytes,
                                Reference& to) {
  constexpr std::uint64_t kPc32 = 2;  // R_X86_64_PC32 and PLT32 count from the field's end
  constexpr std::uint64_t kPlt32 = 4;
  if (field.at == 0) return own;  // r_offset
  if (field.at == 12) {           // the symbol of r_info
    to.scale = kObjectRecord;
    return image.anchor_of_section(0);
  }
  const auto type = load32(bytes - 8);
  to.trailing = type == kPc32 || type == kPlt32 ? 4 : 0;
  return image.anchor_of_symbol(load32(bytes - 4));  // r_addend
}

const Anchor* symbol_anchor(const Image& image, const Anchor* own, const RecordField& field, const std::byte* bytes,
                            Reference& /*to*/) {
  if (field.at == 0) return load32(bytes) == 0 ? nullptr : own;  // st_name
  const auto section = load32(bytes - 4) >> 16U;                 // st_value, in st_shndx
  return section == 0 ? nullptr : image.anchor_of_section(section);
}

void store_field(std::size_t width, std::byte* to, std::uint64_t value) {
  for (std::size_t i = 0; i < width; ++i) to[i] = static_cast<std::byte>(value >> (8 * i) & 0xffU);
}

}  // namespace upswarm::package
