// Who vouches for a request.
#pragma once

#include <string>

#include "seeder/http_handler.hpp"
#include "seeder/machines.hpp"

namespace upswarm::seeder {

struct Voucher {
  enum class Kind {
    nobody,           ///< the request is not signed
    unknown_machine,  ///< signed in the name of a machine that has no key here
    revoked_machine,  ///< its key signed, and was revoked
    machine,          ///< its key signed
  };
  Kind kind = Kind::nobody;
  std::string machine;     ///< empty for nobody
  std::string public_key;  ///< of `machine` and `revoked_machine`
  Time signed_at;          ///< by the machine's clock; see messages::is_fresh

  bool is_trusted() const { return kind == Kind::machine; }
  /// "", "unsigned", "unknown_machine", "revoked_machine"
  std::string reason() const;
};

/// Errors: denied  (reason "signature") the fields of the signature are not whole, or it is not that of the key that
///                 the machine has; as the database.
Result<Voucher> find_voucher(const HttpCall& call, Machines& machines);

/// Whether the sender of an enrolment has the key that it names.   Errors: denied  (reason "signature") he has not.
Result<void> check_possession(const HttpCall& call, const messages::Enrolment& wish);

}  // namespace upswarm::seeder
