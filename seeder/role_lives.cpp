#include "seeder/role_lives.hpp"

#include "protocol/base/log.hpp"

namespace upswarm::seeder {
namespace {

constexpr auto kTellAgainAfter = std::chrono::hours(24);

std::vector<RoleLife> list_roles(const RepositoryView& view, Time now) {
  std::vector<RoleLife> lives;
  const auto add = [&](const std::string& role, trust::RoleVersion version, Time expires) {
    lives.push_back({.role = role, .version = version, .since = now, .expires = expires});
  };
  if (view.root) add("root", view.root->version, view.root->expires);
  if (view.timestamp) add("timestamp", view.timestamp->version, view.timestamp->expires);
  if (view.snapshot) add("snapshot", view.snapshot->version, view.snapshot->expires);
  for (const auto& [role, file] : view.roles) add(role, file.content.version, file.content.expires);
  return lives;
}

}  // namespace

RoleLife::State RoleLife::state_at(Time now) const {
  if (now >= expires) return State::expired;
  return now - since >= (expires - since) / 2 ? State::renew : State::ok;
}

std::int64_t RoleLife::days_left_at(Time now) const {
  return std::chrono::floor<std::chrono::days>(expires - now).count();
}

const char* name_of(RoleLife::State state) {
  switch (state) {
    case RoleLife::State::ok: return "ok";
    case RoleLife::State::renew: return "renew";
    case RoleLife::State::expired: return "expired";
  }
  return "";
}

Json describe(const RoleLife& life, Time now) {
  return {{"role", life.role},
          {"version", life.version},
          {"expires", to_string(life.expires)},
          {"expired", life.expires <= now},
          {"days_left", life.days_left_at(now)},
          {"state", name_of(life.state_at(now))}};
}

Result<std::vector<RoleLife>> read_lives(Database& database, const RepositoryView& view, Time now) {
  auto lives = list_roles(view, now);
  for (auto& life : lives) {
    UPSWARM_TRY(const auto rows,
                database.run("SELECT since FROM role_lives WHERE role = ? AND version = ?", {life.role, life.version}));
    if (!rows.empty()) life.since = Time(std::chrono::seconds(rows.front().integer(0)));
  }
  return lives;
}

Result<std::vector<RoleLife>> note_lives(Database& database, const RepositoryView& view, Time now) {
  for (const auto& life : list_roles(view, now)) {
    UPSWARM_CHECK(
        database.run("INSERT INTO role_lives (role, version, since) VALUES (?, ?, ?) ON CONFLICT (role) DO UPDATE "
                     "SET version = excluded.version, since = excluded.since WHERE version <> excluded.version",
                     {life.role, life.version, life.since.time_since_epoch().count()}));
  }
  return read_lives(database, view, now);
}

int LifeWarnings::look(const std::vector<RoleLife>& lives, Time now) {
  int count = 0;
  for (const auto& life : lives) {
    const auto state = life.state_at(now);
    const auto told = told_.find(life.role);
    if (state == RoleLife::State::ok) {
      if (told != told_.end()) told_.erase(told);
      continue;
    }
    if (told != told_.end() && told->second.state == state && now < told->second.at + kTellAgainAfter) continue;
    log::warning(state == RoleLife::State::expired ? "a role has expired: machines hold what it speaks of"
                                                   : "half of a role's life is over: sign it anew",
                 {{"role", life.role},
                  {"version", life.version},
                  {"expires", to_string(life.expires)},
                  {"days_left", life.days_left_at(now)}});
    told_.insert_or_assign(life.role, Told{state, now});
    ++count;
  }
  return count;
}

}  // namespace upswarm::seeder
