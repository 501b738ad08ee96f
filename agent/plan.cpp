#include "agent/plan.hpp"

namespace upswarm::agent {

std::optional<Plan> plan_package(const trust::Entry& entry, const std::optional<Sha256>& installed,
                                 const std::set<Sha256>& bad) {
  const trust::DeltaFile* best = nullptr;
  for (const auto& delta : entry.deltas) {
    if (installed != delta.from_content || bad.contains(delta.file.sha256)) continue;
    if (delta.file.length >= entry.full.length) continue;
    if (best == nullptr || delta.file.length < best->file.length) best = &delta;
  }
  if (best != nullptr) return Plan{best->file, true, best->from_version};
  if (bad.contains(entry.full.sha256)) return std::nullopt;
  return Plan{entry.full, false, ""};
}

}  // namespace upswarm::agent
