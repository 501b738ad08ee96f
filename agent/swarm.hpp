// Fetching packages from neighbours and the origin, and seeding them on.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "agent/effort.hpp"
#include "agent/manners/manners.hpp"
#include "protocol/base/http/http_client.hpp"
#include "protocol/trust/release_index.hpp"

namespace upswarm::agent {

/// Where verified bytes came from. Each byte has one source; waste stands apart.
struct BytesBySource {
  Bytes disk;         ///< already there (resumed, or the whole file)
  Bytes site;         ///< BitTorrent, neighbours
  Bytes other = {};   ///< BitTorrent, machines of other sites
  Bytes origin_bt;    ///< BitTorrent, the seeder
  Bytes origin_http;  ///< HTTP ranges
  Bytes wasted;       ///< failed its check, came twice, or lay between what was asked for

  Bytes verified() const { return disk + site + other + origin_bt + origin_http; }
};

struct DownloadProgress {
  Bytes done;
  Bytes total;
  BytesBySource by_source;
  std::uint64_t bytes_per_second = 0;
  int peers = 0;
  std::string trouble = {};  ///< why nothing comes, while nothing comes
};

using DownloadSink = std::function<void(const DownloadProgress&)>;

/// Part of a package whose digest follows from signed metadata.
struct SignedPart {
  FilePart place;
  Sha256 sha256;
  bool operator==(const SignedPart&) const = default;
};

/// One package to have, or some of it.
struct DownloadRequest {
  trust::PackageFile file;
  std::string torrent;    ///< the bytes of the signed FILE.torrent; its info-hash must be file.info_hash
  std::string http_path;  ///< under the seeder's URL: "targets/pkg/app/linux-x64/1.0.0/<sha256>.app-1.0.0.upk"
  std::vector<std::uint32_t> pieces = {};  ///< that are wanted, rising; empty, with no parts: the whole package
  /// That are wanted besides, rising and apart: what of them does not lie in `pieces` is asked of the origin, exactly.
  std::vector<SignedPart> parts = {};

  bool is_foreground = false;  ///< a user waits for it

  Effort effort() const { return is_foreground ? Effort::foreground : Effort::background; }
  bool is_whole() const { return pieces.empty() && parts.empty(); }
};

struct Downloaded {
  /// In the cache; a whole package and parts are verified by SHA-256, of pieces each by its SHA-1.
  std::filesystem::path path;
  BytesBySource by_source;
  BytesBySource of_parts = {};  ///< of these, what came for `parts`: no piece was filled with it
};

/// One way by which bytes can come.
struct SourceUse {
  std::string name;  ///< "neighbours", "10.0.0.4:6881", "origin, HTTP"
  bool is_used = false;
  std::string says;  ///< how it stands, and, where it is not used, what would have to change
};

/// What is known of those who have a package, or some of it.
struct SwarmView {
  int neighbours = 0;                    ///< machines in its swarm, besides this one and the origin
  std::vector<std::uint32_t> held = {};  ///< pieces that connected ones of them have, rising
  std::vector<std::uint32_t> here = {};  ///< pieces that this machine has, rising
  Bytes start_here = {};                 ///< so much of the file's start is on this machine, in pieces or not
};

struct SwarmSettings {
  std::filesystem::path cache;  ///< packages, resume data, the dirty marker
  std::string listen_address = "0.0.0.0";
  std::uint16_t listen_port = 6881;  ///< 0: any
  std::string seeder_url;            ///< for announces and HTTP ranges
  bool local_discovery = true;
  Manners manners;                                                           ///< until behave() says otherwise
  std::chrono::milliseconds http_after{std::chrono::seconds(10)};            ///< without progress, HTTP ranges join in
  std::chrono::milliseconds http_after_foreground{std::chrono::seconds(3)};  ///< the same while a user waits
  bool may_lead = true;       ///< it may fetch from the origin for its site
  Bytes keep_free = 256_MiB;  ///< disk space that is left alone
};

using SignRequest = std::function<std::vector<std::pair<std::string, std::string>>(const std::string& method,
                                                                                   const std::string& target)>;

/// One BitTorrent session with its cache. fetch may be called from one thread at a time; the rest from any.
class Swarm {
 public:
  virtual ~Swarm() = default;

  /// Fetches a package, or some pieces and parts of it, into the cache and goes on seeding what is there. Pieces
  /// fetched before a stop or a kill, or for another request of the same package, count again. Ends also when the
  /// tracker, all peers, or the BitTorrent port are gone, as long as the origin answers by HTTP. Of pieces the file has
  /// holes where nothing was fetched, and may end early. Parts come when the pieces are there, from the origin alone.
  /// Where anything has to come, `progress` hears first how things stand before that, and last how they stand after it,
  /// also after an error.
  /// Errors: no_space     for what is wanted; checked before the first byte
  ///         corrupt      the torrent is not the signed one, or the whole file's SHA-256 differs (it is deleted then);
  ///                      of parts as PartsFetch::run, which has more errors
  ///         unreachable  nobody had it for `patience`
  ///         cancelled    what came stays for the next time
  virtual Result<Downloaded> fetch(const DownloadRequest& request, std::chrono::milliseconds patience,
                                   const DownloadSink& progress, std::stop_token stop) = 0;

  /// Asks the tracker who else is in the swarm of the package, and connects to them; waits for that for at most some
  /// seconds, and not at all where nobody is. What neighbours have of request.pieces may begin to come; the origin
  /// gives nothing. Same thread as fetch.   Errors: corrupt  the torrent is not the signed one; cancelled.
  virtual Result<SwarmView> look(const DownloadRequest& request, std::stop_token stop) = 0;

  /// Seeds what the cache holds of `requests`, and forgets and deletes everything else.
  virtual Result<void> keep_only(const std::vector<DownloadRequest>& requests) = 0;

  /// How many neighbours have each of these packages whole, by the tracker's word; at most messages::kMostScraped are
  /// asked for, the first, and those that the tracker does not know are left out. One question that enters no swarm and
  /// takes at most four seconds.  Errors: of the tracker; cancelled.
  virtual Result<std::map<trust::InfoHash, int>> count_seeds(std::vector<trust::InfoHash> packages,
                                                             std::stop_token stop) = 0;

  /// What it may do from now on, also on connections that are there.
  virtual void behave(const Manners& manners) = 0;

  /// What is fetched insists at least so much, from now on, also what is under way. At first background. Any thread.
  virtual void set_effort(Effort least) = 0;

  /// The ways of what is being fetched just now; empty while nothing is. Any thread.
  virtual std::vector<SourceUse> sources() const { return {}; }

  virtual std::uint16_t listen_port() const = 0;

  /// Bytes uploaded since the start.
  virtual Bytes uploaded() const = 0;
};

/// Opens the session. A cache that was not closed cleanly is checked again, piece by piece.
/// `http` must outlive the swarm. `sign`: header fields that vouch for a request of this method and target, for a
/// seeder that gives leases to known machines alone; any thread may call it. Errors: busy  the port is in use (named);
/// disk, denied  the cache.
Result<std::unique_ptr<Swarm>> open_libtorrent_swarm(SwarmSettings settings, HttpClient& http, SignRequest sign = {});

}  // namespace upswarm::agent
