#include "seeder/machines.hpp"

namespace upswarm::seeder {
namespace {

Machine to_machine(const SqlRow& row) {
  Machine machine{row.text(0), row.text(1), row.text(2), row.text(3), {}};
  if (!row.is_null(4)) machine.revoked = row.text(4);
  return machine;
}

Error refusal(const std::string& machine, std::string why, std::string reason) {
  return {ErrorKind::denied, "enrol the machine " + machine, std::move(why), std::move(reason)};
}

Error not_known(const std::string& verb, const std::string& machine) {
  return {ErrorKind::not_found, verb + " the machine " + machine, "there is no such machine"};
}

}  // namespace

Result<bool> Machines::enrol(const messages::Enrolment& wish, Time now) {
  bool is_new = false;
  UPSWARM_CHECK(database_.transact([&]() -> Result<void> {
    UPSWARM_TRY(const auto known, find(wish.machine));
    const bool is_its_own = known && known->public_key == wish.public_key;
    if (is_its_own && known->revoked)
      return refusal(wish.machine, "an administrator revoked it " + *known->revoked, "machine_revoked");
    if (is_its_own) return {};
    UPSWARM_TRY(const auto token, tokens_.check(wish.token, now));
    if (known) {
      return refusal(wish.machine,
                     "it has another key: `upswarm-seeder machines forget " + wish.machine + "` if this one is right",
                     "machine_taken");
    }
    UPSWARM_TRY(const auto count, database_.run("SELECT count(*) FROM machines"));
    if (count.at(0).integer(0) >= most_)
      return refusal(wish.machine, "the seeder knows " + std::to_string(most_) + " machines", "too_many_machines");
    UPSWARM_CHECK(tokens_.use(token));
    UPSWARM_CHECK(database_.run("INSERT INTO machines (machine, public_key, token, enrolled) VALUES (?, ?, ?, ?)",
                                {wish.machine, wish.public_key, token, to_string(now)}));
    is_new = true;
    return {};
  }));
  return is_new;
}

Result<std::optional<Machine>> Machines::find(const std::string& machine) {
  UPSWARM_TRY(
      const auto rows,
      database_.run("SELECT machine, public_key, token, enrolled, revoked FROM machines WHERE machine = ?", {machine}));
  if (rows.empty()) return std::optional<Machine>();
  return std::optional(to_machine(rows.front()));
}

Result<std::vector<Machine>> Machines::list(const std::string& after, std::int64_t limit) {
  UPSWARM_TRY(const auto rows, database_.run("SELECT machine, public_key, token, enrolled, revoked FROM machines "
                                             "WHERE machine > ? ORDER BY machine LIMIT ?",
                                             {after, limit}));
  std::vector<Machine> machines;
  for (const auto& row : rows) machines.push_back(to_machine(row));
  return machines;
}

Result<void> Machines::revoke(const std::string& machine, Time now) {
  UPSWARM_TRY(const auto rows,
              database_.run("UPDATE machines SET revoked = ? WHERE machine = ? AND revoked IS NULL RETURNING machine",
                            {to_string(now), machine}));
  if (rows.empty()) return not_known("revoke", machine);
  return {};
}

Result<std::int64_t> Machines::revoke_enrolled_by(const std::string& token, Time now) {
  UPSWARM_TRY(const auto rows,
              database_.run("UPDATE machines SET revoked = ? WHERE token = ? AND revoked IS NULL RETURNING machine",
                            {to_string(now), token}));
  return static_cast<std::int64_t>(rows.size());
}

Result<void> Machines::forget(const std::string& machine) {
  UPSWARM_TRY(const auto rows, database_.run("DELETE FROM machines WHERE machine = ? RETURNING machine", {machine}));
  if (rows.empty()) return not_known("forget", machine);
  return {};
}

}  // namespace upswarm::seeder
