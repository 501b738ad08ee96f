// The schema of seeder.sqlite, step by step. A step that was released is never changed: add another.
#pragma once

#include <array>
#include <string_view>

namespace upswarm::seeder {

inline constexpr std::array<std::string_view, 4> kMigrations{
    // 1: what is offered, who said how an update went, who may do what, which versions the online roles have had
    R"sql(
    CREATE TABLE targets (
      path     TEXT PRIMARY KEY,
      role     TEXT NOT NULL,
      length   INTEGER NOT NULL,
      sha256   TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE torrents (
      info_hash    TEXT PRIMARY KEY,
      path         TEXT NOT NULL,
      length       INTEGER NOT NULL,
      piece_length INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE reports (
      id           INTEGER PRIMARY KEY AUTOINCREMENT,
      machine      TEXT NOT NULL,
      number       INTEGER NOT NULL,
      product      TEXT NOT NULL,
      from_version TEXT NOT NULL,
      to_version   TEXT NOT NULL,
      running      TEXT NOT NULL,
      kind         TEXT NOT NULL,
      result       TEXT NOT NULL,
      reason       TEXT NOT NULL,
      at           TEXT NOT NULL,
      milliseconds INTEGER NOT NULL,
      bytes        TEXT NOT NULL,
      received     TEXT NOT NULL,
      UNIQUE (machine, number, product, at)
    );
    CREATE TABLE api_keys (
      name     TEXT PRIMARY KEY,
      scopes   TEXT NOT NULL,
      sha256   TEXT NOT NULL,
      created  TEXT NOT NULL,
      revoked  TEXT
    ) WITHOUT ROWID;
    CREATE TABLE role_versions (
      role     TEXT PRIMARY KEY,
      version  INTEGER NOT NULL
    ) WITHOUT ROWID;
    )sql",
    // 2: since when each role's file is here, in seconds since 1970
    R"sql(
    CREATE TABLE role_lives (
      role     TEXT PRIMARY KEY,
      version  INTEGER NOT NULL,
      since    INTEGER NOT NULL
    ) WITHOUT ROWID;
    )sql",
    // 3: whose word counts. Reports from before had no signature.
    R"sql(
    CREATE TABLE enrolment_tokens (
      name     TEXT PRIMARY KEY,
      sha256   TEXT NOT NULL,
      uses     INTEGER NOT NULL,
      used     INTEGER NOT NULL,
      created  TEXT NOT NULL,
      expires  TEXT NOT NULL,
      revoked  TEXT
    ) WITHOUT ROWID;
    CREATE TABLE machines (
      machine    TEXT PRIMARY KEY,
      public_key TEXT NOT NULL,
      token      TEXT NOT NULL,
      enrolled   TEXT NOT NULL,
      revoked    TEXT
    ) WITHOUT ROWID;
    ALTER TABLE reports ADD COLUMN trusted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE reports ADD COLUMN signer TEXT NOT NULL DEFAULT '';
    CREATE INDEX reports_untrusted ON reports (id) WHERE trusted = 0;
    CREATE INDEX reports_of_machine ON reports (machine, id) WHERE trusted = 1;
    CREATE INDEX reports_of_product ON reports (product, to_version, machine, number) WHERE trusted = 1;
    )sql",
    // 4: how much each package is used
    R"sql(
    CREATE TABLE package_use (
      sha256     TEXT PRIMARY KEY,
      machines   INTEGER NOT NULL,
      http_bytes INTEGER NOT NULL,
      last       TEXT NOT NULL
    ) WITHOUT ROWID;
    )sql"};

}  // namespace upswarm::seeder
