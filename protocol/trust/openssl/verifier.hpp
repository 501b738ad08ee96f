// The signature schemes of TUF 1.0.34 (4.2) that Upswarm itself does not use, for conformance tools.
#pragma once

#include "protocol/trust/keys.hpp"

namespace upswarm::trust {

/// Ed25519 as ed25519_verifier(), and by OpenSSL, with public keys in PEM (SubjectPublicKeyInfo):
///   rsa    rsassa-pss-sha256     RFC 8017, MGF1 with SHA-256, salt of any length; 2048 to 16384 bits
///   ecdsa  ecdsa-sha2-nistp256   FIPS 186, signatures in DER; the key type may also be called as the scheme
/// Lives as long as the program.
const SignatureVerifier& conformance_verifier();

}  // namespace upswarm::trust
