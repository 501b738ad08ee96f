// The words of upswarm-seeder's command line about machines: what they enrol with, who they are, what they told. They
// work while the seeder runs, which obeys at once. Each prints its answer and returns the exit code.
#pragma once

#include <chrono>
#include <string>

#include "seeder/config.hpp"

namespace upswarm::seeder {

inline constexpr std::int64_t kMostShownReports = 10'000;

/// {"name", "uses", "expires", "token"}: the only time that the token is shown.
Result<int> command_make_token(const SeederConfig& config, const std::string& name, std::int64_t uses,
                               std::chrono::milliseconds valid, bool json);
/// {"tokens": [{"name", "uses", "used", "created", "expires", "revoked"}]}
Result<int> command_list_tokens(const SeederConfig& config, bool json);
/// {"revoked": NAME}
Result<int> command_revoke_token(const SeederConfig& config, const std::string& name, bool json);

/// {"machines": [{"machine", "public_key", "token", "enrolled", "revoked"}]}
Result<int> command_list_machines(const SeederConfig& config, bool json);
/// One machine, or all that a token enrolled: {"revoked": HOW MANY}; nothing_to_do when there is none of the latter.
Result<int> command_revoke_machines(const SeederConfig& config, const std::string& machine,
                                    const std::string& enrolled_by, bool json);
/// {"forgotten": ID}
Result<int> command_forget_machine(const SeederConfig& config, const std::string& machine, bool json);

/// {"reports": [REPORT with "trusted" and "received"]}, newest first; `product` empty: of all.
Result<int> command_reports(const SeederConfig& config, const std::string& product, std::int64_t limit, bool json);
/// {"product", "outcomes": [{"version", "result", "machines"}]}: trusted reports alone. `version` empty: of all.
Result<int> command_outcomes(const SeederConfig& config, const std::string& product, const std::string& version,
                             bool json);

}  // namespace upswarm::seeder
