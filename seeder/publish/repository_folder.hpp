// Where the publisher keeps what. All of it but keys/ and online-keys/ may be read by anybody.
//
//   repository.json            settings
//   keys/ROLE-N.key.json       offline secret keys, encrypted (key_file.hpp); may live on other media when not needed
//   online-keys/ROLE.key       to be moved to the seeder's keys folder
//   metadata/N.ROLE.json       every signed version; the highest N of a role is the current one
//   targets/index/...          the signed indexes under their consistent names
//   releases/P/X/V/            packages, deltas and torrents of each release: bases of later deltas
//   changes/NUMBER-NAME...         what waits for signatures of other people (change_file.hpp)
//   becoming/N.ROLE.json           metadata on its way to metadata/: whole once it has this name
//   outgoing/NUMBER-NAME/      bundles (seeder/bundle.hpp) that no seeder has yet, in the order of their numbers
//   handed-over/NUMBER-NAME.json   the bundle.json of each bundle that a seeder took
//   work/                      what is being made; removed by whoever finds it
//   lock                       one publisher at a time
#pragma once

#include "protocol/base/files.hpp"

namespace upswarm::publish {

struct RepositoryFolder {
  Path root;

  Path settings() const { return root / "repository.json"; }
  Path keys() const { return root / "keys"; }
  Path online_keys() const { return root / "online-keys"; }
  Path metadata() const { return root / "metadata"; }
  Path targets() const { return root / "targets"; }
  Path releases() const { return root / "releases"; }
  Path changes() const { return root / "changes"; }
  Path becoming() const { return root / "becoming"; }
  Path outgoing() const { return root / "outgoing"; }
  Path handed_over() const { return root / "handed-over"; }
  Path work() const { return root / "work"; }
  Path lock() const { return root / "lock"; }
};

}  // namespace upswarm::publish
