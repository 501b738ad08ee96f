#include "installer/launch.hpp"

#include "installer/versioned_layout.hpp"

namespace upswarm::installer {

Result<Launch> prepare_launch(Files& files, const Path& root, const Path& trial_file, const std::string& program) {
  VersionedLayout layout(files, root);
  Launch launch;
  auto trial = read_trial(files, trial_file);
  if (!trial) launch.told = trial.error().message();
  auto current = layout.current_version();
  if ((!current || !*current) && trial && *trial)
    current = std::optional((*trial)->previous);  // nothing worse to start
  UPSWARM_CHECK(current);
  if (!*current) return Error{ErrorKind::not_found, "start " + program, layout.current().string() + " is not there"};
  auto version = **current;
  if (trial && *trial && (*trial)->trying == version) {
    auto counted = **trial;
    const auto before = layout.folder_of(counted.previous);
    const bool is_there = exists(files, before).value_or(true);
    if (counted.starts >= kMostStarts && !is_there) {
      launch.told = counted.trying + " did not stay up in " + std::to_string(counted.starts) + " starts, and " +
                    before.string() + " is not there: it starts again";
    } else if (counted.starts >= kMostStarts) {
      launch.told = counted.trying + " did not stay up in " + std::to_string(counted.starts) +
                    " starts: " + counted.previous + " starts again";
      version = counted.previous;
      if (const auto switched = layout.switch_to(version, {}); !switched)
        launch.told += "; " + switched.error().message();
    } else {
      ++counted.starts;
      launch.on_trial = true;
      if (const auto written = count_start(files, trial_file, counted); !written)
        launch.told = written.error().message();
    }
  }
  launch.program = layout.folder_of(version) / "bin" / program;
  return launch;
}

}  // namespace upswarm::installer
