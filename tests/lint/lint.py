#!/usr/bin/env python3
"""The rules of the house (CONTRIBUTING.md) that a machine can check. Standard library alone.

usage: lint.py [--root FOLDER] [--installer PROGRAM] [--list] [RULE ...]

Checks the whole tree by the rules named, or by all. Prints one line a finding: FILE:LINE: what is wrong [rule].
Ends with 0 nothing found, 1 something found, 2 wrong usage, 77 a program that a rule needs is not installed.
"""

import argparse
import ast
import os
import pathlib
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

HERE = pathlib.Path(__file__).resolve()
TOP_FOLDERS = ("protocol", "agent", "seeder", "installer", "tests")
LEFT_OUT = {".git", "build", "__pycache__", ".cache", "node_modules"}
SKIPPED = 77

LONGEST_HEADER = 200
LONGEST_SOURCE = 500
LONGEST_FUNCTION = 60
LONGEST_TEST_FUNCTION = 100


class Finding(NamedTuple):
    path: str
    line: int
    text: str


class Skipped(Exception):
    """A program that the rule needs is missing."""


class Tree:
    """The files of a source tree, by their path from its root, with "/" between the parts."""

    def __init__(self, root, installer=None):
        self.root = pathlib.Path(root).resolve()
        self.installer = installer
        self.paths = []
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            here = pathlib.Path(folder).relative_to(self.root)
            self.paths += [(here / name).as_posix() for name in files]
        self.paths.sort()
        self.texts = {}

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = (self.root / path).read_text(encoding="utf-8", errors="replace")
        return self.texts[path]

    def lines(self, path):
        return enumerate(self.text(path).splitlines(), 1)

    def code(self):
        """Sources and headers of the C++ folders."""
        return [path for path in self.paths if path.endswith((".cpp", ".hpp")) and path.split("/")[0] in TOP_FOLDERS]

    def includes(self, path):
        """(line, '"' or '<', what is included)"""
        for number, line in self.lines(path):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if found:
                yield number, found[1], found[2]


RULES = {}


def rule(function):
    RULES[function.__name__] = function
    return function


# ---- dependencies ----------------------------------------------------------------------------------------------------

# The longest folder that a file lies in decides: what it may include, but for what is under the folders after "not".
MAY_INCLUDE = {
    "protocol/base": (["protocol/base"], ["protocol/base/http"]),
    "protocol/base/http": (["protocol/base"], []),
    "protocol/trust": (["protocol/base", "protocol/trust"], ["protocol/base/http"]),
    "protocol/package": (["protocol/base", "protocol/package"], ["protocol/base/http", "protocol/package/encode"]),
    "protocol/package/encode": (["protocol/base", "protocol/package"], ["protocol/base/http"]),
    "protocol/messages": (["protocol"], ["protocol/base/http", "protocol/package/encode"]),
    "protocol": (["protocol"], []),
    "agent": (["protocol", "agent"], []),
    "seeder": (["protocol", "seeder"], []),
    "installer": (["protocol", "installer"], ["protocol/base/http", "protocol/package/encode"]),
    "tests": (list(TOP_FOLDERS), []),
}


def is_under(path, folder):
    return path == folder or path.startswith(folder + "/")


@rule
def folders(tree):
    """Agent, seeder and installer never include each other; protocol includes only itself, and in one direction."""
    for path in tree.code():
        home = max((folder for folder in MAY_INCLUDE if is_under(path, folder)), key=len)
        allowed, forbidden = MAY_INCLUDE[home]
        for number, _, included in tree.includes(path):
            if included.split("/")[0] not in TOP_FOLDERS or "/" not in included:
                continue
            if not any(is_under(included, folder) for folder in allowed) or any(is_under(included, folder) for folder in forbidden):
                yield Finding(path, number, f"{home}/ may not include {included}")


@rule
def includes(tree):
    """Includes start at the root of the tree and name a file that is there."""
    for path in tree.code():
        for number, mark, included in tree.includes(path):
            if ".." in included.split("/"):
                yield Finding(path, number, f"{included}: includes start at the root of the tree")
            elif mark == '"' and included not in tree.paths:
                yield Finding(path, number, f"{included}: not there, seen from the root of the tree; a library's header takes <>")
            elif mark == "<" and included in tree.paths:
                yield Finding(path, number, f'{included}: our own headers take ""')


POSIX = r"(unistd|fcntl|signal|poll|dirent|pwd|grp|termios|pthread|netdb|ifaddrs|syslog|sched|spawn|dlfcn|glob|fnmatch|ftw|pty|utime|mntent)\.h"
WIN32 = r"(windows|winsock2?|ws2tcpip|io|direct|process|aclapi|sddl|shlobj|shellapi|bcrypt|wincrypt|winsvc|winternl|userenv|iphlpapi|tlhelp32)\.h"
# What is included -> how the file may be called.
LIBRARY_FILES = [
    (r"sodium(\.h|/)", "sodium", (".cpp",)),
    (r"sqlite3\.h", "sqlite", (".cpp",)),
    (r"(zstd|zstd_errors|zdict)\.h", "zstd", (".cpp",)),
    (r"(zlib|zconf)\.h", "zlib", (".cpp",)),
    (r"utf8proc\.h", "utf8proc", (".cpp",)),
    (r"divsufsort(64)?\.h", "divsufsort", (".cpp",)),
    (r"curl/", "curl", (".cpp",)),
    (r"libtorrent/", "libtorrent", (".cpp", ".hpp")),
    (r"openssl/|boost/asio/ssl|boost/beast/ssl", "openssl", (".cpp", ".hpp")),
    (r"systemd/", "sdbus", (".cpp",)),
    (r"toml(\+\+|plusplus)/|toml\.h", "toml", (".cpp",)),
    (r"(spdlog|fmt)/", "spdlog", (".cpp",)),
    (POSIX + r"|(sys|netinet|arpa|net|linux)/", "posix", (".cpp",)),
    (WIN32, "win32", (".cpp",)),
]


def base_name(path):
    """The stem of a file, without _test: log_spdlog_test.cpp is of log_spdlog.cpp."""
    return pathlib.PurePosixPath(path).stem.removesuffix("_test")


@rule
def libraries(tree):
    """Headers of libraries and of the operating system appear only in files named after them."""
    for path in tree.code():
        for number, _, included in tree.includes(path):
            for pattern, name, endings in LIBRARY_FILES:
                if re.match(pattern, included) and not (base_name(path).endswith("_" + name) and path.endswith(endings)):
                    wanted = " or ".join(f"*_{name}{ending}" for ending in endings)
                    yield Finding(path, number, f"{included} belongs into {wanted}")
            if re.match(r"(gtest|gmock)/", included) and not is_under(path, "tests"):
                yield Finding(path, number, f"{included} belongs into tests/")


@rule
def asio(tree):
    """Protocol and installer know no Asio and no Beast."""
    for path in tree.code():
        if is_under(path, "protocol") or is_under(path, "installer"):
            for number, _, included in tree.includes(path):
                if re.match(r"boost/(asio|beast)|asio", included):
                    yield Finding(path, number, f"{included}: {path.split('/')[0]}/ knows no Asio")


PLATFORM = re.compile(r"_WIN32|_WIN64|\bWIN32\b|__linux|__unix|__APPLE__|__MINGW|_MSC_VER|__CYGWIN__|__FreeBSD__|BOOST_OS_")


@rule
def platform(tree):
    """No #if about the operating system outside _posix and _win32 files."""
    for path in tree.code():
        if base_name(path).endswith(("_posix", "_win32")):
            continue
        for number, line in tree.lines(path):
            if re.match(r"\s*#\s*(if|elif|ifdef|ifndef)\b", line) and PLATFORM.search(line):
                yield Finding(path, number, "a platform #if: make a _posix and a _win32 file")


@rule
def link(tree):
    """The installer's program is linked with no network library."""
    if tree.installer is None:
        return
    name = os.path.basename(tree.installer)
    done = subprocess.run(["ldd", tree.installer], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        yield Finding(name, 0, f"ldd: {done.stderr.strip() or done.stdout.strip()}")
    for library in re.findall(r"^\s*(lib(?:curl|ssl|crypto|torrent|boost|gnutls|nghttp)\S*)", done.stdout, re.MULTILINE):
        yield Finding(name, 0, f"is linked with {library}")


# ---- size and names --------------------------------------------------------------------------------------------------


def blanked(text):
    """The code alone: comments, preprocessor lines and what is in quotes become blanks; lines stay where they are."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\''
                         r"|(?m:^[ \t]*#(?:[^\n]*\\\n)*[^\n]*)", re.DOTALL)
    return pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def kind_of_block(head):
    """What a "{" after `head` opens, outside of any function: "scope", "function" or "value"."""
    head = re.sub(r"operator\s*[^\w\s(]+", "operator", head).strip()
    plain = re.sub(r"\[\[.*?\]\]|alignas\([^)]*\)", "", head).strip()
    if re.match(r"(inline\s+)?namespace\b|extern\s*$", plain):
        return "scope"
    plain = without_template(plain)
    if re.match(r"(class|struct|union|enum)\b[^()=]*$", plain):
        return "scope"
    declarator = re.sub(r"\([^()]*\)", "()", re.sub(r"\([^()]*\)", "", plain))
    if "(" not in plain or re.search(r"(?<![=!<>])=(?!=)", declarator.split(")")[0]):
        return "value"
    if re.search(r"\)\s*(noexcept\s*)?:[^:]", plain) and re.search(r"[\w>]$", plain):
        return "value"  # a member in the list of a constructor
    return "function"


def without_template(head):
    while head.startswith("template"):
        depth = 0
        for at, c in enumerate(head):
            depth += {"<": 1, ">": -1}.get(c, 0)
            if c == ">" and depth == 0:
                break
        head = head[at + 1:].strip()
    return head


def function_lengths(text):
    """(line, number of lines, head) of each function that has a body here. Needs code that clang-format has seen."""
    code = blanked(text)
    start, parens, scopes, head_start = 0, 0, 0, 0
    position = 0
    while position < len(code):
        c = code[position]
        if c in "()":
            parens += 1 if c == "(" else -1
        elif c == ";" and parens == 0:
            head_start = position + 1
        elif c == "}" and scopes > 0:
            scopes -= 1
            head_start = position + 1
        elif c == "{":
            head = code[head_start:position]
            if label := re.match(r"\s*(public|private|protected):", head):
                head_start, head = head_start + label.end(), head[label.end():]
            kind = "value" if parens else kind_of_block(head)
            if kind == "scope":
                scopes += 1
                head_start = position + 1
            else:
                end = matching_brace(code, position)
                if kind == "function":
                    start = head_start + len(head) - len(head.lstrip())
                    first = code.count("\n", 0, start) + 1
                    yield first, code.count("\n", start, end) + 1, " ".join(head.split())
                    head_start = end + 1
                position = end
        position += 1


def matching_brace(code, position):
    depth = 0
    for at in range(position, len(code)):
        depth += {"{": 1, "}": -1}.get(code[at], 0)
        if depth == 0:
            return at
    return len(code) - 1


@rule
def sizes(tree):
    """Headers, sources and functions are short enough to be read at once."""
    for path in tree.code():
        longest = LONGEST_HEADER if path.endswith(".hpp") else LONGEST_SOURCE
        count = len(tree.text(path).splitlines())
        if count > longest:
            yield Finding(path, longest + 1, f"{count} lines; at most {longest}")
        longest = LONGEST_TEST_FUNCTION if is_under(path, "tests") else LONGEST_FUNCTION
        for line, count, head in function_lengths(tree.text(path)):
            if count > longest:
                yield Finding(path, line, f"{count} lines in {head[:60]}; at most {longest}")


@rule
def names(tree):
    """File names are of the domain, in snake_case."""
    for path in tree.code():
        stem = pathlib.PurePosixPath(path).stem
        if not re.fullmatch(r"[a-z][a-z0-9_]*", stem):
            yield Finding(path, 1, "file names are snake_case")
        for word in set(stem.split("_")) & {"manager", "util", "utils", "utility", "helper", "helpers", "common", "misc"}:
            yield Finding(path, 1, f'"{word}" says nothing about what is in it')
    for path in tree.paths:
        if path.split("/")[0] in TOP_FOLDERS and path.endswith((".h", ".hh", ".hxx", ".cc", ".cxx", ".c", ".C")):
            yield Finding(path, 1, "headers are .hpp, sources .cpp")


@rule
def headers(tree):
    """Headers begin with #pragma once and open no namespace for whoever includes them."""
    for path in tree.code():
        if path.endswith(".hpp"):
            lines = blanked_comments(tree.text(path)).split("\n")
            first = next((line.strip() for line in lines if line.strip()), "")
            if first != "#pragma once":
                yield Finding(path, 1, "a header begins with #pragma once")
            for number, line in enumerate(lines, 1):
                if re.match(r"using namespace\b(?!.*literals;)", line):
                    yield Finding(path, number, "a header opens no namespace")


def blanked_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.DOTALL)


@rule
def sources(tree):
    """Every source is in a CMake file, by name: none is found by a pattern, none is forgotten."""
    lists = [path for path in tree.paths if path.endswith(("CMakeLists.txt", ".cmake"))]
    words = set()
    for path in lists:
        for number, line in tree.lines(path):
            line = line.split("#")[0]
            words.update(pathlib.PurePosixPath(word).name for word in re.findall(r"[\w./{}$-]+\.cpp", line))
            words.update(f"{target}.cpp" for target in re.findall(r"\b\w+_fuzz\b", line))
            if re.search(r"\bfile\s*\(\s*GLOB", line, re.IGNORECASE):
                yield Finding(path, number, "file(GLOB) misses new files: name them")
    for path in tree.code():
        if path.endswith(".cpp") and pathlib.PurePosixPath(path).name not in words:
            yield Finding(path, 1, "no CMake file names this source")


# ---- form ------------------------------------------------------------------------------------------------------------


@rule
def format(tree):  # pylint: disable=redefined-builtin
    """Code looks as clang-format 16 leaves it."""
    program = os.environ.get("CLANG_FORMAT") or shutil.which("clang-format-16")
    if program is None:
        raise Skipped("clang-format-16 is not installed")
    code = tree.code()
    for first in range(0, len(code), 40):
        done = subprocess.run([program, "--dry-run", *code[first:first + 40]], cwd=tree.root, capture_output=True, text=True, check=False)
        for path, line in dict(re.findall(r"^([^:\n]+):(\d+):\d+: (?:warning|error): ", done.stderr, re.MULTILINE)[::-1]).items():
            yield Finding(path, int(line), "clang-format-16 -i would change this file")
        if done.returncode != 0:
            yield Finding(code[first], 1, f"clang-format failed: {done.stderr.strip()[:200]}")


def is_shell(tree, path):
    if path.endswith(".sh"):
        return True
    if "." in pathlib.PurePosixPath(path).name or path.startswith("tests/fuzz/corpus/"):
        return False
    with open(tree.root / path, "rb") as file:
        return re.match(rb"#!\s*/(usr/)?bin/(env )?(ba|da)?sh\b", file.readline(100)) is not None


@rule
def shell(tree):
    """Shell scripts parse, can be started, and stop at their first error."""
    for path in filter(lambda one: is_shell(tree, one), tree.paths):
        done = subprocess.run(["bash", "-n", tree.root / path], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            yield Finding(path, 1, f"bash -n: {done.stderr.strip()[:200]}")
        if tree.text(path).startswith("#!"):
            if not os.access(tree.root / path, os.X_OK):
                yield Finding(path, 1, "a script with #! is executable")
            if "bash" in tree.text(path).split("\n")[0] and not re.search(r"^set -euo pipefail$", tree.text(path), re.MULTILINE):
                yield Finding(path, 1, "set -euo pipefail is missing")


@rule
def python(tree):
    """Python files parse and need nothing but the standard library, or the one that they are named after (*_libtorrent.py)."""
    own = {pathlib.PurePosixPath(path).stem for path in tree.paths if path.endswith(".py")}
    for path in tree.paths:
        if not path.endswith(".py"):
            continue
        try:
            parsed = ast.parse(tree.text(path))
        except SyntaxError as wrong:
            yield Finding(path, wrong.lineno or 1, f"does not parse: {wrong.msg}")
            continue
        for node in ast.walk(parsed):
            modules = []
            if isinstance(node, ast.Import):
                modules = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                modules = [node.module]
            for module in modules:
                if module.split(".")[0] not in sys.stdlib_module_names | own | {pathlib.PurePosixPath(path).stem.split("_")[-1]}:
                    yield Finding(path, node.lineno, f"{module} is not in Python's standard library")


TEXTS = (".cpp", ".hpp", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".toml", ".service", ".html", ".js", ".css", ".yml", ".yaml", "run", ".clang-tidy")
MACHINE_PATH = re.compile(r"(?<![\w./:$})~-])/(?:work|root|home)/")


@rule
def paths(tree):
    """No path of one machine is in the tree."""
    for path in tree.paths:
        if path.endswith(TEXTS) and not path.startswith("tests/fuzz/corpus/"):
            for number, line in tree.lines(path):
                if MACHINE_PATH.search(line):
                    yield Finding(path, number, f"a path of one machine: {line.strip()[:80]}")


# ---- what is promised ------------------------------------------------------------------------------------------------


def test_names(tree):
    """Every test of the tree: "Suite.Name", "EndToEnd.Class.name", "Class.test_name", "test_name", "lint.rule"."""
    known = {f"lint.{name}" for name in RULES} | {"lint.selftest"}
    for path in tree.paths:
        if is_under(path, "tests") and path.endswith(".cpp"):
            found = re.findall(r"\bTEST(?:_F|_P)?\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)", tree.text(path))
            known.update(f"{suite}.{name}" for suite, name in found)
            known.update(f"{suite}.*" for suite, _ in found)
        elif is_under(path, "tests") and path.endswith(".py"):
            suite = ""
            for _, line in tree.lines(path):
                if opened := re.match(r"class (\w+)", line):
                    suite = opened[1]
                elif method := re.match(r"    def (test_\w+)", line):
                    short = method[1].removeprefix("test_")
                    known |= {method[1], f"{suite}.{method[1]}", f"EndToEnd.{suite}.{short}", f"EndToEnd.{suite}.*"}
    return known


PROMISES = ("docs/behaviours.md", "docs/threat-model.md")


@rule
def behaviours(tree):
    """Every test that the list of promises or the threat model names is there."""
    for document in PROMISES:
        if document not in tree.paths:
            continue
        known = test_names(tree)
        for number, line in tree.lines(document):
            for name in re.findall(r"`([^`]+)`", line):
                name = re.sub(r"^\w+/(?=[A-Z])|/\w+$", "", name)  # Instances/Suite.Name/7
                if re.fullmatch(r"[A-Z]\w+\.(\w+|\*)|EndToEnd\.\w+\.(\w+|\*)|test_\w+|lint\.\w+", name) and name not in known:
                    yield Finding(document, number, f"there is no test {name}")


# ----------------------------------------------------------------------------------------------------------------------


def check(tree, wanted):
    """The findings of these rules, each with the rule's name."""
    return [(finding, name) for name in wanted for finding in RULES[name](tree)]


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=HERE.parent.parent.parent, help="the source tree (default: the one this file is in)")
    parser.add_argument("--installer", help="the built installer, for the rule link")
    parser.add_argument("--list", action="store_true", help="print the rules and what they want")
    parser.add_argument("rules", nargs="*", metavar="RULE")
    options = parser.parse_args(words)
    if options.list:
        for name, function in RULES.items():
            print(f"{name:12} {function.__doc__}")
        return 0
    unknown = [name for name in options.rules if name not in RULES]
    if unknown:
        parser.error(f"unknown rules: {' '.join(unknown)}; there are {' '.join(RULES)}")
    try:
        found = check(Tree(options.root, options.installer), options.rules or RULES)
    except Skipped as reason:
        print(f"skipped: {reason}", file=sys.stderr)
        return SKIPPED
    for finding, name in found:
        print(f"{finding.path}:{finding.line}: {finding.text} [{name}]")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
