// The four kinds of metadata: what is written again from what was read reads the same.
#include "protocol/trust/canonical_json.hpp"
#include "protocol/trust/metadata.hpp"
#include "tests/fuzz/support.hpp"

namespace {

using namespace upswarm;

template <typename Parse>
void check(const trust::Envelope& envelope, Parse parse) {
  const auto value = parse(envelope);
  if (!value) return;
  const auto written = trust::to_json(*value);
  const auto again = parse(trust::Envelope{.content = written, .canonical = {}, .signatures = {}});
  fuzz::must(again.has_value() && trust::to_json(*again) == written);
}

Result<trust::Targets> parse_targets(const trust::Envelope& envelope) {
  return trust::parse_targets(envelope, "targets");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto envelope = trust::parse_envelope(bytes, "fuzz", 1_MiB);
  if (!envelope) return 0;
  check(*envelope, trust::parse_root);
  check(*envelope, trust::parse_timestamp);
  check(*envelope, trust::parse_snapshot);
  check(*envelope, parse_targets);
  if (const auto targets = parse_targets(*envelope)) {
    bool is_last = false;
    for (const auto& one : trust::delegates_for(targets->delegations, "index/app/stable/linux-x64.json")) {
      fuzz::must(!is_last && !one.name.empty() && one.name.size() <= trust::kLongestRoleName);
      is_last = one.terminating;
    }
  }
  return 0;
}
