// What counts in a change: who must sign each document, who has, and whether it fits what it is built upon.
//
// Nothing here believes the change: signers follow from signed metadata, and signatures are verified by the code of the
// clients (protocol/trust).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "protocol/trust/release_index.hpp"
#include "seeder/publish/change_file.hpp"

namespace upswarm::publish {

/// What is signed and current, before a change.
struct Base {
  trust::Root root;
  trust::Targets targets;
  std::map<std::string, trust::Targets> roles = {};  ///< rel-P and pre-P, those that a change touches
  std::map<std::string, trust::Index> indexes = {};  ///< by target path, those that a change touches
  std::map<std::string, std::string> digests = {};   ///< of the signed files of the base, by role, in hexadecimal
};

/// One group of people that must sign a document.
struct Signers {
  trust::RoleKeys role;
  std::map<trust::KeyId, trust::PublicKey> keys;
  std::string who;  ///< "root", "root before this change", "rel-app"
};

/// Signatures that a document still lacks.
struct Missing {
  std::string role;  ///< of the document
  std::string who;
  int good = 0;
  int wanted = 0;
  std::vector<trust::KeyId> may_sign;  ///< keys that have not signed yet
};

/// The base that the change itself carries, verified: its root by its own keys, all else by what it signs. Who trusts
/// it compares the root's digest with one that he knows.
/// Errors: corrupt, untrusted  (reason "altered" or wrong_signature).
Result<Base> read_base(const ChangeFile& change);

/// Who must sign `document`: for a root the keys before and its own, else those that root and targets name after the
/// change.   Errors: corrupt  a document of it; untrusted (reason "delegation")  nobody delegates to its role.
Result<std::vector<Signers>> signers_of(const Base& base, const ChangeFile& change, const Document& document);

/// Documents must have the form that clients take and versions that follow on the base; each index must be the one that
/// a document signs, and parse; every signature there is must be good and of a signer.
/// Errors: corrupt, untrusted  reason "altered": a file or signature does not fit; "stale": see check_base.
Result<void> check_change(const Base& base, const ChangeFile& change);

/// What is missing until the change counts.   Errors: as signers_of.
Result<std::vector<Missing>> missing_signatures(const Base& base, const ChangeFile& change);

/// The same question answered by verify_signatures, for each group of signers: the last word before publishing.
/// Errors: untrusted  wrong_signature.
Result<void> verify_change(const Base& base, const ChangeFile& change);

/// The version inside a document.   Errors: corrupt.
Result<trust::RoleVersion> version_of(const Document& document);

}  // namespace upswarm::publish
