#!/usr/bin/env python3
"""One update travels the whole way: the real programs, start to end."""

import base64
import hashlib
import json
import os
import ssl
import subprocess
import time
import urllib.request

from base import Failure, WorldTest, big, main, noise, wait_until
from watch import Watch


class Update(WorldTest):
    def test_first_release_reaches_a_machine(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        self.assertEqual((machine.installed / "app/current/share/version").read_text(), "1.0.0")
        update = machine.await_history("completed")
        self.assertEqual((update["from"], update["to"], update["kind"]), ("", "1.0.0", "full"))

    def test_the_second_release_comes_as_a_delta(self):
        world, machine = self.updated()
        update = machine.history()[0]
        self.assertEqual((update["kind"], update["files"]), ("delta", 4), "every file of this product differs")
        version, states = machine.sessions()[0]
        self.assertEqual((version, states[:3], states[-1]), ("1.1.0", ["checking", "downloading", "verifying"], "completed"))
        self.assertEqual((machine.installed / "app/current/share/data").read_bytes(), noise(3 << 20, 1) + noise(4096, 2))

    def test_a_bad_release_rolls_back_by_itself_and_is_not_tried_again(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        world.release("2.0.0", world.tree("2.0.0", big("2.0.0"), healthy=False))
        world.await_taken_in()
        update = machine.await_history("rolled_back")
        self.assertEqual((update["to"], update["running"]), ("2.0.0", "1.0.0"))
        self.assertSays(update["reason"], "health check")
        self.assertEqual(machine.version(), "1.0.0")
        wait_until("the end of the session", lambda: machine.sessions()[0][1][-1] == "rolled_back")
        machine.command("check")
        machine.command("update", check=False)
        wait_until("the machine says that it passes 2.0.0 over",
                   lambda: "held" in json.dumps(machine.status()) or "bad" in json.dumps(machine.status()))
        self.assertEqual(sum(one["to"] == "2.0.0" for one in machine.history()), 1)

    def test_machines_get_pieces_from_each_other(self):
        world = self.published("1.0.0", machines=3)
        first, *others = world.machines
        first.start().await_version("1.0.0")
        for machine in others:
            machine.start()
        for machine in others:
            machine.await_version("1.0.0")
        from_site = [m.history()[0]["bytes"]["site"] for m in others]
        self.assertGreater(sum(from_site), 0, f"no byte came from a neighbour: {[m.history()[0]['bytes'] for m in others]}")
        for machine in world.machines:
            bytes_of = machine.history()[0]["bytes"]
            package = next((world.seeder_folder / "repository/targets/pkg/app").rglob("*.upk")).stat().st_size
            self.assertEqual(sum(bytes_of.get(k, 0) for k in ("disk", "site", "other", "origin_bt", "origin_http")), package, bytes_of)

    def test_programs_that_have_nothing_to_do_sleep(self):
        world = self.published("1.0.0", agent={"poll_interval": "1h"})
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        for program, most in ((machine.agent, 10), (machine.installer, 1)):
            watch = Watch(program.process.pid)
            self.addCleanup(watch.close)

            def times_woken(watch=watch, seconds=5):
                before = watch.sleeps()
                time.sleep(seconds)
                return (watch.sleeps() - before) / seconds
            wait_until(f"{program.argv[0]} is woken {most} times a second at most", lambda most=most, woken=times_woken: woken() <= most)

    def test_machines_that_listen_on_one_address_find_each_other(self):
        world = self.published("1.0.0", machines=0, seeder={"bittorrent_port": 0, "bittorrent": False})
        first, second = (world.machine(f"m{n}", address=f"127.0.0.{n + 1}") for n in (1, 2))
        first.start().await_version("1.0.0")
        second.start().await_version("1.0.0")
        self.assertGreater(second.history()[0]["bytes"]["site"], 0, "the first is not where the tracker says it is")

    def test_blocked_bittorrent_falls_back_to_http(self):
        world = self.published("1.0.0", seeder={"bittorrent_port": 0, "bittorrent": False})
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        bytes_of = machine.history()[0]["bytes"]
        self.assertEqual(bytes_of["origin_bt"] + bytes_of["site"], 0)
        self.assertGreater(bytes_of["origin_http"], 0)

    def test_metadata_travels_as_the_difference_to_an_earlier_version(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        folder = world.seeder_folder / "repository/metadata"

        def newest():
            return max(folder.glob("*.snapshot.json"), key=lambda file: int(file.name.split(".")[0]))
        earlier = newest()
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0")
        digest = hashlib.sha256(earlier.read_bytes()).digest()
        headers = {"Accept-Encoding": "dcz", "Available-Dictionary": f":{base64.b64encode(digest).decode()}:"}
        request = urllib.request.Request(f"{world.seeder_url}/metadata/{newest().name}", headers=headers)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=world.ca_file or None)) as answer:
            body = answer.read()
            self.assertEqual(answer.headers["Content-Encoding"], "dcz")
        self.assertEqual(body[8:40], digest)
        difference = world.folder / "difference.zst"
        difference.write_bytes(body)
        undone = subprocess.run(["zstd", "-q", "-d", "-c", "--patch-from", earlier, difference], capture_output=True, check=True).stdout
        self.assertEqual(undone, newest().read_bytes())

    def test_a_release_without_a_filter_is_held_until_it_is_rolled_out(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)), rollout=None)
        world.await_taken_in()
        machine.command("check")
        wait_until("the machine says that it holds", lambda: "held" in json.dumps(machine.status()))
        self.assertEqual(machine.version(), "1.0.0")
        world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "rollout", "app", "stable", "linux-x64", "1.1.0",
                  "--permille", 1000)
        machine.await_version("1.1.0")

    def test_an_administrator_rolls_back_without_a_network(self):
        world, machine = self.updated()
        world.seeder.stop()
        machine.command("rollback", "app")
        machine.await_version("1.0.0")
        world.start_seeder()
        machine.command("check")
        wait_until("a later poll", lambda: machine.status()["last_poll"] and not machine.status().get("last_error"))
        self.assertEqual(machine.version(), "1.0.0", "the release that was left must not come back by itself")

    def test_a_withdrawn_release_is_left_by_itself(self):
        world = self.published("1.0.0", machines=2)
        machine, other = world.machines[0].start(), world.machines[1]
        machine.await_version("1.0.0")
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0")
        withdraw = ("upswarm-publish", "--repository", world.repository, "withdraw", "app", "stable", "linux-x64", "1.1.0", "--to",
                    world.seeder_folder / "incoming")
        world.run(*withdraw, "--back-to", "1.0.0", "--reason", "it eats files")
        world.await_taken_in()
        machine.await_version("1.0.0")
        other.start()
        other.await_version("1.0.0")
        self.assertSays(world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "status").out, "1.1.0  withdrawn")
        world.run(*withdraw, "--undo")
        world.await_taken_in()
        wait_until("the machine says that it holds", lambda: "held" in json.dumps(machine.status()))
        self.assertEqual(machine.version(), "1.0.0", "what stands again waits for its rollout")
        world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "rollout", "app", "stable", "linux-x64", "1.1.0",
                  "--permille", 1000)
        machine.await_version("1.1.0")

    def test_going_back_and_forth_fetches_nothing(self):
        world, machine = self.updated()
        withdraw = ("upswarm-publish", "--repository", world.repository, "withdraw", "app", "stable", "linux-x64", "1.1.0", "--to",
                    world.seeder_folder / "incoming")
        world.run(*withdraw, "--back-to", "1.0.0")
        world.await_taken_in()
        machine.await_version("1.0.0")
        world.run(*withdraw, "--undo")
        world.await_taken_in()
        world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "rollout", "app", "stable", "linux-x64", "1.1.0",
                  "--permille", 1000)
        machine.await_version("1.1.0")
        for update in machine.history()[:2]:
            self.assertEqual(update["kind"], "nothing")
            self.assertEqual(sum(update["bytes"].values()), 0, update["bytes"])
        self.assertEqual((machine.installed / "app/current/share/version").read_text(), "1.1.0")

    def chosen(self, machine):
        """The way that the last plan took (None: it took none), and all ways by their kind."""
        plan = machine.command("why", "app").json()["products"][0]["plan"]
        return next((way for way in plan["ways"] if way["chosen"]), None), {way["kind"]: way for way in plan["ways"]}

    def left_behind(self, *versions, deltas=1, **settings):
        """A machine on 1.0.0 whose agent stands still while releases come, each with deltas from the last `deltas` ones."""
        world = self.published("1.0.0", **settings)
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        machine.agent.stop()
        for number, version in enumerate(versions):
            files = {**big(version, changed=True), "share/step": noise(2048, 10 + number)}
            world.release(version, world.tree(version, files), extra=("--deltas", deltas))
            world.await_taken_in()
        return world, machine

    def test_a_machine_that_lags_behind_comes_by_a_chain_of_deltas(self):
        world, machine = self.left_behind("1.1.0", "1.2.0", "1.3.0")
        machine.start_agent()
        machine.await_version("1.3.0")
        update = machine.history()[0]
        self.assertEqual((update["from"], update["to"], update["kind"]), ("1.0.0", "1.3.0", "chain"))
        chosen, ways = self.chosen(machine)
        self.assertEqual((chosen["kind"], len(chosen["packages"])), ("chain", 3))
        self.assertSays(ways["delta"]["verdict"], "no delta from 1.0.0")
        self.assertSays(ways["full"]["verdict"], "costs more")
        fetched = sum(update["bytes"][source] for source in ("disk", "site", "origin_bt", "origin_http"))
        packages = [next(world.seeder_folder.rglob("*" + path.rsplit("/", 1)[1])) for path in chosen["packages"]]
        self.assertEqual(fetched, sum(package.stat().st_size for package in packages))
        full = next((world.seeder_folder / "repository/targets/pkg/app").rglob("*1.3.0.upk")).stat().st_size
        self.assertEqual(fetched + update["bytes"]["delta"], full, "size = disk + delta + network")
        self.assertEqual((machine.installed / "app/current/share/step").read_bytes(), noise(2048, 12))
        self.assertEqual(sorted(p.name for p in (machine.installed / "app/versions").iterdir()), ["1.0.0", "1.3.0"])
        text = world.run("upswarm", "--socket", machine.agent_settings["socket"], "why").out
        self.assertSays(text, "1.0.0 -> 1.1.0 -> 1.2.0 -> 1.3.0", "it costs least")

        def used():
            status = world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", "status").json()
            use = {one["path"]: one["machines"] for one in status["packages"]}
            return all(use[path] == 1 for path in chosen["packages"])
        wait_until("the seeder says how much each delta is used", used)

    def test_across_major_versions_a_chain_needs_the_publishers_word(self):
        world, machine = self.left_behind("2.0.0", "3.0.0")
        machine.start_agent()
        machine.await_version("3.0.0")
        chosen, ways = self.chosen(machine)
        self.assertEqual((machine.history()[0]["kind"], chosen["kind"]), ("sparse", "sparse"))
        self.assertSays(ways["chain"]["verdict"], "2 major versions")

    def test_a_damaged_base_is_said_and_what_is_whole_of_it_taken(self):
        world, machine = self.left_behind("1.1.0")
        (machine.installed / "app/versions/1.0.0/share/text").write_text("somebody was here")
        machine.start_agent()
        machine.await_version("1.1.0")
        self.assertEqual(machine.history()[0]["kind"], "sparse")
        self.assertEqual((machine.installed / "app/current/share/text").read_text(), big("1.1.0")["share/text"])
        _, ways = self.chosen(machine)
        self.assertSays(ways["delta"]["verdict"], "1.0.0 on disk is damaged", "share/text")

    def put_delta_aside(self, world, machine):
        """As the installer does with a delta of which other bytes came out than were signed."""
        delta = next(world.seeder_folder.rglob("*.upd"))
        record = machine.folder / "installer/products/app.json"
        machine.installer.stop()
        known = json.loads(record.read_text())
        known["quarantine"] = [{"package": hashlib.sha256(delta.read_bytes()).hexdigest(), "base": known["releases"][0]["entry"]["content"],
                                "version": "1.1.0", "reason": "other bytes came out of it", "at": "2026-01-01T00:00:00Z"}]
        record.write_text(json.dumps(known))

    def test_on_a_metered_line_a_failed_delta_waits_for_its_budget_or_a_user(self):
        world, machine = self.left_behind("1.1.0")
        self.put_delta_aside(world, machine)
        machine.agent_settings.update(link="metered", metered_fallback="100 B")
        machine.write_configs()
        machine.start()

        def held():
            return any(one["phase"] == "held" and "metered_fallback" in one["detail"] for one in machine.status()["products"])
        wait_until("the machine says that it holds, and by what", held)
        chosen, ways = self.chosen(machine)
        self.assertIsNone(chosen)
        self.assertSays(ways["full"]["verdict"], "100 B", "that are left this month")
        self.assertEqual(machine.version(), "1.0.0")
        machine.command("update", "app")
        machine.await_version("1.1.0")

    def test_a_package_that_was_put_aside_is_not_tried_again_after_a_restart(self):
        world, machine = self.left_behind("1.1.0")
        self.put_delta_aside(world, machine)
        machine.start()
        machine.await_version("1.1.0")
        self.assertEqual(machine.history()[0]["kind"], "sparse")
        _, ways = self.chosen(machine)
        self.assertSays(ways["delta"]["verdict"], "put aside", "other bytes came out of it")
        machine.installer.stop()
        machine.start_installer()
        machine.command("check")
        wait_until("the status shows it", lambda: machine.status()["products"][0].get("quarantine"))
        self.assertEqual(machine.command("clear-bad", "app").json()["cleared"], 1)
        machine.command("check")
        wait_until("the status shows it no more", lambda: not machine.status()["products"][0].get("quarantine"))

    def test_a_major_version_waits_for_its_confirmation(self):
        world = self.published("1.0.0", agent={"confirm_major": True})
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        world.release("2.0.0", world.tree("2.0.0", big("2.0.0", changed=True)))
        world.await_taken_in()

        def held():
            product = machine.status()["products"][0]
            return product["phase"] == "held" and "upswarm update app" in product["detail"]
        wait_until("the machine says that it holds", held)
        self.assertEqual(machine.command("update", "--wait", check=False).code, 4)
        self.assertEqual(machine.version(), "1.0.0")
        machine.command("update", "app")
        machine.await_version("2.0.0")

    def test_a_stranger_may_not_roll_back(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        asked = subprocess.run([world.bin / "upswarm", "--installer-socket", machine.installer_settings["socket"], "--json", "rollback", "app"],
                               capture_output=True, text=True, user=65534, group=65534, extra_groups=[])
        self.assertNotEqual(asked.returncode, 0)
        self.assertSays(asked.stdout, "administrator")

    def test_a_user_puts_an_update_off_and_takes_it_after_all(self):
        world = self.published("1.0.0")
        machine = world.machines[0].start()
        machine.await_version("1.0.0")
        machine.command("defer", "app", "1h")
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.command("check")
        wait_until("the machine says that it was put off", lambda: "put off" in json.dumps(machine.status()) or "defer" in json.dumps(machine.status()))
        self.assertEqual(machine.version(), "1.0.0")
        machine.command("update")
        machine.await_version("1.1.0")

    def test_packages_are_kept_for_neighbours_and_for_the_way_back(self):
        world = self.published("1.0.0", machines=0)
        thrifty, usual = [world.machine(name, agent={"swarm": {"listen_address": f"127.0.0.{number}", "listen_port": 0, "http_after": "3s",
                                                               "local_discovery": False, "keep_free": "1 MiB", **more}}).start()
                          for number, name, more in ((2, "thrifty", {"cache_age": "0s"}), (3, "usual", {}))]
        for version in ("1.0.0", "1.1.0", "1.2.0"):
            if version != "1.0.0":
                world.release(version, world.tree(version, big(version, changed=True)))
            for machine in (thrifty, usual):
                machine.await_version(version)
        for machine, kept in ((thrifty, 2), (usual, 3)):
            wait_until(f"{machine.name} has tidied up", lambda m=machine, k=kept: m.status()["seeding"] == k and len(
                list((m.folder / "agent/packages").glob("*.bin"))) == k)

    def test_reports_reach_the_seeder(self):
        world = self.published("1.0.0")
        world.machines[0].start().await_version("1.0.0")
        key = world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", "api-key", "new", "desk", "--scope", "read").json()["key"]

        def reported():
            context = ssl.create_default_context(cafile=world.ca_file)
            request = urllib.request.Request(world.seeder_url + "/v1/status", headers={"Authorization": f"Bearer {key}"})
            return json.load(urllib.request.urlopen(request, context=context))["reports"] >= 1
        wait_until("the report is at the seeder", reported)
        told = world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", "reports").json()["reports"][0]
        self.assertEqual(told["bytes"], world.machines[0].history()[0]["bytes"])

    def test_a_bundle_is_uploaded_over_https(self):
        world = self.world().init()
        world.start_seeder()
        key = world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", "api-key", "new", "ci", "--scope", "upload").json()["key"]
        key_file = world.folder / "api.key"
        key_file.write_text(key)
        tree = world.tree("1.0.0", big("1.0.0"))
        world.run("upswarm-publish", "--repository", world.repository, "release", tree, "--product", "app", "--version", "1.0.0", "--channel",
                  "stable", "--platform", "linux-x64", "--recipe", world.recipe(), "--rollout", 1000, "--to", world.seeder_url,
                  "--api-key-file", key_file, "--ca-file", world.ca_file)
        world.machine("m1").start().await_version("1.0.0")
        status = ("upswarm-publish", "--repository", world.repository, "--json", "status", "--to", world.seeder_url, "--ca-file", world.ca_file,
                  "--api-key-file")
        unknown = world.run(*status, key_file).json()
        self.assertSays(unknown["use_unknown"], "scope read")
        reader = world.folder / "reader.key"
        reader.write_text(world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "--json", "api-key", "new", "desk", "--scope",
                                    "read").json()["key"])

        def machines():
            release = world.run(*status, reader).json()["products"][0]["indexes"][0]["releases"][0]
            return release.get("used", {}).get("machines", 0)
        wait_until("the publisher says that a machine has the package", lambda: machines() == 1, seconds=60)

    def test_hooks_services_and_confirmation(self):
        world = self.world().init()
        world.start_seeder()
        calls = world.folder / "calls"
        systemctl = world.folder / "systemctl"
        systemctl.write_text(f"#!/bin/sh\n[ $1 = show ] || echo $1 $2 >> {calls}\n")
        systemctl.chmod(0o755)
        recipe = world.recipe(hooks={"before": {"argv": ["bin/hook", "before"]}, "after": {"argv": ["bin/hook", "after"]}}, services=["web"])
        hook = f"#!/bin/sh\necho hook $1 $UPSWARM_FROM-$UPSWARM_VERSION >> {calls}\n"
        machine = world.machine("m1", installer={"systemctl": systemctl}).start()
        for version in ("1.0.0", "1.1.0"):
            world.release(version, world.tree(version, {**big(version), "bin/hook": hook}), recipe=recipe)
            world.await_taken_in()
            machine.await_version(version)
        self.assertEqual(calls.read_text().splitlines(),
                         ["hook before -1.0.0", "hook after -1.0.0", "start web",
                          "hook before 1.0.0-1.1.0", "stop web", "hook after 1.0.0-1.1.0", "start web"])

    def test_two_products_of_one_machine(self):
        world = self.world().init("app", "tool")
        world.start_seeder()
        world.release("1.0.0", world.tree("app", big("1.0.0")))
        world.release("7.0.0", world.tree("tool", big("7.0.0")), product="tool")
        world.await_taken_in()
        machine = world.machine("m1", products=("app", "tool")).start()
        machine.await_version("1.0.0", "app")
        machine.await_version("7.0.0", "tool")

    def test_sign_once_where_no_seeder_runs(self):
        world = self.world().init()
        world.start_seeder()
        world.seeder.stop()
        world.release("1.0.0", world.tree("1.0.0", big("1.0.0")))
        world.run("upswarm-seeder", "--config", world.folder / "seeder.toml", "sign-once")
        self.assertEqual(list((world.seeder_folder / "incoming").iterdir()), [])
        world.start_seeder()
        world.machine("m1").start().await_version("1.0.0")

    def test_every_program_helps_and_tells_its_version(self):
        world = self.world()
        for program in ("upswarm-agent", "upswarm-installer", "upswarm", "upswarm-seeder", "upswarm-publish"):
            self.assertSays(world.run(program, "--help").out, "--config" if program not in ("upswarm", "upswarm-publish") else "--json", "Exit codes")
            self.assertSays(world.run(program, "--version").out, program)
            self.assertEqual(world.run(program, "--no-such-option", check=False).code, 2, program)


if __name__ == "__main__":
    main()
