#!/usr/bin/env python3
"""clang-tidy-16 over the sources of a build by clang, side by side; what was good before is not looked at again.

usage: tests/lint/tidy.py [--build DIR] [--jobs N] [PATH ...]

  --build DIR   a configured build by clang, for its compile_commands.json   (default: build/asan)
  --jobs N      sources at a time                                            (default: number of cores)
  PATH          files, or folders with all below them, from the tree's root  (default: what is shipped)

What decides about a result is hashed: the source as the compiler sees it, with its comments (NOLINT), the words of the
command, the checks, clang-tidy's version. A good result leaves an empty file of that name in
$XDG_CACHE_HOME/upswarm/tidy (~/.cache); a bad one leaves nothing. The folder may be deleted at any time.

Exit codes: 0 no finding, 1 findings (they are printed), 2 wrong use.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

TIDY = "clang-tidy-16"
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "upswarm/tidy"
NEWEST = 20000  # results kept
SHIPPED = ("protocol", "agent", "installer", "seeder")


def compiler_words(command):
    """A command of compile_commands.json without its launcher, its output and its dependency file."""
    words, skip = [], False
    for word in shlex.split(command):
        if skip or word in ("-c", "-MD") or word.endswith("ccache"):
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        else:
            words.append(word)
    return words


def key_of(words, folder, version):
    """The hash of all that decides, or nothing when the compiler does not even read the source."""
    seen = subprocess.run([*words, "-E", "-CC"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if seen.returncode != 0:
        return None
    digest = hashlib.sha256()
    for part in (seen.stdout, version, (ROOT / ".clang-tidy").read_bytes(), "\0".join(words).encode()):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def check(entry, build, version):
    """What clang-tidy has to say about one source; nothing when it is good."""
    key = key_of(compiler_words(entry["command"]), entry["directory"], version)
    good = CACHE / key if key else None
    if good and good.exists():
        good.touch()
        return ""
    done = subprocess.run([TIDY, "-p", build, "--quiet", entry["file"]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    if done.returncode != 0:
        return done.stdout
    if good:
        good.touch()
    return ""


def forget_old_results():
    for file in sorted(CACHE.iterdir(), key=lambda file: file.stat().st_mtime)[:-NEWEST]:
        file.unlink(missing_ok=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/asan")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("paths", nargs="*", default=SHIPPED)
    arguments = parser.parse_args()
    try:
        commands = json.loads((arguments.build / "compile_commands.json").read_text())
    except OSError as error:
        sys.exit(f"tidy.py: {error}; configure that build first, e.g. cmake --preset asan")
    wanted = [(ROOT / path).resolve() for path in arguments.paths]
    by_file = {entry["file"]: entry for entry in commands}  # a source of several targets is looked at once
    entries = [entry for file, entry in sorted(by_file.items()) if any(pathlib.Path(file).is_relative_to(path) for path in wanted)]
    if not entries:
        parser.error("no source of that build lies there")
    version = subprocess.run([TIDY, "--version"], stdout=subprocess.PIPE, check=True).stdout
    CACHE.mkdir(parents=True, exist_ok=True)
    bad = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for number, (entry, findings) in enumerate(
                zip(entries, pool.map(lambda entry: check(entry, arguments.build, version), entries)), 1):
            bad += bool(findings)
            print(f"[{number}/{len(entries)}] {os.path.relpath(entry['file'], ROOT)}", flush=True)
            print(findings, end="", flush=True)
    forget_old_results()
    print(f"clang-tidy: {len(entries)} sources, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
