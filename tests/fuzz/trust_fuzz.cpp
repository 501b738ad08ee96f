// What a seeder serves as metadata, index and rollout: what is written again from what was read reads the same.
#include "protocol/trust/canonical_json.hpp"
#include "protocol/trust/metadata.hpp"
#include "protocol/trust/release_index.hpp"
#include "tests/fuzz/support.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswarm;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto envelope = trust::parse_envelope(bytes, "fuzz", 1_MiB)) {
    static_cast<void>(trust::parse_root(*envelope));
    static_cast<void>(trust::parse_timestamp(*envelope));
    static_cast<void>(trust::parse_snapshot(*envelope));
    static_cast<void>(trust::parse_targets(*envelope, "targets"));
  }
  if (const auto index = trust::parse_index(bytes, "fuzz")) {
    const auto again = trust::parse_index(trust::to_canonical(trust::to_json(*index)), "again");
    fuzz::must(again.has_value() && again->entries.size() == index->entries.size());
    for (std::size_t i = 0; i < index->entries.size(); ++i)
      fuzz::must(again->entries[i].digest() == index->entries[i].digest());
  }
  if (const auto rollout = trust::parse_rollout(bytes, "fuzz")) {
    const auto text = trust::to_canonical(trust::to_json(*rollout));
    const auto again = trust::parse_rollout(text, "again");
    fuzz::must(again.has_value() && trust::to_canonical(trust::to_json(*again)) == text);
  }
  return 0;
}
