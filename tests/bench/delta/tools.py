"""The programs that run.py measures: each makes a file from two trees, and a tree from the file."""

import json
import shutil
from dataclasses import dataclass

import measured


@dataclass
class Job:
    """One pair on disk. The tars are what peers see (measured.write_tar), `new_digest` is of new_tar."""

    name: str
    old: object
    new: object
    old_tar: object
    new_tar: object
    old_digest: str
    new_digest: str
    work: object


class Peer:
    """Another program. `make` and `apply` are commands over the words OLD, NEW, FILE and OUT; {window} is the power of
    two that holds both tars, {source} the size of the old one and at least 64 MiB."""

    def __init__(self, name, make, apply, full=False, where=None):
        self.name = name
        self.is_full = full
        self.make_words = make.split()
        self.apply_words = apply.split()
        self.where = where or {}

    def missing(self):
        """The first program that is not installed, or None."""
        for words in (self.make_words, self.apply_words):
            if self.program(words[0]) is None:
                return words[0]
        return None

    def program(self, word):
        return self.where.get(word) or shutil.which(word)

    def identity(self, job):
        """What the result depends on: names it in the cache."""
        programs = [measured.sha256(self.program(words[0])) for words in (self.make_words, self.apply_words)]
        commands = [self.numbered(words, job) for words in (self.make_words, self.apply_words)]
        return [self.name, commands, programs, job.old_digest, job.new_digest]

    @staticmethod
    def numbered(words, job):
        old, new = job.old_tar.stat().st_size, job.new_tar.stat().st_size
        window = min(31, max(27, (old + new).bit_length()))
        return [word.format(window=window, source=max(64 << 20, old)) for word in words]

    def command(self, words, job, file, out):
        paths = {"OLD": job.old_tar, "NEW": job.new_tar, "FILE": file, "OUT": out}
        return [self.program(words[0])] + [paths.get(word, word) for word in self.numbered(words[1:], job)]

    def measure(self, job):
        file, out = job.work / "made", job.work / "out"
        try:
            made, _ = measured.run(self.command(self.make_words, job, file, out))
            applied, _ = measured.run(self.command(self.apply_words, job, file, out))
            if measured.sha256(out) != job.new_digest:
                raise measured.Failed(f"{self.name} gave back something else")
            return {"bytes": file.stat().st_size, "make": made.as_json(), "apply": applied.as_json()}
        finally:
            file.unlink(missing_ok=True)
            out.unlink(missing_ok=True)


def peers(hdiffz):
    """Those that updaters ship. `hdiffz` is a path, with hpatchz beside it, or None for what is on PATH."""
    where = {} if hdiffz is None else {"hdiffz": str(hdiffz), "hpatchz": str(hdiffz.with_name("hpatchz"))}
    # xdelta3 gives up the start of an old file that is larger than its buffer, zstd what is beyond its window.
    return [
        Peer("full zstd-19", "zstd -q -19 --long=27 -T1 NEW -o FILE", "zstd -q -d --long=27 FILE -o OUT", full=True),
        Peer("bsdiff", "bsdiff OLD NEW FILE", "bspatch OLD OUT FILE"),
        Peer("xdelta3", "xdelta3 -e -9 -B {source} -s OLD NEW FILE", "xdelta3 -d -B {source} -s OLD FILE OUT"),
        Peer("zstd-22", "zstd -q --ultra -22 --long={window} --patch-from OLD NEW -o FILE",
             "zstd -q -d --long={window} --patch-from OLD FILE -o OUT"),
        Peer("hdiffz", "hdiffz -m-6 -SD -p-1 -c-zstd-22-24 -d OLD NEW FILE", "hpatchz OLD FILE OUT", where=where),
    ]


class Upswarm:
    """Ours, from trees to trees. `options` are given to `diff` (or `pack`)."""

    def __init__(self, program, name, options, full=False):
        self.name = name
        self.is_full = full
        self.program = program
        self.options = options

    def missing(self):
        return None if self.program.is_file() else str(self.program)

    def measure(self, job):
        file, out = job.work / "made.up", job.work / "out"
        try:
            verb = ["pack", job.new] if self.is_full else ["diff", job.old, job.new]
            made, said = measured.run([self.program, *verb, "-o", file, "--json", *self.options])
            verb = ["unpack", file] if self.is_full else ["apply", job.old, file]
            applied, parts = measured.run([self.program, *verb, "-o", out, "--json"])
            measured.write_tar(out, job.work / "out.tar")
            if measured.sha256(job.work / "out.tar") != job.new_digest:
                raise measured.Failed(f"{self.name} gave back something else")
            size = file.stat().st_size
            return {"bytes": size, "make": made.as_json(), "apply": applied.as_json(), "said": json.loads(said),
                    "apply_cpu_ms": json.loads(parts)["cpu_ms"]}
        finally:
            file.unlink(missing_ok=True)
            shutil.rmtree(out, ignore_errors=True)
            (job.work / "out.tar").unlink(missing_ok=True)
