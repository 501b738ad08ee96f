#!/usr/bin/env python3
"""What a refresh costs, beside tuf-js in the same run, and for how many products.

  usage: tests/bench/trust.py [--bin DIR] [--products 10,1000] [--rounds 200]     (build the preset release with -DUPSWARM_TESTS=ON)

Milliseconds of CPU of the client alone; the server is another process. Bytes are bodies as they come over the network. "first": nothing is there. "again": nothing is new, the same client.
"anew": nothing is new, a client that has just started. "elsewhere": a product was released that this machine does not follow.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))
sys.path.insert(0, str(HERE.parent / "support"))

NODE = """
import { Updater } from "tuf-js";
const [metadataDir, url, rounds, ...targets] = process.argv.slice(2);
const once = async () => {
  const updater = new Updater({ metadataDir, metadataBaseUrl: url + "/metadata", targetBaseUrl: url + "/targets" });
  await updater.refresh();
  for (const path of targets) if (!(await updater.getTargetInfo(path))) throw new Error(path);
};
const measure = async (count) => {
  const from = process.cpuUsage();
  for (let i = 0; i < count; ++i) await once();
  const spent = process.cpuUsage(from);
  return (spent.user + spent.system) / 1000 / count;
};
const first = await measure(1);
await measure(20);
console.log(JSON.stringify({ first: { cpu_ms: first }, anew: { cpu_ms: await measure(Number(rounds)) } }));
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=str(HERE.parent.parent / "build/release/bin"))
    parser.add_argument("--products", default="10,1000")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    bench = pathlib.Path(options.bin) / "trust_bench"
    tuf_js = find_tuf_js()
    results = []
    for products in [int(n) for n in options.products.split(",")]:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="usb-"))
        try:
            results.append(measure(bench, tuf_js, folder, products, options.rounds))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        print(json.dumps(results))
        return
    print("products  client    first ms   again ms   anew ms   elsewhere ms   first bytes   again bytes   elsewhere bytes")
    for one in results:
        for client in ("upswarm", "tuf-js"):
            if client in one:
                m = one[client]
                cell = lambda phase, key, form: form % m[phase][key] if phase in m and key in m[phase] else "-"  # noqa: E731
                print(f"{one['products']:8}  {client:8} {cell('first', 'cpu_ms', '%.2f'):>9} {cell('again', 'cpu_ms', '%.2f'):>10}"
                      f" {cell('anew', 'cpu_ms', '%.2f'):>9} {cell('elsewhere', 'cpu_ms', '%.2f'):>14} {cell('first', 'bytes', '%d'):>13}"
                      f" {cell('again', 'bytes', '%d'):>13} {cell('elsewhere', 'bytes', '%d'):>17}")
        if "tuf-js" in one:
            print(f"          a new client with nothing new: tuf-js / upswarm = {one['tuf-js']['anew']['cpu_ms'] / one['upswarm']['anew']['cpu_ms']:.1f}")


def find_tuf_js():
    import base  # noqa: PLC0415: needs the path above
    import tuf_js_test  # noqa: PLC0415

    assert base
    folder, why = tuf_js_test.tuf_js()
    if not folder:
        print(f"without tuf-js: {why}", file=sys.stderr)
        return None
    (folder / "bench.mjs").write_text(NODE)
    return folder / "bench.mjs"


def run(*words):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True).stdout


def measure(bench, tuf_js, folder, products, rounds):
    served = folder / "served"
    run(bench, "make", served, products, 20)
    server = subprocess.Popen([bench, "serve", served], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        url = f"http://127.0.0.1:{int(server.stdout.readline())}"
        one = {"products": products, "upswarm": json.loads(run(bench, "refresh", url, folder / "machine", rounds))}
        if tuf_js:
            theirs = folder / "theirs"
            theirs.mkdir()
            shutil.copy(served / "metadata/1.root.json", theirs / "root.json")
            targets = [f"{kind}/product-{n}/{rest}" for n in (0, 1)
                       for kind, rest in (("index", "stable/linux-x64.json"), ("rollout", "stable.linux-x64.json"))]
            one["tuf-js"] = json.loads(run("node", tuf_js, theirs, url, rounds, *targets))
        run(bench, "publish", served, products, 20)
        one["upswarm"]["elsewhere"] = json.loads(run(bench, "refresh", url, folder / "machine", 1))["first"]
        return one
    finally:
        server.stdin.close()
        server.wait()


if __name__ == "__main__":
    main()
