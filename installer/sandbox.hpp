// Where the installer writes, for the sandbox that its unit runs in (packaging/linux/upswarm-installer.service).
#pragma once

#include <string>

#include "installer/config.hpp"

namespace upswarm::installer {

/// A drop-in of systemd.unit(5) that leaves the installer its state, its socket's folder and each ROOT to write to.
std::string sandbox_text(const InstallerConfig& config);

/// Makes the folders that are missing, for systemd can open only what is there, checks that nobody else may exchange
/// them, and replaces `file` by sandbox_text().   Errors: as prepare_private_folder; disk.
Result<void> write_sandbox(Files& files, const InstallerConfig& config, const Path& file);

/// Whether `folder` is there and on a file system that is read-only for this program.
bool is_read_only(const Path& folder);

/// A line of the log for each ROOT that is read-only, with the command that makes it writable.
void warn_of_read_only_roots(const InstallerConfig& config);

}  // namespace upswarm::installer
