// The last plan of each product, kept for whoever asks why.
#pragma once

#include "agent/plan.hpp"
#include "agent/state_store.hpp"
#include "protocol/messages/plan_messages.hpp"

namespace upswarm::agent {

messages::PlanStatus describe(const Plan& plan, const PlanFacts& facts, Time now);

// Errors of both: of the store.
Result<void> keep_plan(StateStore& store, const std::string& product, const messages::PlanStatus& plan);
/// Nothing where none was made yet, or an older agent wrote it in another form.
Result<std::optional<messages::PlanStatus>> load_plan(StateStore& store, const std::string& product);

}  // namespace upswarm::agent
