#include "installer/linking.hpp"

namespace upswarm::installer {
namespace {

bool could_write(const std::optional<trust::Command>& command) {
  return command && (command->run_as.empty() || is_root_account(command->run_as));
}

bool could_write(const trust::Entry& entry) {
  const auto& hooks = entry.hooks;
  const bool does_health = entry.health.kind == trust::HealthCheck::Kind::command && could_write(entry.health.command);
  return does_health || could_write(hooks.before) || could_write(hooks.after) || could_write(hooks.rollback);
}

}  // namespace

bool may_link(const ProductConfig& product, const trust::Entry& from, const trust::Entry& to) {
  return product.hard_links && to.layout == trust::kVersionedLayout && !could_write(from) && !could_write(to);
}

}  // namespace upswarm::installer
