#include "agent/advice.hpp"

namespace upswarm::agent {
namespace {

std::string advice_for_untrusted(const std::string& reason) {
  if (reason == "expired") {
    return "Nothing new is installed until the seeder serves fresh metadata; check that it runs and that both clocks "
           "are right.";
  }
  if (reason == "certificate") return "Check the seeder's certificate, and ca_file in agent.toml.";
  if (reason == "rollback")
    return "The seeder serves older metadata than this machine has seen; check that it was not restored from a backup.";
  if (reason == "wrong_signature")
    return "Check that root_file is of this seeder, and that nobody altered what it serves.";
  return "Nothing was installed. Tell those who run the seeder: what it serves is not what was signed.";
}

}  // namespace

std::string advice_for(const Error& error) {
  if (error.reason == "no_installer") return "Start upswarm-installer, and check installer_socket in agent.toml.";
  if (error.reason == "no_root") return "Set root_file in agent.toml to the root.json of your seeder.";
  if (error.reason == "not_installed")
    return "The version before still runs. It is tried again by itself; see the installer's log.";
  if (error.reason == "no_package") return "The version before still runs until there is a newer release.";
  switch (error.kind) {
    case ErrorKind::unreachable: return "It is tried again by itself; check seeder_url, the network and the proxy.";
    case ErrorKind::not_found:
      return "Check that seeder_url names an Upswarm seeder and that the release is still published.";
    case ErrorKind::invalid: return "Check agent.toml and installer.toml.";
    case ErrorKind::corrupt: return "It is fetched again by itself; if it stays, tell those who run the seeder.";
    case ErrorKind::untrusted: return advice_for_untrusted(error.reason);
    case ErrorKind::no_space: return "Free some disk space; the update is tried again by itself.";
    case ErrorKind::disk: return "Check the disk and the rights of state_folder.";
    case ErrorKind::denied:
      return "Check the account of the agent: agent_account in installer.toml, and the rights of state_folder.";
    case ErrorKind::busy: return "It is tried again by itself.";
    case ErrorKind::cancelled: return "The agent was stopped; it goes on where it was at its next start.";
    case ErrorKind::internal: break;
  }
  return "This is a defect; please report it with the log.";
}

}  // namespace upswarm::agent
