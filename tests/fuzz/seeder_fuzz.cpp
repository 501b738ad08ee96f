// What comes to a seeder from outside: announces, networks, leases, ranges, names, bundles, torrents, reports,
// enrolments, signatures.
#include "protocol/messages/announce.hpp"
#include "protocol/messages/enrolment.hpp"
#include "protocol/messages/machine_request.hpp"
#include "seeder/announce.hpp"
#include "seeder/bundle.hpp"
#include "seeder/byte_range.hpp"
#include "seeder/lease_token.hpp"
#include "seeder/names.hpp"
#include "seeder/offered_bundle.hpp"
#include "seeder/reports.hpp"
#include "seeder/sites.hpp"
#include "seeder/torrent_file.hpp"
#include "tests/fuzz/support.hpp"

namespace {

/// Three lines as the fields of a signature. What is read says the same when it is written again.
void read_signature(std::string_view text) {
  using namespace upswarm;
  const auto take_line = [&] {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
  };
  messages::MachineFields fields;
  fields.machine = take_line();
  fields.time = take_line();
  fields.signature = take_line();
  const auto claim = messages::read_claim(fields);
  if (!claim || !*claim) return;
  fuzz::must((*claim)->machine == fields.machine && to_string((*claim)->time) == fields.time);
  static const auto key = trust::SigningKey::generate();
  fuzz::must(!(*claim)->is_signed_by(key.public_key(), "POST", "/v1/reports", text));
}

/// A network, or an interface as a machine announces it: where it is, seen by that address or by another.
void read_place(std::string_view text) {
  using namespace upswarm;
  const auto network = seeder::parse_network(text);
  if (network) {
    const auto again = seeder::parse_network(network->text());
    fuzz::must(network->text().size() <= 60 && again.has_value() && *again == *network);
  }
  const auto interface = seeder::parse_interface(text);
  if (!interface) return;
  fuzz::must(interface->prefix <= seeder::bits_of(interface->address));
  fuzz::must(seeder::network_of(interface->address, interface->prefix).contains(interface->address));
  static const seeder::SiteMap sites({{"named", {*seeder::parse_network("10.1.0.0/16")}, {}}});
  for (const auto& remote : {interface->address, boost::asio::ip::make_address("10.1.2.3")}) {
    const auto place = sites.place_of(remote, *interface);
    fuzz::must(!place.site.empty() && place.site.size() <= messages::kLongestSiteName);
    const auto ranges = sites.ranges_of(place);
    fuzz::must(!ranges.empty() && ranges.size() <= messages::kMostRanges);
    fuzz::must(place.is_behind() ? seeder::is_private(place.address) : place.address == place.seen);
    fuzz::must(seeder::may_meet(place, ranges, place));
  }
}

/// A token of another key is none; one of the key is read as it was written.
void read_lease(std::string_view text) {
  using namespace upswarm;
  static const seeder::LeaseKey key(ByteBuffer(seeder::LeaseKey::kLength, std::byte{7}));
  if (const auto token = key.read(text)) fuzz::must(key.write(*token) == text);
  auto resealed = std::string(text);
  resealed.resize(seeder::kLeaseTokenLength);
  const seeder::LeaseToken token{1, Time(std::chrono::seconds(2)), resealed.substr(0, 20), {}, {}};
  fuzz::must(key.read(key.write(token)) == token);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto announce = seeder::parse_announce(text))
    fuzz::must(announce->info_hash.size() == 20 && announce->peer_id.size() == 20 && announce->left >= 0);
  if (const auto scrape = seeder::parse_scrape(text))
    fuzz::must(!scrape->info_hashes.empty() && scrape->info_hashes.size() <= messages::kMostScraped);
  read_place(text);
  read_lease(text);
  const auto range = seeder::parse_range(text, 1000_B);
  fuzz::must(range.first.count <= 1000 && range.length.count <= 1000 - range.first.count);
  if (const auto path = seeder::parse_relative_path(text)) {
    fuzz::must(path->is_relative());
    for (const auto& part : *path) fuzz::must(part != ".." && part != ".");
  }
  static_cast<void>(seeder::parse_versioned_name(text));
  static_cast<void>(seeder::parse_bundle_path(text));
  static_cast<void>(seeder::read_report(text));
  read_signature(text);
  if (const auto enrolment = messages::read_enrolment(text)) {
    const auto again = messages::read_enrolment(to_text(messages::to_json(*enrolment)));
    fuzz::must(again.has_value() && again->machine == enrolment->machine && again->token == enrolment->token &&
               again->public_key == enrolment->public_key);
  }
  static_cast<void>(seeder::read_torrent(text, "fuzz"));
  if (const auto bundle = seeder::parse_bundle(text, "fuzz")) {
    const auto again = seeder::parse_bundle(seeder::write_bundle(*bundle), "again");
    fuzz::must(again.has_value() && again->rollouts.size() == bundle->rollouts.size());
  }
  return 0;
}
