#include "installer/running_programs.hpp"

namespace upswarm::installer {
namespace {

class NoProcessTable final : public ProcessTable {
 public:
  Result<RunningPrograms> look(const ReleasePlace& /*release*/, const std::string& /*spared*/) override {
    return Error{ErrorKind::denied, "find the programs of a release that run", "not supported on Windows"};
  }
  void await(const RunningPrograms& /*programs*/, std::chrono::milliseconds /*most*/,
             const std::stop_token& /*stop*/) override {}
};

}  // namespace

std::unique_ptr<ProcessTable> make_process_table() { return std::make_unique<NoProcessTable>(); }

}  // namespace upswarm::installer
