// The service: everything together.
#pragma once

#include <stop_token>

#include "seeder/config.hpp"
#include "seeder/incoming.hpp"

namespace upswarm::seeder {

/// Serves until `stop`.
/// Errors: busy  another seeder holds the folder, or a port is in use (named); invalid  certificate; denied, disk, ...
Result<void> run_seeder(const SeederConfig& config, const std::stop_token& stop);

/// What sign_once did.
struct SignedOnce {
  int taken = 0;
  int refused = 0;  ///< they lie in rejected/
  int waiting = 0;  ///< could not be judged now, told in the log
  bool is_signed = false;
};

/// Takes in what lies in incoming/ and signs all online roles, without serving anything: by hand, so that the clock is
/// trusted however long ago the last signature was.
/// Errors: busy  a seeder holds the folder: it does this itself; as Incoming::sign.
Result<SignedOnce> sign_once(const SeederConfig& config);

/// The first half of it: takes in what lies in incoming/.   Errors: as sign_once.
Result<IncomingCount> take_in_incoming(const SeederConfig& config);

}  // namespace upswarm::seeder
