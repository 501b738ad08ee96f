#!/usr/bin/env python3
"""Pairs of consecutive releases of real software, for run.py: fetched at pinned versions, checked, unpacked.

  usage: tests/bench/delta/pairs.py --to OUT [NAME...]     OUT/NAME/old and OUT/NAME/new; without names: all
         tests/bench/delta/pairs.py --list

Sources are apt (Debian 12 with its updates and security suites) and npm; both must be set up as usual. The SHA-256 of
every download is below; what has another is refused. Debian keeps few old versions: a pair that is served no longer is
reported, the others are made all the same, and the exit code is 1. Then pick versions that are served
(`apt-cache madison PKG`) and say so where figures are compared. A pair is made beside its place and moved there whole:
what is there is complete.

Only what a release of Upswarm can hold is kept: files, folders, and relative links that stay inside.
"""

import argparse
import hashlib
import os
import pathlib
import shutil
import stat
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Download:
    """One release of a package. `source` is "apt" or "npm"; `sha256` is of the .deb or the .tgz."""

    source: str
    package: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Pair:
    """Two releases, and what kind of content they stand for."""

    name: str
    kind: str
    old: Download
    new: Download


def npm(name, kind, package, old, new):
    return Pair(name, kind, Download("npm", package, *old), Download("npm", package, *new))


def apt(name, kind, package, old, new, new_package=None):
    return Pair(name, kind, Download("apt", package, *old), Download("apt", new_package or package, *new))


PAIRS = [
    npm("esbuild-win32", "Go, PE", "@esbuild/win32-x64",
        ("0.28.1", "5c5d62da7572b57ddc1fa3caedc36c1218b5d8d02ce9c7ee70e3339fce4453c4"),
        ("0.28.2", "7286c3611b6f1f4c4d9ec90adcbc478407ff0d28ead96567f361d53e67613e19")),
    npm("vsce-sign-win32", ".NET compiled ahead of time, PE", "@vscode/vsce-sign-win32-x64",
        ("2.0.5", "2d005c268eca19643e61527fc58a591f5e0d943f1b52f71a1fd79d474055d2a6"),
        ("2.0.6", "40b37323721d26b8de449f4283fab8056b3d669f15d3b4b0ab7b65d26e802484")),
    npm("typescript", "text", "typescript",
        ("5.9.2", "67a3bc82e822b8f45f653a80fc3a9730d23214d36c83ba85dd7f5abebee82062"),
        ("5.9.3", "10e108c9cf7d5f2879053dff18515fb405abf2ccef63eaaf017d9c571687a1d3")),
    apt("libssl3", "C, ELF", "libssl3",
        ("3.0.20-1~deb12u2", "89be24b41bff568ee6e7caf5680a3d808e80315ed92e407056ce0fa7a5bda025"),
        ("3.0.22-1~deb12u2", "cb4784740daa9b3b0eaea2b444bbefa686794afbbf3d678d238c1fd9875f2efd")),
    apt("libnode108", "C++, ELF", "libnode108",
        ("18.20.4+dfsg-1~deb12u2", "49c281c5fa259fa453a257e9cb0fcfb4385917ee21008ef1acbb5de2a9bb88a6"),
        ("18.20.4+dfsg-1~deb12u3", "4d1b4ba623b2f65a1b8a9524d3ecccd535388acbac1f9ce810eab017bbc01036")),
    apt("postgresql-15", "C, ELF, LLVM bitcode", "postgresql-15",
        ("15.18-0+deb12u1", "6974c43ddec4f383d099e7d642cd59d0af83c2c90c0fb153a4179aa1bb4d73c1"),
        ("15.20-0+deb12u1", "8566850f295c2cb5034ff5dd5b40caf97eea81b75a841c8d1f691c05ab8815db")),
    apt("linux-headers", "9,400 small text files, all of them moved", "linux-headers-6.1.0-54-common",
        ("6.1.190-1", "2e3acfa853c554b5c5e658190d1dd9b79d00e12175dffe172716ff52889b24fc"),
        ("6.1.192-1", "1e9c241504ead435b60c675193df0db28babf184de9aa562b49100f0ecf44d23"),
        "linux-headers-6.1.0-55-common"),
    apt("linux-modules", "relocatable ELF, all moved; a compressed kernel", "linux-image-6.1.0-54-cloud-amd64",
        ("6.1.190-1", "1868212d13c009807ddf76a495f7dc2da99e7b4dacf8ddd8117cc1850992989b"),
        ("6.1.192-1", "ad3018bdd76199acbdb89bdbd37e849be0614f3829aa85d0eb6154fee951cd0b"),
        "linux-image-6.1.0-55-cloud-amd64"),
    npm("date-fns", "thousands of small text files", "date-fns",
        ("4.3.0", "eca8524d0ab08c405d8798643946ccc0724f4be5ab214495a9608832a2b4f17d"),
        ("4.4.0", "eb106d1e9276213d6144b221c103e4abb7d92186734f7505f5a3860427b41a06")),
    npm("http-client-csharp-il", ".NET IL, changed", "@typespec/http-client-csharp",
        ("1.0.0-alpha.20260923.8", "3bf30a407d652857ac98939bd22b4e88a4a085da470fff934620d06b1d97b9d1"),
        ("1.0.0-alpha.20260924.3", "9ed779a3b76e8378f1c7fe715a90a49a4d2a65fa83eb1202fa58527e79882713")),
    npm("http-client-csharp", ".NET IL, built again", "@typespec/http-client-csharp",
        ("1.0.0-alpha.20260928.4", "5dc9beb3b77ac5208456fed161f05497699b54a649f61b351881b5819aae1260"),
        ("1.0.0-alpha.20260929.2", "0e2ce0496f43b4a37dcc6f2e751386169356503f685bd2c1d0e7c2e60b68f171")),
    npm("closure-compiler", "Java, one jar", "google-closure-compiler-java",
        ("20261011.0.0", "98fcb7d974363c681448373c9a1519374e81dc0d34cb763add352c4151de9077"),
        ("20261015.0.0", "ca26ec5391c4bd95e180e930137ee9cd8ed39b7ac432043854601b827a5fb4a9")),
    apt("openjdk-17", "Java image, C++ ELF", "openjdk-17-jre-headless",
        ("17.0.19+10-1~deb12u2", "587784e0d7efa5256b2224c2f177850a2408485b19ab7e5cb206ceba6a6e9bd4"),
        ("17.0.21.1+2-1~deb12u1", "6bbc6940ce68e1faaefd6bb3495cfe018a96bde54e069697131b9b459b822293")),
    npm("biome-linux", "Rust, ELF", "@biomejs/cli-linux-x64",
        ("2.6.7", "c360886b5ded263de504608c6ff626c87e8d4a52210b593efabdad7ec2232835"),
        ("2.6.8", "e9fc491ffec6ba4024549b7c797937cd4f01855b4fe66a78220efe83b95be7f1")),
    npm("swc-win32", "Rust, PE", "@swc/core-win32-x64-msvc",
        ("1.16.17", "bfc6ba690d6a7333c9f154a70a998c4a3711a6c19770ee6a13ff30733e5364c2"),
        ("1.16.18", "895419c18c9c09ba863611aff6f17943a66bab636c056fb055d348cefaa17e02")),
    npm("lightningcss-win32", "Rust, PE", "lightningcss-win32-x64-msvc",
        ("1.32.0", "15cba5880dba8647b7ec8c56532d8f32024b75f8cbf3236deab20a9c402862b7"),
        ("1.33.0", "feb506faf3bdf4139826f521777c71b53c355f8eb6bcdd3220e16c5e131f1197")),
    npm("sharp-win32", "C++, PE", "@img/sharp-win32-x64",
        ("0.35.4", "5bae8109aa0c7d115788abc3dd9b241caa8d316c838f163a9dadc310dff4008b"),
        ("0.35.5", "16a804181ddd258ca6fe7079b2faa0c0356654c9db3d93ab0a80ec5e5161c3d4")),
]


class Unavailable(Exception):
    """A release that could not be had, or is not the one that was pinned."""


def client(arguments, folder):
    """Runs a package client in `folder`. Its own words are the error."""
    done = subprocess.run(arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise Unavailable(f"{' '.join(arguments)}: {done.stdout.strip()[-500:]}")


def fetch(download, folder):
    """The file of `download`, from `folder` if it is there, else from its registry."""
    kept = folder / f"{download.source}-{download.package.replace('/', '+')}-{download.version}".replace(":", "%3a")
    if not kept.exists():
        scratch = folder / f"scratch-{os.getpid()}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        # apt drops its rights to _apt, which must be able to write here.
        scratch.chmod(0o777)
        try:
            if download.source == "apt":
                client(["apt-get", "download", f"{download.package}={download.version}"], scratch)
            else:
                client(["npm", "pack", "--loglevel=error", f"{download.package}@{download.version}"], scratch)
            (file,) = scratch.iterdir()
            file.rename(kept)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    digest = sha256(kept)
    if digest != download.sha256:
        kept.rename(kept.with_name(kept.name + ".refused"))
        raise Unavailable(f"{download.package} {download.version}: SHA-256 is {digest}, pinned is {download.sha256}")
    return kept


def sha256(file):
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def unpack(download, file, folder):
    folder.mkdir(parents=True)
    if download.source == "apt":
        client(["dpkg-deb", "-x", str(file), str(folder)], folder)
    else:
        client(["tar", "-xzf", str(file), "--strip-components=1", "--no-same-owner", "-C", str(folder)], folder)
    tidy(folder)


def tidy(root):
    """Drops what no release can hold, and gives every file and folder one of the modes that a release knows."""
    for folder, folders, files in os.walk(root):
        seen = set()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if name.lower() in seen or not can_be_held(name, mode, path, root):
                shutil.rmtree(path) if stat.S_ISDIR(mode) else os.unlink(path)
                continue
            seen.add(name.lower())
            if not stat.S_ISLNK(mode):
                os.chmod(path, 0o755 if stat.S_ISDIR(mode) or mode & 0o100 else 0o644)
        folders[:] = [name for name in folders if os.path.isdir(os.path.join(folder, name))]


def can_be_held(name, mode, path, root):
    """What check_tree asks of one entry (protocol/package/tree.hpp), as far as packages offend against it."""
    if any(c in '\\:*?"<>|' or ord(c) < 0x20 for c in name) or name[-1] in ". ":
        return False
    if name.split(".")[0].lower() in ("con", "prn", "aux", "nul"):
        return False
    if stat.S_ISLNK(mode):
        target = os.readlink(path)
        inside = os.path.normpath(os.path.join(os.path.relpath(os.path.dirname(path), root), target))
        return not os.path.isabs(target) and "" not in target.split("/") and inside.split("/")[0] != ".."
    return stat.S_ISDIR(mode) or stat.S_ISREG(mode)


def make(pair, to):
    """OUT/NAME/old and new; nothing is done if they are there from the same downloads."""
    place = to / pair.name
    stamp = f"{pair.old.sha256} {pair.new.sha256}\n"
    mark = place / "downloads"
    if mark.exists() and mark.read_text(encoding="utf-8") == stamp:
        return
    downloads = to / ".downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    files = [fetch(download, downloads) for download in (pair.old, pair.new)]
    beside = to / f".{pair.name}-{os.getpid()}"
    try:
        unpack(pair.old, files[0], beside / "old")
        unpack(pair.new, files[1], beside / "new")
        (beside / "downloads").write_text(stamp, encoding="utf-8")
        shutil.rmtree(place, ignore_errors=True)
        beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def chosen(names):
    """The pairs of these names, all if there are none. A name that is unknown is an error, not an empty result."""
    known = {pair.name: pair for pair in PAIRS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no such pair: {', '.join(unknown)} (there are {', '.join(known)})")
    return [known[name] for name in names] or PAIRS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--to", metavar="OUT", type=pathlib.Path)
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        for pair in PAIRS:
            releases = f"{pair.old.package} {pair.old.version} -> {pair.new.package} {pair.new.version}"
            print(f"{pair.name:20} {pair.old.source} {releases}   {pair.kind}")
        return
    if options.to is None:
        parser.error("--to OUT is needed")
    missing = 0
    for pair in chosen(options.names):
        try:
            make(pair, options.to)
            print(f"{pair.name}: {options.to / pair.name}", flush=True)
        except Unavailable as error:
            missing += 1
            print(f"{pair.name}: not made: {error}", file=sys.stderr, flush=True)
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
