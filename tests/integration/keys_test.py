#!/usr/bin/env python3
"""Keys: several people sign, keys are rotated and revoked, and machines follow. The real programs, start to end."""

from base import WorldTest, big, main


class Keys(WorldTest):
    def desk(self, *words, check=True):
        """upswarm-publish with the repository, handing over to the seeder's incoming folder."""
        to = ["--to", self.world_.seeder_folder / "incoming"] if words[:2] != ("keys", "list") else []
        return self.world_.run("upswarm-publish", "--repository", self.world_.repository, "--json", *words, *to, check=check)

    def person(self, role, name):
        """A person with a key of his own, far from the repository; the folder."""
        folder = self.world_.folder / "people" / name
        self.world_.run("upswarm-publish", "keys", "new", role, "--name", name, "-o", folder)
        return folder

    def sign(self, change, role, name):
        """Offline: with a copy of the change and his own key file alone. The signed copy."""
        folder = self.world_.folder / "people" / name
        copy = folder / change.rsplit("/", 1)[1]
        copy.write_bytes((self.world_.folder / change).read_bytes())
        answer = self.world_.run("upswarm-publish", "--repository", "/nonexistent", "--json", "keys", "sign", copy, "--yes", "--key",
                                 folder / f"{role}-{name}.key.json")
        return copy, answer.json()

    def two_sign_releases(self):
        """From now on releases need the desk's key and anna's."""
        anna = self.person("rel-app", "anna")
        added = self.desk("keys", "add-signer", "rel-app", anna / "rel-app-anna.pub.json", "--threshold", 2).json()
        self.assertEqual([(m["good"], m["wanted"]) for m in added["missing"]], [(1, 2)])
        copy, _ = self.sign(added["change"], "rel-app", "anna")
        self.desk("keys", "publish", copy)
        self.world_.await_taken_in()

    def release(self, version, **more):
        return self.world_.release(version, self.world_.tree(version, big(version, changed=True)), **more).json()

    def running(self, *versions):
        self.world_ = self.published(*versions)
        machine = self.world_.machines[0].start()
        machine.await_version(versions[-1])
        return machine

    def test_two_people_release(self):
        machine = self.running("1.0.0")
        self.two_sign_releases()
        pending = self.release("1.1.0")
        self.assertNotIn("bundle", pending)
        early = self.desk("keys", "publish", pending["change"], check=False)
        self.assertEqual(early.code, 3)
        self.assertSays(early.error(), "signatures are missing", "1 of 2")
        copy, signed = self.sign(pending["change"], "rel-app", "anna")
        self.assertSays(signed["words"], "ADDS", "1.1.0  release 1.2", "bin/check")
        self.assertEqual(signed["missing"], [])
        self.assertEqual(machine.version(), "1.0.0")
        self.desk("keys", "publish", copy)
        self.world_.await_taken_in()
        machine.await_version("1.1.0")

    def test_a_rotated_root_and_a_machine_that_updates(self):
        machine = self.running("1.0.0")
        rotated = self.desk("keys", "rotate", "root").json()
        self.desk("keys", "rotate", "targets")
        self.world_.await_taken_in()
        roles = {role["role"]: role for role in self.desk("keys", "list").json()["roles"]}
        self.assertEqual([key["key_id"] for key in roles["root"]["keys"]], [rotated["new_key"]])
        self.assertEqual(roles["root"]["version"], 3)
        self.release("1.1.0")
        self.world_.await_taken_in()
        machine.await_version("1.1.0")
        self.assertIn('"version":3', (machine.folder / "installer/trust/root.json").read_text())

    def test_a_revoked_release_key_and_a_raised_epoch(self):
        machine = self.running("1.0.0")
        anna = self.person("rel-app", "anna")
        self.desk("keys", "add-signer", "rel-app", anna / "rel-app-anna.pub.json")
        stolen = next(key for role in self.desk("keys", "list").json()["roles"] if role["role"] == "rel-app" for key in role["keys"] if key["file"])
        revoked = self.desk("keys", "revoke", "rel-app", stolen["key_id"], "--raise-epoch").json()
        copy, signed = self.sign(revoked["change"], "rel-app", "anna")
        self.assertSays(signed["words"], "REMOVED", "epoch 1 becomes 2")
        self.desk("keys", "publish", copy)
        self.world_.await_taken_in()
        # The thief's release is one that nobody signed.
        thief = self.release("6.6.6", rollout=None)
        self.assertEqual([m["good"] for m in thief["missing"]], [0])
        report = self.world_.release("1.1.0", self.world_.tree("1.1.0", big("1.1.0", changed=True)), extra=["--keys", anna]).json()
        self.assertEqual(report["counter"], "2.1")
        self.world_.await_taken_in()
        machine.await_version("1.1.0")

    def test_online_keys_are_replaced_while_a_machine_follows(self):
        machine = self.running("1.0.0")
        for role in ("timestamp", "snapshot", "rollout"):
            rotated = self.desk("keys", "rotate", role).json()
            self.world_.await_taken_in()
            key = self.world_.seeder_folder / "keys" / f"{role}.key"
            key.write_bytes((self.world_.repository / "online-keys" / f"{role}.key").read_bytes())
            self.desk("renew")  # something to sign, with the new key
            self.world_.await_taken_in()
            self.desk("keys", "revoke", role, rotated["old_key"])
            self.world_.await_taken_in()
        self.release("1.1.0")
        self.world_.await_taken_in()
        machine.await_version("1.1.0")

    def test_nightly_builds_reach_who_opted_in_alone(self):
        self.world_ = self.published("1.0.0", machines=1)
        ci = self.person("pre-app", "ci")
        self.desk("keys", "add-signer", "pre-app", ci / "pre-app-ci.pub.json")
        follower = self.world_.machine("m2")
        follower.installer_settings["product"][0]["prerelease"] = True
        follower.write_configs()
        other = self.world_.machines[0]
        report = self.release("1.1.0-nightly.1", extra=["--pre", "--keys", ci])
        self.assertIn("bundle", report)
        self.world_.await_taken_in()
        other.start().await_version("1.0.0")
        follower.start().await_version("1.1.0-nightly.1")
        self.release("1.1.0")
        self.world_.await_taken_in()
        other.await_version("1.1.0")
        follower.await_version("1.1.0")


if __name__ == "__main__":
    main()
