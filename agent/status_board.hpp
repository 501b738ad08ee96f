// What the agent is doing, for whoever asks.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "agent/session.hpp"
#include "agent/swarm.hpp"
#include "protocol/messages/agent_messages.hpp"

namespace upswarm::agent {

messages::SourceBytes to_source_bytes(const BytesBySource& bytes);

/// Written by the cycle and the swarm's callbacks, read by the control socket. Any thread.
class StatusBoard {
 public:
  /// A release that waits to be installed.
  struct Waiting {
    std::string version;
    std::optional<Time> latest_put_off;  ///< nothing: it may not be put off
  };

  StatusBoard(std::string machine_id, std::string seeder_url);

  void begin_cycle();
  /// `error`: of the cycle, when it failed.
  void end_cycle(const std::string& result, const std::optional<Error>& error, Time now);
  void set_next_poll(Time at);
  void set_polled(Time at);
  void set_expiry(Time at, std::string role);
  void set_seeding(std::size_t packages);
  void set_machine_key(const std::string& public_key);
  /// `why_not`: "" when it is enrolled. Longer sentences are cut.
  void set_enrolment(const std::string& why_not);

  /// The products of the installer; those not among them are dropped, what is known of the others stays.
  void set_products(const messages::Hello& hello);
  /// `wanted`: version; `phase`: "current", "held" or "put_off". The last download's numbers are cleared.
  /// Whether that was known not to be so.
  bool set_decision(const std::string& product, const std::string& wanted, const std::string& phase,
                    const std::string& detail);
  void set_session(const std::string& product, const std::string& version, SessionState state,
                   const std::string& detail);
  void set_download(const std::string& product, const DownloadProgress& progress, const std::string& detail);
  void set_installing(const std::string& product, const messages::ProductProgress& progress, SessionState state);

  void set_waiting(const std::string& product, Waiting waiting);

  messages::AgentStatus snapshot() const;
  std::optional<Waiting> waiting(const std::string& product) const;

 private:
  messages::ProductStatus* find(const std::string& product);

  mutable std::mutex mutex_;
  messages::AgentStatus status_;
  std::map<std::string, Waiting> waiting_;
};

}  // namespace upswarm::agent
