// A repository that tuf-js's models write and sign:  node repository.mjs FOLDER VERSION
// VERSION 1: all roles, a delegated role "rel-app" with two targets. VERSION 2 on top of it: a new root key and a new
// timestamp key, and a target more. Keys are kept in FOLDER/keys.
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Key, MetaFile, Metadata, Root, Signature, Snapshot, TargetFile, Targets, Timestamp } from "@tufjs/models";

const [folder, versionText] = process.argv.slice(2);
const version = Number(versionText);
const expires = new Date(Date.now() + 3600_000).toISOString().replace(/\.\d+Z$/, "Z");
const common = { version, specVersion: "1.0.31", expires };

function write(name, bytes) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
}

/** The secret key `name`, made at its first use. */
function secret(name) {
  const path = join(folder, "keys", `${name}.pem`);
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync("ed25519");
    write(`keys/${name}.pem`, privateKey.export({ type: "pkcs8", format: "pem" }));
  }
  return createPrivateKey(readFileSync(path));
}

function key(name) {
  const raw = createPublicKey(secret(name)).export({ type: "spki", format: "der" }).subarray(-32).toString("hex");
  const keyID = createHash("sha256").update(`key ${name}`).digest("hex");
  return new Key({ keyID, keyType: "ed25519", scheme: "ed25519", keyVal: { public: raw } });
}

/** Writes `signed` as `name`, signed by the keys named, and returns what the role above says of it. */
function publish(name, signed, ...signers) {
  const metadata = new Metadata(signed);
  for (const signer of signers) {
    metadata.sign((data) => new Signature({ keyID: key(signer).keyID, sig: sign(null, data, secret(signer)).toString("hex") }));
  }
  const bytes = JSON.stringify(metadata.toJSON(), null, 1);
  write(`metadata/${name}`, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return new MetaFile({ version, length: Buffer.byteLength(bytes), hashes: { sha256 } });
}

function target(path, content) {
  const hashes = { sha256: createHash("sha256").update(content).digest("hex") };
  const at = path.lastIndexOf("/") + 1;
  write(`targets/${path.slice(0, at)}${hashes.sha256}.${path.slice(at)}`, content);
  return new TargetFile({ path, length: Buffer.byteLength(content), hashes });
}

const rootKey = `root${version}`;
const timestampKey = `timestamp${version}`;
const root = new Root({ ...common, consistentSnapshot: true });
root.addKey(key(rootKey), "root");
root.addKey(key(timestampKey), "timestamp");
root.addKey(key("snapshot"), "snapshot");
root.addKey(key("targets"), "targets");
publish(`${version}.root.json`, root, rootKey, ...(version > 1 ? [`root${version - 1}`] : []));

const app = new Targets({ ...common, unrecognizedFields: { "x-of-a-stranger": { b: [1, "\u00e9\n\"\\"], a: null } } });
app.addTarget(target("pkg/app/one.txt", "the first\n"));
app.addTarget(target("pkg/app/deep/two.txt", "the second\n"));
if (version > 1) app.addTarget(target("pkg/app/three.txt", "the third\n"));
const appFile = publish(`${version}.rel-app.json`, app, "rel-app");

const targets = Metadata.fromJSON("targets", {
  signatures: [],
  signed: {
    ...new Targets(common).toJSON(),
    delegations: {
      keys: { [key("rel-app").keyID]: key("rel-app").toJSON() },
      roles: [
        {
          name: "rel-app",
          keyids: [key("rel-app").keyID],
          threshold: 1,
          terminating: false,
          paths: ["pkg/app/*", "pkg/app/*/*"],
        },
      ],
    },
  },
}).signed;
const targetsFile = publish(`${version}.targets.json`, targets, "targets");
const snapshot = new Snapshot({ ...common, meta: { "targets.json": targetsFile, "rel-app.json": appFile } });
const snapshotFile = publish(`${version}.snapshot.json`, snapshot, "snapshot");
publish("timestamp.json", new Timestamp({ ...common, snapshotMeta: snapshotFile }), timestampKey);
