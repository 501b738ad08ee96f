// ROOT itself shows one release, at paths that never change; ROOT/.upswarm holds it and the others whole.
#pragma once

#include "installer/mirror.hpp"
#include "installer/versioned_layout.hpp"

namespace upswarm::installer {

/// The in-place layout under one ROOT: a versioned layout in ROOT/.upswarm, and a mirror of its current release in
/// ROOT. No tree may hold `.upswarm`. Between the begin of switch_to() and its success ROOT may show files of both
/// releases, each of them whole: who calls it says before, on disk, what the other release is.
class InPlaceLayout final : public Layout {
 public:
  static constexpr const char* kOwnFolder = ".upswarm";

  /// `files` must outlive the layout.
  InPlaceLayout(Files& files, const Path& root);

  Path folder_of(const std::string& version) const override { return releases_.folder_of(version); }
  Path place_of(const std::string& /*version*/) const override { return root_; }
  Path staging() const override { return releases_.staging(); }
  Path between() const override { return releases_.between(); }
  Result<void> prepare() override;
  Result<std::optional<std::string>> current_version() override { return releases_.current_version(); }
  Result<void> adopt_staging(const std::string& version) override;
  Result<void> set_staging_between() override { return releases_.set_staging_between(); }
  Result<void> check_switch(const std::string& version, const std::string& leaving) override;
  using Layout::switch_to;
  Result<void> switch_to(const std::string& version, const std::string& leaving, const std::stop_token& stop) override;
  Result<std::string> what_is_wrong(const std::string& version) override;
  Result<void> mend_current(const std::string& version) override;
  Result<void> remove(const std::string& version) override { return releases_.remove(version); }
  Result<void> clean(const std::vector<std::string>& known, bool keep_unfinished) override;
  Result<Bytes> prepare_staging() override { return releases_.prepare_staging(); }
  Result<void> return_to_staging(const std::string& version) override { return releases_.return_to_staging(version); }
  Result<void> drop_unfinished() override { return releases_.drop_unfinished(); }

 private:
  std::optional<Path> tree_of(const std::string& version) const;

  Files& files_;
  Path root_;
  VersionedLayout releases_;
  Mirror mirror_;
};

}  // namespace upswarm::installer
