// The conversation between agent and installer, over a local socket (protocol/base/local_socket.hpp).
//
// The agent asks, the installer answers; one JSON object a frame, one answer a question, one question at a time:
//
//   agent                                            installer
//     {"ask": "hello", "repair": true}          ->   "repair": it knows what ProductState.repair is
//                                               <-   {"root_version", "products": [ProductState ...]}
//     {"ask": "offer_metadata",                 ->   runs the whole client workflow over the files offered,
//      "files": {name: base64 ...}}                  with its own root, store, clock and configuration
//                                               <-   {"decisions": [ProductDecision ...]}
//     {"ask": "present", "product",             ->   reads every byte of those trees: it may take minutes
//      "contents": [digest ...]}                     of the wanted release and of what is installed, no others
//                                               <-   Presence
//     {"ask": "missing", "product", "frames"}   ->   (the frame carries a file that holds at least the index of the
//     full
//                                                    package that it wants) looks what of it the trees on disk give:
//                                                    reads every byte of them. With "frames": true it says frames
//                                                    and digests, too, where they are no more than kMostMissingFrames
//                                               <-   MissingParts
//     {"ask": "offer_package", "product",       ->   (the frame carries the open file)
//      "sha256", "more": true}                       must be the full package or a delta of the entry it wants, or,
//                                                    of a chain, a delta of the signed index that starts where the
//                                                    one offered before it ends. All but the last carry "more"; one
//                                                    that starts from what is installed begins a chain anew
//                                               <-   {"accepted": true}     the work goes on by itself
//     {"ask": "offer_package", "product",       ->   the full package, of which only parts may be there: the rest comes
//      "sha256", "sparse": true}                     from the trees on disk. Which, the installer finds out anew
//                                               <-   {"accepted": true}
//     {"ask": "install_kept", "product"}        ->   the wanted release is still on disk: it is verified again
//                                               <-   {"accepted": true}
//     {"ask": "damaged", "product", "frames"}   ->   as "missing", of the full package of what is installed; only where
//                                                    ProductState.repair asks for it. No metadata is needed
//                                               <-   MissingParts
//     {"ask": "offer_repair", "product",        ->   what is missing of that package. All is verified and made beside
//      "sha256"}                                     before a service is stopped; the outcome is of kind "repair"
//                                               <-   {"accepted": true}
//     {"ask": "progress"}                       ->
//                                               <-   {"products": [ProductProgress ...]}
//     {"ask": "outcomes", "all": true}          ->   those not acknowledged; with "all" the newest 1000 of all
//                                               <-   {"outcomes": [Outcome ...]}
//     {"ask": "forget_outcomes", "up_to": n}    ->
//                                               <-   {}
//   upswarm (an administrator; for confirm: the product)
//     {"ask": "rollback", "product", "version"} ->
//                                               <-   {"accepted": true}
//     {"ask": "clear_bad", "product"}           ->
//                                               <-   {"cleared": n}
//     {"ask": "verify", "product"}              ->   reads every byte of what is installed, and changes nothing
//                                               <-   Verification (verification.hpp)
//     {"ask": "repair", "product"}              ->   the same; what is damaged is repaired then, as soon as the agent
//                                                    brings what is missing, or at once where nothing is
//                                               <-   Verification
//     {"ask": "confirm", "product", "token"}    ->
//                                               <-   {}
//
// A question of an administrator ends what only reads (busy, reason "administrator_first": ask again), and his
// rollback is the next work: one that the agent began is done first, one that was not begun is dropped.
//
// Keys of an answer that a program does not know it leaves alone: programs of two versions talk to each other.
// Any question may be answered by {"error": {"kind", "context", "cause", "reason"}} (protocol/base/program.hpp).
// Who may ask what is decided by the identity that the kernel gives: hello, present, offers, progress and outcomes by
// the agent's account or root; rollback, clear_bad, verify and repair by root; confirm by the account that the signed
// entry names. The installer never believes a name: what a file is follows from its signed digest; of one that is not
// whole, what its frames are from the signed digest of the index.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/clock.hpp"
#include "protocol/base/json.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::messages {

inline constexpr std::size_t kMostOfferedFiles = 200;
inline constexpr std::size_t kMostProducts = 64;
/// Each delta of a chain writes a whole tree. Where each release has deltas from the 10 before it, 4 reach back 40.
inline constexpr std::size_t kLongestChain = 4;
inline constexpr std::size_t kMostPresent = 16;       ///< contents of one question
inline constexpr std::size_t kMostQuarantined = 200;  ///< of one product; the oldest is dropped

/// A package whose result was not what was signed. The same bytes are not tried on the same base again.
struct Quarantined {
  Sha256 package = {};
  std::optional<Sha256> base = {};  ///< content that it was applied to; nothing: a full package
  std::string version = {};         ///< that it was to rebuild
  std::string reason = {};
  Time at = {};
};

/// What the installer has of one product of its configuration.
struct ProductState {
  std::string product;
  std::string channel;
  std::string platform;
  std::optional<std::string> version;  ///< what `current` names; nothing: not installed
  std::optional<Sha256> content;       ///< its content digest
  std::optional<Sha256> before = {};   ///< that of the release that a rollback goes to
  trust::ReleaseCounter counter;       ///< of what is installed; {1, 0} when nothing is
  bool prerelease = false;             ///< it follows nightly builds, too
  bool busy = false;                   ///< an installation or a probation is under way
  std::vector<Quarantined> quarantine = {};
  std::optional<trust::Entry> repair = {};  ///< what is installed, where it is damaged and parts of it are wanted
  std::string damage = {};      ///< what of it is damaged, and what becomes of that; empty: nothing is known
  bool is_best_effort = false;  ///< another installer's: so much is a way back
};

struct Hello {
  std::int64_t root_version = 0;  ///< 0: no root of trust was placed yet
  std::string machine_id;
  std::vector<ProductState> products;
};

/// Which trees are whole on disk. One in neither list is not there.
struct Presence {
  struct Damaged {
    Sha256 content;
    std::string why;
  };
  std::vector<Sha256> present;
  std::vector<Damaged> damaged;
};

inline constexpr std::size_t kMostMissingParts = 20'000;
inline constexpr std::size_t kMostMissingFrames = 20'000;

/// A run of bytes of a package that the signed index gives a digest of.
struct MissingFrame {
  FilePart place;
  Sha256 sha256 = {};
  bool operator==(const MissingFrame&) const = default;
};

/// What of a full package the trees on disk do not give.
struct MissingParts {
  std::vector<FilePart> parts;            ///< of the package, rising, apart; without its index
  Bytes needed;                           ///< of what lies in them; the rest of them lies between
  Bytes from_disk;                        ///< content (not compressed) that is there
  std::vector<MissingFrame> frames = {};  ///< the same, exactly; empty: not asked for, or too many
};

struct ProductDecision {
  enum class Kind { current, wanted, held };
  std::string product;
  Kind kind = Kind::held;
  std::optional<trust::Entry> entry;  ///< for `wanted`
  std::string reason;
};

struct ProductProgress {
  std::string product;
  std::string version;  ///< being installed
  std::string phase;    ///< "verifying", "staging", ...; "reading": for an answer, and no outcome comes of it
  Bytes done;
  Bytes total;
};

/// How one installation, rollback or recovery ended.
struct Outcome {
  std::int64_t number = 0;  ///< rising
  std::string product = {};
  std::string from = {};     ///< version; empty: nothing was installed
  std::string to = {};       ///< version that was tried
  std::string running = {};  ///< version that `current` names now
  std::string kind = {};     ///< "nothing" (it was on disk), "delta", "chain", "sparse", "full", "rollback", "repair"
  std::string result = {};   ///< "completed", "rolled_back", "failed"
  std::string reason = {};   ///< empty when completed; of a repair what was damaged
  Time at = {};
  std::int64_t milliseconds = 0;
  /// That are new, other or gone since `from`; nothing: not known, or nothing was switched.
  std::optional<std::int64_t> files = {};
};

Json to_json(const Hello& hello);
Json to_json(const Quarantined& one);
Json to_json(const Presence& presence);
Json to_json(const MissingParts& missing);
Json to_json(const ProductDecision& decision);
Json to_json(const ProductProgress& progress);
Json to_json(const Outcome& outcome);

// Errors of all: corrupt.
Result<Hello> parse_hello(const Json& value);
Result<Quarantined> read_quarantined(ObjectReader& in);
Result<Presence> parse_presence(const Json& value);
Result<MissingParts> parse_missing(const Json& value);
Result<std::vector<ProductDecision>> parse_decisions(const Json& value);
Result<std::vector<ProductProgress>> parse_progress(const Json& value);
Result<std::vector<Outcome>> parse_outcomes(const Json& value);

/// The files of a metadata offer.   Errors: corrupt  too many, too long, or not base64.
Result<std::map<std::string, std::string>> parse_offer(const Json& question);
Json make_offer(const std::map<std::string, std::string>& files);

}  // namespace upswarm::messages
