#!/usr/bin/env python3
"""Bad input gets a clear error and loses nothing: each with the real programs."""

import hashlib
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import time

from base import Failure, WorldTest, big, main, noise, wait_until


def last_error(machine):
    """What the machine says went wrong last, in words."""
    error = machine.status().get("last_error") or {}
    return " ".join([error.get("what", ""), error.get("advice", "")]).strip()


def raw_zstd(content):
    """A zstd frame that stores its content (RFC 8878)."""
    head = struct.pack("<IBI", 0xFD2FB528, 0b10100000, len(content))  # one segment, a size of four bytes
    return head + struct.pack("<I", 1 | len(content) << 3)[:3] + content


def hand_made_package(name, content):
    """A full package of one file, with any name (docs/formats.md)."""
    text = name.encode()
    digest = hashlib.sha256(content).digest()
    outline = struct.pack("<IBI", 1, 1, len(text)) + text + struct.pack("<IQ", 0o644, len(content))
    frame = raw_zstd(content)
    index = struct.pack("<Q", len(outline)) + outline + digest
    index += struct.pack("<IIII", 0, 1, len(frame), 1) + hashlib.sha256(frame).digest()  # no history; one frame of one chunk
    index += struct.pack("<II", 1, 0)  # one chunk, all of the file
    packed = raw_zstd(index)
    return b"UPSWPKG\n" + struct.pack("<IIQQ", 2, 0, len(packed), len(index)) + packed + frame


class BadInput(WorldTest):
    def on_one(self, **settings):
        """A world whose machine runs 1.0.0."""
        world = self.published("1.0.0", **settings)
        world.machines[0].start().await_version("1.0.0")
        return world, world.machines[0]

    def await_error(self, machine, *words, seconds=40):
        machine.command("check")
        try:
            wait_until(f"the machine says {words}", lambda: all(w in last_error(machine) for w in words), seconds)
        except Failure as failure:
            raise Failure(f"{failure}\nlast error: {last_error(machine)}\n{machine.agent.words()[-3000:]}") from None

    def test_an_unreachable_seeder_is_named_and_the_machine_runs_on(self):
        world, machine = self.on_one()
        world.seeder.stop()
        self.await_error(machine, world.seeder_url.split("//")[1])
        self.assertEqual(machine.version(), "1.0.0")
        world.start_seeder()
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        machine.await_version("1.1.0")

    def test_a_wrong_certificate_is_refused(self):
        world = self.published("1.0.0")
        other = world.folder / "other"
        other.mkdir()
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=other", "-keyout", other / "key.pem", "-out", other / "ca.pem"], check=True, capture_output=True)
        other.chmod(0o755)
        (other / "ca.pem").chmod(0o644)
        machine = world.machines[0]
        machine.agent_settings["ca_file"] = str(other / "ca.pem")
        machine.write_configs()
        machine.start()
        self.await_error(machine, "certificate")
        self.assertIsNone(machine.version())

    def test_expired_metadata_holds_and_says_why(self):
        world, machine = self.on_one()
        machine.stop()
        # The seeder stays in its own time: what it serves expired for a machine that lives 30 days later.
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        for program in (machine.agent, machine.installer):
            program.argv = ["faketime", "-f", "+30d", *program.argv]
        machine.start()
        self.await_error(machine, "timestamp", "expired")
        self.assertNotIn("certificate", last_error(machine))
        self.assertEqual(machine.version(), "1.0.0")

    def test_wrongly_signed_metadata_is_refused(self):
        world, machine = self.on_one()
        timestamp = world.seeder_folder / "repository/metadata/timestamp.json"
        world.seeder.stop()
        served = json.loads(timestamp.read_text())
        served["signed"]["version"] += 100
        world_served = self.serve_instead(world, {"/metadata/timestamp.json": json.dumps(served).encode()})
        self.await_error(machine, "timestamp", "sign")
        self.assertEqual(machine.version(), "1.0.0")
        world_served.stop()

    def test_a_replayed_older_index_is_refused(self):
        world, machine = self.on_one()
        shutil.copytree(world.seeder_folder / "repository/metadata", world.folder / "old")
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0", changed=True)))
        world.await_taken_in()
        machine.await_version("1.1.0")
        world.seeder.stop()
        old = {f"/metadata/{f.name}": f.read_bytes() for f in (world.folder / "old").iterdir()}
        served = self.serve_instead(world, old)
        self.await_error(machine, "older")
        self.assertEqual(machine.version(), "1.1.0")
        served.stop()

    def serve_instead(self, world, replaced):
        """A hostile seeder on the same address: the repository's files, but for those replaced."""
        import http.server
        import ssl
        import threading
        repository = world.seeder_folder / "repository"

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                file = repository / self.path.lstrip("/")
                content = replaced.get(self.path) or (file.read_bytes() if file.is_file() else None)
                self.send_response(200 if content is not None else 404)
                self.send_header("Content-Length", str(len(content or b"")))
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True

            def stop(self):
                self.shutdown()
                self.server_close()

        server = Server((world.address, world.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(world.seeder_folder / "tls/certificate.pem", world.seeder_folder / "tls/key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        return server

    def damage(self, world, pattern, change):
        """Changes the stored package behind the seeder's back."""
        file = next((world.seeder_folder / "repository/targets/pkg/app").rglob(pattern))
        content = bytearray(file.read_bytes())
        file.write_bytes(bytes(change(content)))
        return file

    def test_an_altered_package_is_refused_and_the_whole_one_taken(self):
        world = self.published("1.0.0", agent={"patience": "5s"})

        def flip(content):
            content[len(content) // 2] ^= 1
            return content
        kept = self.damage(world, "*.upk", flip)
        machine = world.machines[0].start()
        self.await_error(machine, "SHA-1 is not the signed one")
        self.assertIsNone(machine.version())
        content = bytearray(kept.read_bytes())
        kept.write_bytes(bytes(flip(content)))
        machine.command("check")
        machine.await_version("1.0.0", seconds=90)

    def test_a_truncated_package_is_refused(self):
        world = self.published("1.0.0", agent={"patience": "5s"})
        self.damage(world, "*.upk", lambda content: content[: len(content) // 2])
        machine = world.machines[0].start()
        wait_until("the machine says while it waits why nothing comes",
                   lambda: any("HTTP" in p["detail"] for p in machine.status()["products"]))
        self.await_error(machine, "nothing came for 5.0 s", "HTTP")
        self.assertIsNone(machine.version())
        machine.must_live()

    def test_a_full_disk_is_said_and_loses_nothing(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to mount a small tmpfs")
        world = self.published("1.0.0")
        machine = world.machines[0]
        machine.installed.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m,mode=0755", "tmpfs", machine.installed], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", machine.installed], check=False)
        machine.start()
        update = machine.await_history("failed")
        self.assertSays(update["reason"], "are free")
        self.assertIsNone(machine.version())
        subprocess.run(["mount", "-o", "remount,size=64m", machine.installed], check=True)
        machine.command("update", check=False)
        machine.await_version("1.0.0", seconds=90)

    def test_a_package_that_names_a_path_outside_is_refused(self):
        world = self.world()
        package, out = world.folder / "a.upk", world.folder / "out" / "tree"
        out.parent.mkdir()
        package.write_bytes(hand_made_package("bin", b"harmless"))
        world.run("upswarm-publish", "unpack", package, "-o", out)
        self.assertEqual((out / "bin").read_bytes(), b"harmless", "the package made by hand is a good one, but for its name")
        for name in ("../x", "a/../../x", "/x", "..", "a\\..\\x", "c:x"):
            shutil.rmtree(out, ignore_errors=True)
            package.write_bytes(hand_made_package(name, b"hostile"))
            refused = world.run("upswarm-publish", "--json", "unpack", package, "-o", out, check=False)
            self.assertNotEqual(refused.code, 0)
            self.assertSays(refused.error(), name)
            self.assertFalse(out.exists(), name)
            self.assertEqual([f for f in world.folder.rglob("x")], [])

    def test_a_port_in_use_is_named(self):
        world = self.world().init()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            world.seeder_settings["port"] = taken.getsockname()[1]
            with self.assertRaises(Failure) as failed:
                world.start_seeder()
            self.assertSays(str(failed.exception), str(taken.getsockname()[1]), "in use")

    def test_a_bittorrent_port_in_use_is_named(self):
        world = self.published("1.0.0")
        machine = world.machines[0]
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            machine.agent_settings["swarm"]["listen_port"] = taken.getsockname()[1]
            machine.write_configs()
            machine.start_installer()
            machine.agent.start()
            wait_until("the agent ends", lambda: not machine.agent.alive())
            self.assertSays(machine.agent.words(), str(taken.getsockname()[1]))

    def test_broken_toml_names_file_line_and_key(self):
        world = self.world().init()
        cases = {"upswarm-agent": ("seeder_url = \"http://127.0.0.1:1\"\npoll_interval = 5\n", ":2", "poll_interval"),
                 "upswarm-installer": ("keep_releases = \"x\"\n[[product]]\nproduct=\"a\"\nroot=\"/a\"\n", ":1", "keep_releases"),
                 "upswarm-seeder": ("port = \"https\"\n", ":1", "port")}
        for program, (text, line, key) in cases.items():
            file = world.folder / f"{program}.toml"
            file.write_text(text)
            answer = world.run(program, "--config", file, "--json", check=False)
            self.assertEqual(answer.code, 2, program + answer.error())
            self.assertSays(answer.error(), str(file) + line, key)
            file.write_text("port = \n" if program == "upswarm-seeder" else "this is no TOML\n")
            answer = world.run(program, "--config", file, "--json", check=False)
            self.assertEqual(answer.code, 2, program)
            self.assertSays(answer.error(), str(file) + ":1")

    def test_an_unknown_key_is_refused_by_name(self):
        world = self.world().init()
        for program, text in (("upswarm-agent", "seeder_url = \"http://127.0.0.1:1\"\npol_interval = \"5s\"\n"),
                              ("upswarm-installer", "[[product]]\nproduct=\"a\"\nroot=\"/a\"\nchanel=\"x\"\n"),
                              ("upswarm-seeder", "portt = 1\n")):
            file = world.folder / f"{program}.toml"
            file.write_text(text)
            answer = world.run(program, "--config", file, "--json", check=False)
            self.assertEqual(answer.code, 2, program + answer.error())
            self.assertSays(answer.error(), "not known")

    def test_a_wrong_recipe_names_line_and_key(self):
        world = self.world().init()
        recipe = world.folder / "bad.toml"
        recipe.write_text('layout = "versioned"\nhelth = "none"\n')
        answer = world.release("1.0.0", world.tree("1.0.0", big("1.0.0")), recipe=recipe, check=False)
        self.assertNotEqual(answer.code, 0)
        self.assertSays(answer.error(), "bad.toml:2", "helth")

    def test_a_wrong_passphrase_changes_nothing(self):
        world = self.world().init()
        (world.seeder_folder / "incoming").mkdir()
        before = sorted((p.name, p.read_bytes()) for p in (world.repository / "metadata").iterdir())
        tree = world.tree("1.0.0", big("1.0.0"))
        answer = world.run("upswarm-publish", "--repository", world.repository, "--json", "release", tree, "--product", "app", "--version",
                           "1.0.0", "--channel", "stable", "--platform", "linux-x64", "--recipe", world.recipe(), "--to",
                           world.seeder_folder / "incoming", env={"UPSWARM_PASSPHRASE": "wrong"}, check=False)
        self.assertEqual(answer.code, 1)
        self.assertSays(answer.error(), "passphrase")
        self.assertEqual(before, sorted((p.name, p.read_bytes()) for p in (world.repository / "metadata").iterdir()))
        self.assertEqual(list((world.seeder_folder / "incoming").iterdir()), [])

    def in_mid_download(self):
        """A machine that has a part of its first release, from a slow seeder."""
        world = self.world(seeder={"upload_limit": 1_500_000}).init()
        world.start_seeder()
        world.release("1.0.0", world.tree("1.0.0", {**big("1.0.0"), "share/more": noise(6 << 20, 3)}))
        world.await_taken_in()
        machine = world.machine("m1", agent={"swarm": {"listen_address": "127.0.0.1", "listen_port": 0, "local_discovery": False,
                                                       "http_after": "30s", "keep_free": "1 MiB"}}).start()
        wait_until("some bytes are there", lambda: sum(p["done"] for p in machine.status()["products"]) > 2_000_000, 60)
        self.assertIsNone(machine.version())
        return world, machine

    def test_a_seeder_restarted_in_mid_download(self):
        world, machine = self.in_mid_download()
        world.seeder.kill()
        world.start_seeder()
        machine.await_version("1.0.0", seconds=120)

    def test_an_agent_killed_in_mid_download_goes_on_with_what_it_had(self):
        _, machine = self.in_mid_download()
        machine.agent.kill()
        machine.start_agent()
        machine.await_version("1.0.0", seconds=120)
        self.assertGreater(machine.history()[0]["bytes"]["disk"], 0, "pieces fetched before the kill count again")
        states = [states for _, states in machine.sessions()]
        self.assertEqual([states[0][-1], states[1][-1]], ["completed", "cancelled"], "no session stays open after a kill")

    def test_an_installer_killed_at_random_moments(self):
        world, machine = self.on_one()
        chance = random.Random(7)
        for number in range(6):
            version = f"1.{number + 1}.0"
            world.release(version, world.tree(version, {**big(version), "share/extra": noise(4 << 20, number)}), extra=["--deltas", 1])
            world.await_taken_in()
            machine.command("check")
            deadline = time.monotonic() + chance.uniform(0.0, 2.5)
            wait_until("a moment", lambda: time.monotonic() > deadline, every=0.01)
            machine.installer.kill()
            running = machine.version()
            tree = world.folder / "trees" / running
            difference = subprocess.run(["diff", "-r", tree, machine.installed / "app/current/"], capture_output=True, text=True)
            self.assertEqual(difference.returncode, 0, f"a torn release after the kill in {version}:\n{difference.stdout}")
            machine.start_installer()
            machine.command("clear-bad", "app", check=False)  # after some interruptions a release is waited with for minutes
            machine.command("check")
            machine.await_version(version, seconds=90)

    def test_a_release_of_the_same_version_is_refused(self):
        world = self.published("1.0.0")
        answer = world.release("1.0.0", world.folder / "trees/1.0.0", check=False)
        self.assertNotEqual(answer.code, 0)
        self.assertSays(answer.error(), "1.0.0")

    def test_a_tampered_bundle_is_rejected_with_its_reason(self):
        world = self.published("1.0.0")
        world.seeder.stop()
        world.release("1.1.0", world.tree("1.1.0", big("1.1.0")))
        bundle = next((world.seeder_folder / "incoming").iterdir())
        package = next(bundle.rglob("*.upk"))
        package.write_bytes(package.read_bytes()[:-1] + b"x")
        world.start_seeder()
        with self.assertRaises(Failure) as refused:
            world.await_taken_in()
        self.assertSays(str(refused.exception), "upk")
        world.machines[0].start().await_version("1.0.0")


if __name__ == "__main__":
    main()
