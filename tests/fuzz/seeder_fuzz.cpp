// What comes to a seeder from outside: announces, ranges, names, bundles, torrents, reports, enrolments, signatures.
#include "protocol/messages/enrolment.hpp"
#include "protocol/messages/machine_request.hpp"
#include "seeder/bundle.hpp"
#include "seeder/byte_range.hpp"
#include "seeder/names.hpp"
#include "seeder/offered_bundle.hpp"
#include "seeder/reports.hpp"
#include "seeder/torrent_file.hpp"
#include "seeder/tracker.hpp"
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

}  // namespace

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
