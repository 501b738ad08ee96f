// Index and rollout filter: what is written again from what was read reads the same, and the two decide.
#include "protocol/trust/canonical_json.hpp"
#include "protocol/trust/decision.hpp"
#include "tests/fuzz/support.hpp"

namespace {

using namespace upswarm;

void check(const trust::Index& index) {
  const auto again = trust::parse_index(trust::to_canonical(trust::to_json(index)), "again");
  fuzz::must(again.has_value() && again->entries.size() == index.entries.size());
  for (std::size_t i = 0; i < index.entries.size(); ++i)
    fuzz::must(again->entries[i].digest() == index.entries[i].digest());
  trust::MachineFacts facts;
  facts.machine_id = "fuzz";
  facts.now = Time(std::chrono::seconds(1'800'000'000));
  const auto decision = trust::decide(index, std::nullopt, facts);
  fuzz::must(decision.kind != trust::Decision::Kind::wanted || decision.entry.has_value());
  // Whatever is wanted is not below the floor, and of an epoch that its signers may use.
  if (decision.kind == trust::Decision::Kind::wanted)
    fuzz::must(decision.entry->counter >= index.floor && decision.entry->counter.epoch <= facts.epoch);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto index = trust::parse_index(bytes, "fuzz")) check(*index);
  if (const auto rollout = trust::parse_rollout(bytes, "fuzz")) {
    const auto text = trust::to_canonical(trust::to_json(*rollout));
    const auto again = trust::parse_rollout(text, "again");
    fuzz::must(again.has_value() && trust::to_canonical(trust::to_json(*again)) == text);
  }
  return 0;
}
