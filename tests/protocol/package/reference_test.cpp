// Finding references, mapping places, and predicting the one from the other.
#include <map>

#include "protocol/package/decode/patch_group.hpp"
#include "protocol/package/decode/reference_coding.hpp"
#include "protocol/package/encode/encode_space.hpp"
#include "tests/protocol/package/object_fixture.hpp"
#include "tests/protocol/package/tree_fixture.hpp"

namespace upswarm::package {
namespace {

Image plain_image(std::uint32_t size, std::uint64_t address = 0x1000) { return {0, size, {{0, size, address}}}; }

std::vector<Reference> references_in(std::string bytes, const Region& region, const Image& image) {
  const auto size = bytes.size();
  bytes.resize(size + kScanSlack, '\0');
  std::vector<Reference> found;
  for_each_reference(image, region, as_bytes(bytes).first(size), region.begin,
                     [&](const Reference& one) { found.push_back(one); });
  return found;
}

TEST(ReferenceScan, FindsCallsJumpsAndOperands) {
  std::string code;
  ByteWriter out(code);
  out.u8(0xe8);
  out.u32(0x10);  // call: ends at 5, means 0x15
  out.raw("\x0f\x84");
  out.u32(0x20);  // conditional jump: ends at 11
  out.raw("\x48\x8d\x05");
  out.u32(0x30);  // lea rax, [rip + 0x30]: ends at 18
  out.raw("\x83\x3d");
  out.u32(0x40);  // cmp dword [rip + 0x40], imm8: the field ends at 24, the instruction at 25
  out.u8(7);
  const auto found = references_in(code, {0, 0x200}, plain_image(0x200));
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].target, 5U + 0x10);
  EXPECT_EQ(found[1].target, 11U + 0x20);
  EXPECT_EQ(found[2].target, 18U + 0x30);
  EXPECT_EQ(found[3].target, 25U + 0x40);
  EXPECT_EQ(found[3].trailing, 1U);
}

TEST(ReferenceScan, TakesNothingThatPointsOutside) {
  std::string code("\xe8\x00\x00\x00\x70\xe8\x00\x00\x00\x90", 10);
  EXPECT_TRUE(references_in(code, {0, 10}, plain_image(10)).empty());
}

TEST(ReferenceScan, DoesNotDependOnWhatFollows) {
  const std::string code("\x90\x90\x48\x8d", 4);
  for (const char* next : {"\x05\x01\x01\x01\x01\x01\x01\x01", "\xe8\x01\x01\x01\x01\x01\x01\x01"}) {
    const auto all = code + std::string(next, 8);
    std::size_t count = 0;
    for_each_reference(plain_image(1U << 30U), {0, 4}, as_bytes(all).first(4), 0, [&](const Reference&) { ++count; });
    EXPECT_EQ(count, 0U);
  }
}

TEST(ReferenceScan, FindsPointersAtTheirAlignment) {
  std::string data;
  ByteWriter out(data);
  out.u64(0x1010);
  out.u64(0x99);  // no address of the image
  out.u64(0x1018);
  const Region region{0, 24, RegionKind::pointers};
  const auto found = references_in(data, region, plain_image(0x100));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].at, 16U);
  EXPECT_EQ(found[1].target, 0x18U);
}

TEST(ReferenceScan, ReadsTablesFromWhereTheyBegin) {
  std::string data;
  ByteWriter out(data);
  out.u32(0x40);
  out.u32(static_cast<std::uint32_t>(-0x10));
  const Image image(0, 0x100, {{0, 0x100, 0x1000}});
  std::string bytes(0x20, '\0');
  const auto found = references_in(data, {0x20, 0x28, RegionKind::table}, image);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].target, 0x60U);
  EXPECT_EQ(found[1].target, 0x10U);
}

/// Whether what is found in all parts of `bytes`, cut anywhere, is among what is found in the whole.
void expect_parts_agree(const std::string& bytes, const Region& region, const Image& image) {
  std::map<std::size_t, SpaceOffset> whole;
  for (const auto& one : references_in(bytes, region, image)) whole[one.at] = one.target;
  for (std::size_t begin = 0; begin < bytes.size(); ++begin) {
    const auto part = bytes.substr(begin, 50);
    auto padded = part;
    padded.resize(part.size() + kScanSlack, '\1');
    std::size_t found = 0;
    for_each_reference(image, region, as_bytes(padded).first(part.size()),
                       region.begin + static_cast<SpaceOffset>(begin), [&](const Reference& one) {
                         EXPECT_EQ(whole.at(begin + one.at), one.target);
                         EXPECT_LE(one.at + one.width, part.size());
                         ++found;
                       });
    EXPECT_TRUE(found > 0 || part.size() < 50) << begin;
  }
}

TEST(ReferenceScan, ReadsRelocationsOfAnObject) {
  std::string data;
  ByteWriter out(data);
  for (const std::uint64_t type : {2U, 1U, 4U}) {
    out.u64(0x20);
    out.u64(type | std::uint64_t{type == 4 ? 9U : 5U} << 32U);
    out.u64(type == 2 ? 0x0c : 0x10);
  }
  auto image = plain_image(0x1000, 0);
  image.set_anchors({{0, 0, 0x800, 0x900}, {2, 0, 0x400, 0x500}, {3, 5, 0x300, 0x340}});
  const Region region{0x100, 0x148, RegionKind::relocations, 2};
  const auto found = references_in(data, region, image);
  ASSERT_EQ(found.size(), 8U) << "symbol 9 stands for no section: its addend is none";
  EXPECT_EQ(found[0].target, 0x420U);
  EXPECT_EQ(found[0].new_origin, 0x500U);
  EXPECT_EQ(found[1].target, 0x800U + 5 * 24);
  EXPECT_EQ(found[1].new_origin, 0x900U);
  EXPECT_EQ(found[2].target, 0x310U) << "relative to the field's end";
  EXPECT_EQ(found[2].new_origin, 0x344U);
  EXPECT_EQ(found[5].target, 0x310U);
  EXPECT_EQ(found[7].target, 0x800U + 9 * 24);
  expect_parts_agree(data, region, image);
}

TEST(ReferenceScan, ReadsSymbolsOfAnObject) {
  std::string data;
  ByteWriter out(data);
  for (const std::uint32_t section : {3U, 0U, 4U}) {
    out.u32(0x11);
    out.u32(0x12U | section << 16U);
    out.u64(0x30);
    out.u64(8);
  }
  auto image = plain_image(0x1000, 0);
  image.set_anchors({{0, 0, 0x800, 0x900}, {3, 5, 0x300, 0x340}, {7, 0, 0x600, 0x700}});
  const Region region{0x100, 0x148, RegionKind::symbols, 7};
  const auto found = references_in(data, region, image);
  ASSERT_EQ(found.size(), 4U) << "three names, one place in a section that has an anchor";
  EXPECT_EQ(found[0].target, 0x611U);
  EXPECT_EQ(found[1].target, 0x330U);
  EXPECT_EQ(found[1].new_origin, 0x340U);
  expect_parts_agree(data, region, image);
}

TEST(Executable, ReadsTheSectionsOfAnObject) {
  const auto object = make_object(random_functions(10, 1), in_order(10));
  const auto found = read_executable(as_bytes(object));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->regions.size(), 2U);
  EXPECT_EQ(found->regions[0].kind, RegionKind::relocations);
  EXPECT_EQ(found->regions[0].base, 1U);
  EXPECT_EQ(found->regions[1].kind, RegionKind::symbols);
  const auto text = std::ranges::find(found->sections, ".text", &NamedSection::name);
  ASSERT_NE(text, found->sections.end());
  EXPECT_EQ(*text, (NamedSection{".text", 1, 1, kObjectText}));
}

SpaceOffset slow_map(const std::vector<CopyOperation>& copies, SpaceOffset target) {
  const CopyOperation* best = nullptr;
  for (const auto& one : copies) {
    const bool covers = target >= one.from && target - one.from < one.length;
    if (covers && (best == nullptr || one.length > best->length)) best = &one;
  }
  return best == nullptr ? kNowhere : best->to + (target - best->from);
}

TEST(AddressMap, GivesTheLongestCopyThatCoversAPlace) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    std::mt19937 random(seed);
    std::vector<CopyOperation> copies;
    SpaceOffset to = 0;
    for (unsigned i = 0; i < 30; ++i) {
      const CopyOperation one{static_cast<SpaceOffset>(random() % 900), to,
                              static_cast<std::uint32_t>(1 + random() % 99)};
      copies.push_back(one);
      to += one.length;
    }
    const AddressMap map(copies, {}, 1000);
    for (SpaceOffset target = 0; target < 1000; ++target) {
      const auto wanted = slow_map(copies, target);
      if (wanted != kNowhere) {
        // Of several equally long copies any will do, as long as it is always the same.
        bool is_one = false;
        for (const auto& one : copies)
          is_one |=
              target >= one.from && target - one.from < one.length && map.map(target) == one.to + (target - one.from);
        EXPECT_TRUE(is_one) << seed << " " << target;
        EXPECT_EQ(slow_map({copies.begin(), copies.end()}, target) - wanted, 0U);
      }
    }
  }
}

TEST(AddressMap, WhatNothingCoversMovesAsWhatIsBeforeIt) {
  const AddressMap map({{10, 100, 5}}, {}, 50);
  EXPECT_EQ(map.map(5), kNowhere);
  EXPECT_EQ(map.map(12), 102U);
  EXPECT_EQ(map.map(40), 130U);
}

TEST(AddressMap, CorrectionsGoFirst) {
  AddressMap map({{0, 100, 50}}, {}, 50);
  map.learn(7, 3);
  EXPECT_EQ(map.map(7), 3U);
  EXPECT_EQ(map.map(8), 108U);
  EXPECT_EQ(map.map(7, {0, 200, 50}), 207U) << "what moves together stays together";
}

TEST(AddressMap, HintsTellOfPlacesWithoutBytes) {
  const AddressMap map({{0, 0, 100}}, {{100, 300, 50}}, 150);
  EXPECT_EQ(map.map(120), 320U);
}

TEST(Executable, ReadsSegmentsMemoryAndCode) {
  const auto program = link_program(random_functions(10, 1), in_order(10));
  const auto found = read_executable(as_bytes(program));
  ASSERT_TRUE(found);
  ASSERT_EQ(found->segments.size(), 2U);
  EXPECT_EQ(found->segments[0].address, kProgramAddress);
  ASSERT_EQ(found->memory.size(), 1U);
  EXPECT_EQ(found->memory[0].size, 4096U);
  EXPECT_FALSE(found->regions.empty());
}

void expect_all_taken(const std::string& program) {
  for (std::size_t length = 0; length < program.size(); length += 7)
    static_cast<void>(read_executable(as_bytes(program).first(length)));
  for (std::size_t at = 0; at < program.size(); at = at < 200 || at + 520 > program.size() ? at + 1 : at + 97) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      auto bytes = program;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      const auto found = read_executable(as_bytes(bytes));
      if (!found) continue;
      for (const auto& one : found->segments) EXPECT_LE(std::uint64_t{one.offset} + one.size, bytes.size());
      for (const auto& one : found->regions) EXPECT_LE(one.end, bytes.size());
    }
  }
}

TEST(Executable, EveryCutAndFlippedByteIsTaken) {
  expect_all_taken(link_program(random_functions(4, 1), in_order(4)));
  expect_all_taken(make_object(random_functions(4, 1), in_order(4)));
}

TEST(EncodeSpace, NamesNoMoreThanAGroupMay) {
  auto program = link_program(random_functions(2, 1), in_order(2));
  // .bss of 3 GiB: the size in memory of the second segment.
  std::string size;
  ByteWriter(size).u64(3ULL << 30U);
  program.replace(64 + 56 + 40, 8, size);
  EncodeSpace space;
  for (int i = 0; i < 3; ++i) space.add("p" + std::to_string(i), as_bytes(program), true);
  space.finish();
  ASSERT_EQ(space.images().size(), 3U);
  std::size_t memory = 0;
  for (const auto& image : space.images()) {
    for (const auto& one : image.segments()) {
      EXPECT_LE(std::uint64_t{one.offset} + one.size, kLargestSpace.count);
      memory += one.offset >= space.size() ? 1 : 0;
    }
  }
  EXPECT_EQ(memory, 1U) << "only one of them has room";
}

TEST(Executable, OurOwnProgramHasCodeAndUnwinding) {
  std::error_code none;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", none);
  if (none) GTEST_SKIP() << "no /proc here";
  const auto bytes = read_file(system_files(), program, 4_GiB);
  ASSERT_TRUE(bytes);
  const auto found = read_executable(as_bytes(*bytes));
  ASSERT_TRUE(found);
  std::map<RegionKind, int> kinds;
  for (const auto& one : found->regions) ++kinds[one.kind];
  EXPECT_GT(kinds[RegionKind::x86_64_code], 0);
  EXPECT_EQ(kinds[RegionKind::unwinding], 1);
  EXPECT_EQ(kinds[RegionKind::offsets], 1);
  EXPECT_GT(kinds[RegionKind::pointers], 3);
}

}  // namespace
}  // namespace upswarm::package
