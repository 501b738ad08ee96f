// What the words of upswarm-seeder's command line do, apart from serving. Each prints its answer and returns the exit
// code; errors are for the caller to print.
#pragma once

#include <string>
#include <vector>

#include "protocol/base/database.hpp"
#include "protocol/base/program.hpp"
#include "seeder/config.hpp"
#include "seeder/rollout_change.hpp"

namespace upswarm::seeder {

/// Prints an answer, as JSON or as text.
int print_answer(const Json& answer, const std::string& text, bool json, ExitCode code = ExitCode::done);

/// The database of the seeder's folder, also while the seeder runs.
Result<Database> open_records(const SeederConfig& config);

/// {"taken", "refused", "waiting", "signed"}; nothing_to_do when the repository is empty, untrusted when one was
/// refused.
Result<int> command_sign_once(const SeederConfig& config, bool json);

/// {"name", "scopes", "key"}: the only time that the key is shown.
Result<int> command_new_key(const SeederConfig& config, const std::string& name, const std::vector<std::string>& scopes,
                            bool json);
/// {"keys": [{"name", "scopes", "created", "revoked"}]}
Result<int> command_list_keys(const SeederConfig& config, bool json);
/// {"revoked": NAME}
Result<int> command_revoke_key(const SeederConfig& config, const std::string& name, bool json);

/// Drops the change into incoming/ and waits until the seeder took it in; where none runs, takes it in itself.
/// {"changed": true | false}; nothing_to_do when all is so already.
/// Errors: not_found; untrusted  refused, with the seeder's reason; busy  the seeder did not get to it in a minute.
Result<int> command_rollout(const SeederConfig& config, const RolloutChange& change, bool json);

/// status.hpp, and whether a seeder runs: "running".
Result<int> command_status(const SeederConfig& config, bool json);

}  // namespace upswarm::seeder
