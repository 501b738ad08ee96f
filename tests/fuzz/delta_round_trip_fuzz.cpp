// Two trees, the new one made from the old by writing, growing, renaming, copying, linking and changing types: the
// delta from the one to the other gives the other.
#include "protocol/package/decode/delta_reader.hpp"
#include "protocol/package/encode/package_writer.hpp"
#include "tests/fuzz/support.hpp"
#include "tests/fuzz/tree_orders.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (size < 2 || size > 4096) return 0;
  fuzz::TreeOrders orders(bytes);
  const auto old_orders = orders.number() % 16;
  fuzz::Nodes nodes;
  orders.carry_out(nodes, old_orders);
  const tests::TemporaryFolder folder;
  fuzz::write_nodes(folder, "old", nodes);
  orders.carry_out(nodes, 16);
  fuzz::write_nodes(folder, "new", nodes);
  const auto base = package::scan_tree(system_files(), folder.path() / "old");
  const auto wanted = package::scan_tree(system_files(), folder.path() / "new");
  fuzz::must(base && wanted);
  if (!package::check_tree(*base) || !package::check_tree(*wanted)) return 0;  // a link that leads out

  const auto delta = folder.path() / "d";
  const auto made = package::write_delta(system_files(), folder.path() / "old", folder.path() / "new", delta, {}, {},
                                         {.threads = 1, .memory = 9_MiB, .level = package::PackLevel::fast});
  fuzz::must(made.has_value());
  auto file = system_files().open(delta);
  fuzz::must(file.has_value());
  auto reader = package::DeltaReader::open(std::move(*file));
  fuzz::must(reader.has_value());
  const auto applied = reader->apply(system_files(), folder.path() / "old", *base, folder.path() / "to", {}, {});
  fuzz::must(applied && *applied == *wanted);
  fuzz::must(package::verify_tree(system_files(), folder.path() / "to", *wanted).has_value());
  return 0;
}
