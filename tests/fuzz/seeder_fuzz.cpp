// What comes to a seeder from outside: announces, ranges, names, bundles, torrents, reports.
#include "seeder/bundle.hpp"
#include "seeder/byte_range.hpp"
#include "seeder/names.hpp"
#include "seeder/offered_bundle.hpp"
#include "seeder/reports.hpp"
#include "seeder/torrent_file.hpp"
#include "seeder/tracker.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto announce = seeder::parse_announce(text))
    fuzz::must(announce->info_hash.size() == 20 && announce->peer_id.size() == 20 && announce->left >= 0);
  const auto range = seeder::parse_range(text, 1000_B);
  fuzz::must(range.first.count <= 1000 && range.length.count <= 1000 - range.first.count);
  if (const auto path = seeder::parse_relative_path(text)) {
    fuzz::must(path->is_relative());
    for (const auto& part : *path) fuzz::must(part != ".." && part != ".");
  }
  static_cast<void>(seeder::parse_versioned_name(text));
  static_cast<void>(seeder::parse_bundle_path(text));
  static_cast<void>(seeder::read_report(text));
  static_cast<void>(seeder::read_torrent(text, "fuzz"));
  if (const auto bundle = seeder::parse_bundle(text, "fuzz")) {
    const auto again = seeder::parse_bundle(seeder::write_bundle(*bundle), "again");
    fuzz::must(again.has_value() && again->rollouts.size() == bundle->rollouts.size());
  }
  return 0;
}
