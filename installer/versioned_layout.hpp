// ROOT/versions/<version>/ holds whole releases; ROOT/current is one of them.
#pragma once

#include "installer/layout.hpp"

namespace upswarm::installer {

/// The versioned layout under one ROOT: after an error or a power cut in switch_to(), `current` names the old release
/// or the new one.
class VersionedLayout final : public Layout {
 public:
  /// `files` must outlive the layout.
  VersionedLayout(Files& files, Path root) : files_(files), root_(std::move(root)) {}

  Path current() const { return root_ / "current"; }

  Path folder_of(const std::string& version) const override { return root_ / "versions" / version; }
  Path place_of(const std::string& version) const override { return folder_of(version); }
  Path staging() const override { return root_ / "versions" / ".staging"; }
  Path between() const override { return root_ / "versions" / ".between"; }
  Result<void> prepare() override;
  Result<std::optional<std::string>> current_version() override;
  Result<void> adopt_staging(const std::string& version) override;
  Result<void> set_staging_between() override;
  Result<void> check_switch(const std::string& /*version*/, const std::string& /*leaving*/) override { return {}; }
  using Layout::switch_to;
  Result<void> switch_to(const std::string& version, const std::string& leaving, const std::stop_token& stop) override;
  Result<std::string> what_is_wrong(const std::string& version) override;
  /// A folder in the place of `current` is moved aside, to `current.aside`, or `.1` to `.9` of it.
  Result<void> mend_current(const std::string& version) override;
  Result<void> remove(const std::string& version) override;
  Result<void> clean(const std::vector<std::string>& known, bool keep_unfinished) override;
  Result<Bytes> prepare_staging() override;
  Result<void> return_to_staging(const std::string& version) override;
  Result<void> drop_unfinished() override;

 private:
  Files& files_;
  Path root_;
};

}  // namespace upswarm::installer
