#include "installer/sandbox.hpp"

#include "installer/guard.hpp"
#include "protocol/base/log.hpp"

namespace upswarm::installer {
namespace {

std::vector<Path> written_folders(const InstallerConfig& config) {
  std::vector<Path> folders{config.state_folder, config.socket.parent_path()};
  for (const auto& product : config.products) folders.push_back(product.root);
  return folders;
}

/// systemd.syntax(7): in double quotes, with a backslash before quotes and backslashes, and "%" twice.
std::string quoted(const std::string& text) {
  std::string out = "\"-";  // "-": what is missing, as /run after a start, keeps the service from nothing
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '%') out += '%';
    out += c;
  }
  return out + "\"";
}

}  // namespace

std::string sandbox_text(const InstallerConfig& config) {
  std::string text =
      "# Made by upswarm-installer --write-sandbox from its configuration. After a change of a root there: again, "
      "then\n"
      "# systemctl daemon-reload && systemctl restart upswarm-installer\n"
      "[Service]\n";
  for (const auto& folder : written_folders(config)) text += "ReadWritePaths=" + quoted(folder.string()) + "\n";
  return text;
}

Result<void> write_sandbox(Files& files, const InstallerConfig& config, const Path& file) {
  for (const auto& folder : written_folders(config)) UPSWARM_CHECK(prepare_private_folder(files, folder));
  UPSWARM_CHECK(make_folders(files, file.parent_path(), 0755));
  return write_file_atomically(files, file, sandbox_text(config), 0644);
}

void warn_of_read_only_roots(const InstallerConfig& config) {
  for (const auto& product : config.products) {
    if (!is_read_only(product.root)) continue;
    log::error("nothing can be installed: the root is read-only for the installer",
               {{"product", product.product},
                {"root", product.root.string()},
                {"run",
                 "upswarm-installer --write-sandbox && systemctl daemon-reload && systemctl restart "
                 "upswarm-installer"}});
  }
}

}  // namespace upswarm::installer
