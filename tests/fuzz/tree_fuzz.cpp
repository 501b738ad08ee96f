// The binary form of a tree: whatever is taken has one form, and no name in it leads out.
#include "protocol/package/tree.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto tree = package::decode_tree(bytes, "fuzz");
  if (!tree) return 0;
  fuzz::must(package::encode_tree(*tree) == bytes);
  for (const auto& entry : tree->entries) {
    const auto way = ("/" + entry.path + "/");
    fuzz::must(way.find("/../") == std::string::npos && way.find("//") == std::string::npos);
    fuzz::must(tree->find(entry.path) == &entry);
  }
  return 0;
}
