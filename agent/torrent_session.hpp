// One BitTorrent session: torrents of one file each, told apart by info-hash. What the swarm asks of a BitTorrent
// library.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/byte_book.hpp"
#include "agent/doorkeeper.hpp"
#include "agent/effort.hpp"
#include "agent/endpoint.hpp"
#include "agent/network.hpp"
#include "agent/swarm.hpp"

namespace upswarm::agent {

struct TorrentState {
  bool is_checked = false;   ///< what was on disk is known
  bool is_complete = false;  ///< every wanted piece passed its SHA-1
  BytesBySource bytes;
  Bytes missing;                   ///< in wanted pieces not yet verified
  Bytes wanted;                    ///< in all wanted pieces
  Bytes left;                      ///< of the whole file, not yet verified
  Bytes from_peers;                ///< the most that was there, verified or not; never falls
  std::uint32_t failed_given = 0;  ///< pieces of give_piece that failed their check
  std::uint32_t failed_mixed = 0;  ///< the same, but with blocks of peers in them
  Bytes uploaded;                  ///< to peers, since it was added
  int peers = 0;
  std::uint64_t bytes_per_second = 0;  ///< from peers
  bool leads = false;                  ///< it has a lease
  bool has_origin = false;             ///< the origin lets it have pieces
  Bytes start;                         ///< so much of the file's start is in pieces that passed their SHA-1
  std::optional<Error> fault;          ///< no_space or disk: stopped until clear_fault()
};

/// A connected peer, as `upswarm why` tells of it.
struct PeerUse {
  Endpoint endpoint = {};
  ByteSource source = ByteSource::site;
  bool is_connecting = false;
  bool is_interesting = false;         ///< it has something that is wanted here
  bool chokes_us = false;              ///< it lets others have its pieces first
  std::uint64_t bytes_per_second = 0;  ///< of payload, from it
};

struct TorrentToAdd {
  trust::PackageFile file;
  std::string torrent;    ///< bytes of the .torrent file
  std::string file_name;  ///< in the session's folder
  std::string resume;     ///< from saved(); empty: what the file holds is checked piece by piece
};

/// The right to fetch from the origin for a site (protocol/messages/announce.hpp).
struct Lease {
  std::string token;
  Endpoint origin;  ///< port 0: it has no BitTorrent

  bool operator==(const Lease&) const = default;
};

/// With whom a machine may exchange pieces, besides an origin that it has a lease for.
struct Neighbourhood {
  bool is_open = false;  ///< with everybody: the seeder knows no sites
  std::vector<Network> site = {};
  std::vector<Network> other = {};  ///< other sites, whose bytes are a source of their own

  bool operator==(const Neighbourhood&) const = default;
};

/// Any thread may call. A function given an info-hash that is not there does nothing, or gives an empty answer.
class TorrentSession {
 public:
  virtual ~TorrentSession() = default;

  /// Checks what is on disk, then serves it; downloads nothing before start(). Nothing to do if it is there already.
  /// Errors: corrupt  not the torrent of `file`, or one that needs more than this session offers.
  virtual Result<void> add(const TorrentToAdd& torrent) = 0;
  /// Takes back a fault, so that the torrent is worked on again.
  virtual void clear_fault(const trust::InfoHash& id) = 0;
  /// Only these pieces are downloaded from now on (rising); empty: all, as after add(). What is there stays and is
  /// served. After a round trip to the library: what state() says next is about these pieces.
  virtual void want(const trust::InfoHash& id, const std::vector<std::uint32_t>& pieces) = 0;
  /// Downloads what is wanted and missing.
  virtual void start(const trust::InfoHash& id) = 0;
  /// As start(), and until hold() those stay connected, too, who have nothing that is wanted: view() shows them.
  virtual void meet(const trust::InfoHash& id) = 0;
  /// Downloads no more; goes on serving.
  virtual void hold(const trust::InfoHash& id) = 0;
  /// Afterwards the file is no longer in use.
  virtual void remove(const trust::InfoHash& id) = 0;

  /// Connects to these, at once if nobody is connected yet, else within about a second.
  virtual void connect(const trust::InfoHash& id, const std::vector<Endpoint>& peers) = 0;
  /// Connections from and to others than these are not made, and cut. At first nobody.
  virtual void set_neighbourhood(const Neighbourhood& neighbourhood) = 0;
  /// Connects to the origin with the next connect(), and again whenever that connection is gone; it then has to be
  /// allowed by nothing else. Pieces are taken in order. A machine that has some pieces takes from the neighbours that
  /// it is connected to what they have before it connects, for at most some seconds; `named` of them are waited for.
  /// Again with another token: it is for later connections.
  virtual void lead(const trust::InfoHash& id, const Lease& lease, int named) = 0;
  /// Leads no more: the origin is disconnected, within about a second. Pieces are taken rarest first.
  virtual void follow(const trust::InfoHash& id) = 0;
  /// Who counts as the origin: connections from or to this address. Port 0, or a peer off this machine: any port of the
  /// address, for a peer that connects to us shows another port than it listens on.
  virtual void set_origin(const Endpoint& origin) = 0;
  /// Connections made from now on are marked as background traffic, or not, and the origin is told which; one to the
  /// origin is made anew. At first they are background.
  virtual void set_effort(Effort effort) = 0;
  /// What is given, and how fast anything goes, from now on, also on connections that are there.
  virtual void behave(const Manners& manners) = 0;
  /// Passes on a piece that came by other ways. The verdict shows in the state.
  virtual void give_piece(const trust::InfoHash& id, std::uint32_t piece, ByteView bytes) = 0;

  virtual std::optional<TorrentState> state(const trust::InfoHash& id) const = 0;
  /// Who is connected, but for the origin; start_here is not known.
  virtual SwarmView view(const trust::InfoHash& id) const = 0;
  /// The same peers one by one, and the origin.
  virtual std::vector<PeerUse> peers(const trust::InfoHash& id) const = 0;
  /// Who is not let in, of those who would be by where they are.
  virtual std::vector<ShutOut> shut_out() const = 0;
  /// The wanted pieces that are not there, rising.
  virtual std::vector<std::uint32_t> missing(const trust::InfoHash& id) const = 0;

  /// Waits until anything about any torrent may have changed, at most `longest`.
  virtual void wait_for_change(std::chrono::milliseconds longest) = 0;

  /// All that was written can be read from the file.   Errors: disk  not within `longest`.
  virtual Result<void> flush(const trust::InfoHash& id, std::chrono::milliseconds longest) = 0;
  /// The resume data of all torrents that could give them within `longest`.
  virtual std::map<trust::InfoHash, std::string> saved(std::chrono::milliseconds longest) = 0;

  virtual std::uint16_t listen_port() const = 0;
  virtual Bytes uploaded() const = 0;
};

/// Opens a session whose files are in `settings.cache`.
/// Errors: busy  the port is in use (named); invalid  the listen address.
Result<std::unique_ptr<TorrentSession>> open_libtorrent_session(const SwarmSettings& settings);

}  // namespace upswarm::agent
