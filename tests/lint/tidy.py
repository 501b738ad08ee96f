#!/usr/bin/env python3
"""clang-tidy-16 that remembers which inputs were good: what ccache does for a compiler.

usage, as CMake's CMAKE_CXX_CLANG_TIDY calls it:  tidy_cached.py [option ...] SOURCE -- COMPILER [argument ...]

What decides about the result is hashed: the source as the compiler sees it, with its comments (NOLINT), the words of the
command, the checks, clang-tidy's version. A good result leaves an empty file of that name in
$XDG_CACHE_HOME/upswarm/tidy (~/.cache); a bad one leaves nothing. The folder may be deleted at any time.
"""

import hashlib
import os
import pathlib
import subprocess
import sys

TIDY = "clang-tidy-16"
ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "upswarm/tidy"
NEWEST = 20000  # results kept


def key_of(words, compiler):
    """The hash of all that decides, or nothing when the compiler does not even read the source."""
    plain, skip = [], False
    for word in compiler:
        if skip or word in ("-c", "-MD"):
            skip = False
        elif word in ("-o", "-MF", "-MT"):
            skip = True
        else:
            plain.append(word)
    seen = subprocess.run([*plain, "-E", "-CC"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    if seen.returncode != 0:
        return None
    version = subprocess.run([TIDY, "--version"], stdout=subprocess.PIPE, check=True).stdout
    parts = [seen.stdout, version, (ROOT / ".clang-tidy").read_bytes(), "\0".join(words + plain).encode()]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def main(words):
    tidy_words, compiler = (words[:words.index("--")], words[words.index("--") + 1:]) if "--" in words else (words, [])
    key = key_of(tidy_words, compiler) if compiler else None
    good = CACHE / key if key else None
    if good and good.exists():
        good.touch()
        return 0
    code = subprocess.run([TIDY, *words], check=False).returncode
    if good and code == 0:
        CACHE.mkdir(parents=True, exist_ok=True)
        good.touch()
        old = sorted(CACHE.iterdir(), key=lambda file: file.stat().st_mtime)[:-NEWEST]
        for file in old:
            file.unlink(missing_ok=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
