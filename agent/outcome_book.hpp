// Outcomes on their way from the installer to the seeder; none is lost by a kill.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "agent/identity.hpp"
#include "agent/installer_link.hpp"
#include "agent/state_store.hpp"
#include "protocol/base/http/http_client.hpp"

namespace upswarm::agent {

/// The installer keeps an outcome until it is acknowledged, the store keeps a report until the seeder took it:
///
///   installer --> stored here --> acknowledged --> sent --> marked as sent
///
/// A kill between two steps repeats the later one. One thread.
class OutcomeBook {
 public:
  /// All must outlive the book.
  OutcomeBook(StateStore& store, InstallerLink& installer, HttpClient& http, MachineIdentity& identity,
              std::string seeder_url);

  /// Takes over what the installer has. Returns what was new. While the installer works it cannot forget: then the
  /// same outcomes come again and are known.
  Result<std::vector<messages::Outcome>> collect(std::stop_token stop);

  /// Sends waiting reports, oldest first, until one fails; signed where the machine is enrolled. While it may enrol
  /// soon they wait: unsigned ones count for nothing. A seeder that does not know the machine (any more) is enrolled
  /// with again, and the report repeated; one that has another key for it gets the report unsigned, for people to read.
  /// A report that the seeder calls malformed is set aside with an error in the log: it would block all others.
  /// Errors: those of HttpClient::send; unreachable  any other answer but 2xx.
  Result<void> send_reports(const std::string& machine_id, std::stop_token stop);

 private:
  enum class Sent { taken, malformed, again };
  Result<Sent> send(const messages::Report& report, std::stop_token stop);
  Sent learn(const HttpResponse& response, const std::string& machine_id, bool was_signed, std::stop_token stop);

  StateStore& store_;
  InstallerLink& installer_;
  HttpClient& http_;
  MachineIdentity& identity_;
  std::string seeder_url_;
};

}  // namespace upswarm::agent
