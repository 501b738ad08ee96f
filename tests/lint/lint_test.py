#!/usr/bin/env python3
"""Each rule of lint.py is shown to find what it is for, and to leave good code alone, on trees made for it."""

import contextlib
import io
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import lint  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
MACHINE = "/" + "work/"  # in parts, or the rule would find it here


class RuleTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="lint-"))
        self.addCleanup(shutil.rmtree, self.root)

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def found(self, rule, files, **options):
        """"PATH:LINE" of each finding of one rule in these files."""
        self.write(files)
        return [f"{one.path}:{one.line}" for one, _ in lint.check(lint.Tree(self.root, **options), [rule])]

    def assertGood(self, rule, files, **options):
        self.assertEqual(self.found(rule, files, **options), [])

    def assertBad(self, rule, files, *wanted, **options):
        self.assertEqual(self.found(rule, files, **options), list(wanted))


def including(*names):
    return "".join(f'#include "{name}"\n' for name in names)


class Folders(RuleTest):
    def test_what_may_be_included_is_left_alone(self):
        self.assertGood("folders", {
            "agent/a.cpp": including("agent/a.hpp", "protocol/base/b.hpp", "protocol/base/http/h.hpp", "protocol/package/encode/e.hpp"),
            "installer/a.cpp": including("installer/a.hpp", "protocol/trust/t.hpp", "protocol/package/decode/d.hpp"),
            "protocol/messages/a.cpp": including("protocol/trust/t.hpp", "protocol/base/b.hpp"),
            "tests/a_test.cpp": including("agent/a.hpp", "seeder/a.hpp", "installer/a.hpp", "tests/support/s.hpp"),
            "seeder/a.cpp": "#include <sys/stat.h>\n" + including("seeder/a.hpp")})

    def test_programs_never_include_each_other(self):
        for one in ("agent", "seeder", "installer"):
            for other in ("agent", "seeder", "installer", "tests"):
                if one != other:
                    with self.subTest(one=one, other=other):
                        self.assertBad("folders", {f"{one}/a.cpp": "\n" + including(f"{other}/b.hpp")}, f"{one}/a.cpp:2")
            shutil.rmtree(self.root / one)

    def test_protocol_knows_no_program_and_its_folders_know_one_direction(self):
        for home, other in (("protocol/base", "agent"), ("protocol/base", "protocol/trust"), ("protocol/base", "protocol/base/http"),
                            ("protocol/trust", "protocol/messages"), ("protocol/trust", "protocol/package"),
                            ("protocol/package", "protocol/messages"), ("protocol/package/decode", "protocol/package/encode"),
                            ("protocol/base/http", "protocol/trust"), ("installer", "protocol/base/http"),
                            ("installer", "protocol/package/encode")):
            with self.subTest(home=home, other=other):
                self.assertBad("folders", {f"{home}/x.hpp": including(f"{other}/y.hpp")}, f"{home}/x.hpp:1")
                (self.root / home / "x.hpp").unlink()


class Includes(RuleTest):
    def test_includes_start_at_the_root(self):
        self.assertGood("includes", {"agent/a.cpp": '#include "agent/a.hpp"\n#include <vector>\n', "agent/a.hpp": ""})
        self.assertBad("includes", {"agent/b.cpp": '#include "a.hpp"\n#include "../agent/a.hpp"\n#include <agent/a.hpp>\n'},
                       "agent/b.cpp:1", "agent/b.cpp:2", "agent/b.cpp:3")


class Libraries(RuleTest):
    def test_headers_are_in_files_named_after_them(self):
        good = {"a/x_sodium": "sodium.h", "a/x_sqlite": "sqlite3.h", "a/x_zstd": "zstd.h", "a/x_curl": "curl/curl.h", "a/x_toml": "toml++/toml.h",
                "a/x_libtorrent": "libtorrent/session.hpp", "a/x_openssl": "openssl/evp.h", "a/y_openssl": "boost/asio/ssl.hpp",
                "a/x_spdlog": "spdlog/spdlog.h", "a/x_posix": "unistd.h", "a/y_posix": "sys/stat.h", "a/x_win32": "windows.h",
                "a/x_divsufsort": "divsufsort.h", "a/x_utf8proc": "utf8proc.h", "a/x_sdbus": "systemd/sd-bus.h"}
        for name, header in good.items():
            name = name.replace("a/", "agent/")
            with self.subTest(header=header):
                self.assertGood("libraries", {f"{name}.cpp": f"#include <{header}>\n"})
                self.assertBad("libraries", {"agent/plain.cpp": f"\n#include <{header}>\n"}, "agent/plain.cpp:2")
                (self.root / "agent/plain.cpp").unlink()

    def test_headers_of_ours_know_few(self):
        self.assertGood("libraries", {"agent/x_libtorrent.hpp": "#include <libtorrent/fwd.hpp>\n"})
        self.assertBad("libraries", {"agent/x_sodium.hpp": "#include <sodium.h>\n"}, "agent/x_sodium.hpp:1")

    def test_tests_are_named_after_what_they_test(self):
        self.assertGood("libraries", {"tests/files_posix_test.cpp": "#include <fcntl.h>\n#include <gtest/gtest.h>\n"})
        self.assertBad("libraries", {"agent/a.cpp": "#include <gtest/gtest.h>\n"}, "agent/a.cpp:1")

    def test_standard_headers_are_free(self):
        self.assertGood("libraries", {"agent/a.cpp": "#include <csignal>\n#include <cstdio>\n#include <boost/asio/awaitable.hpp>\n"})


class Asio(RuleTest):
    def test_protocol_and_installer_know_none(self):
        line = "#include <boost/asio/post.hpp>\n#include <boost/beast/core.hpp>\n"
        self.assertGood("asio", {"agent/a.cpp": line, "seeder/a.hpp": line})
        self.assertBad("asio", {"protocol/base/a.cpp": line, "installer/a.cpp": line},
                       "installer/a.cpp:1", "installer/a.cpp:2", "protocol/base/a.cpp:1", "protocol/base/a.cpp:2")


class Platform(RuleTest):
    def test_conditions_live_in_files_named_so(self):
        for condition in ("#ifdef _WIN32", "#if defined(__linux__)", "#  ifndef __APPLE__", "#elif defined(_MSC_VER)"):
            with self.subTest(condition=condition):
                self.assertGood("platform", {"agent/a_posix.cpp": condition + "\n", "agent/a_win32.cpp": condition + "\n"})
                self.assertBad("platform", {"agent/a.cpp": "\n" + condition + "\n"}, "agent/a.cpp:2")
                (self.root / "agent/a.cpp").unlink()

    def test_other_conditions_are_free(self):
        self.assertGood("platform", {"agent/a.cpp": "#ifdef NDEBUG\n#endif\n// _WIN32 in words\n"})


class Link(RuleTest):
    def program(self, libraries):
        source = self.root / "p.c"
        self.root.mkdir(exist_ok=True)
        source.write_text("int main(void) { return 0; }\n")
        subprocess.run(["gcc", "-Wl,--no-as-needed", source, "-o", self.root / "p", *libraries], check=True)
        return str(self.root / "p")

    def test_a_program_without_network_libraries(self):
        self.assertGood("link", {}, installer=self.program(["-lsodium", "-lsqlite3"]))
        self.assertGood("link", {})

    def test_a_program_with_one(self):
        self.assertBad("link", {}, "p:0", installer=self.program(["-lcrypto"]))

    def test_a_program_that_is_missing(self):
        self.assertBad("link", {}, "none:0", installer=str(self.root / "none"))


def function(lines):
    return "int f() {\n" + "  g();\n" * (lines - 2) + "}\n"


class Sizes(RuleTest):
    def test_files(self):
        self.assertGood("sizes", {"agent/a.hpp": "//\n" * 200, "agent/a.cpp": "//\n" * 500})
        self.assertBad("sizes", {"agent/b.hpp": "//\n" * 201, "agent/b.cpp": "//\n" * 501}, "agent/b.cpp:501", "agent/b.hpp:201")

    def test_functions(self):
        self.assertGood("sizes", {"agent/a.cpp": function(60), "tests/a_test.cpp": function(100)})
        self.assertBad("sizes", {"agent/b.cpp": "\n" + function(61), "tests/b_test.cpp": function(101)}, "agent/b.cpp:2", "tests/b_test.cpp:1")

    def heads(self, code):
        return [(line, count, head.split("(")[0]) for line, count, head in lint.function_lengths(code)]

    def test_the_finder_sees_functions_wherever_they_are(self):
        self.assertEqual(self.heads("""
namespace a::b {
namespace {
struct S {
  int x = 0;
  explicit S(int one) : x{one}, y(two) {
    g();
  }
  int get() const noexcept override { return x; }

 private:
  bool operator==(const S& o) const { return x == o.x; }
  S& operator=(S&&) noexcept {
    return *this;
  }
};
}  // namespace
template <typename T, class U = int>
auto f(T t, std::vector<int> v = {}) -> decltype(t) {
  const auto inner = [](int i) {
    return i;
  };
  if (x) {
    h();
  }
}
TEST_F(Suite, Name) {
  for (;;) {
  }
}
}  // namespace a::b
"""), [(6, 3, "explicit S"), (9, 1, "int get"), (12, 1, "bool operator=="), (13, 3, "S& operator="),
       (18, 9, "template <typename T, class U = int> auto f"), (27, 4, "TEST_F")])

    def test_the_finder_takes_no_value_for_a_function(self):
        self.assertEqual(self.heads("""
const std::pair<int, int> kTable[] = {
    {1, f(2)},
};
constexpr auto kList = g({1, 2});
enum class E { a, b };
struct alignas(8) Empty {};
int x{f()};
"""), [])

    def test_the_finder_reads_over_words(self):
        self.assertEqual(self.heads('#define M(x) {\\\n  {\nint f() {  // {{\n  s = "{" + \'{\' + R"x({{)x";  /* { */\n  n = 1\'000\'000;\n}\n'),
                         [(3, 4, "int f")])


class Names(RuleTest):
    def test_words_that_say_nothing(self):
        self.assertGood("names", {"agent/common_ground_rules.txt": "", "agent/package_cache.cpp": "", "agent/commonplace.cpp": ""})
        self.assertBad("names", {"agent/file_manager.cpp": "", "agent/util.hpp": "", "seeder/http_helpers.cpp": "", "protocol/common.hpp": ""},
                       "agent/file_manager.cpp:1", "agent/util.hpp:1", "protocol/common.hpp:1", "seeder/http_helpers.cpp:1")

    def test_form(self):
        self.assertBad("names", {"agent/PackageCache.cpp": "", "agent/a.h": "", "agent/b.cc": ""},
                       "agent/PackageCache.cpp:1", "agent/a.h:1", "agent/b.cc:1")


class Headers(RuleTest):
    def test_their_beginning(self):
        self.assertGood("headers", {"agent/a.hpp": "// What.\n/* more */\n#pragma once\nnamespace x {\nusing namespace std::chrono_literals;\n}\n"})
        self.assertBad("headers", {"agent/b.hpp": "#include <vector>\n#pragma once\n", "agent/c.hpp": "#pragma once\nusing namespace std;\n"},
                       "agent/b.hpp:1", "agent/c.hpp:2")


class Sources(RuleTest):
    def test_each_is_named(self):
        self.assertGood("sources", {"agent/CMakeLists.txt": "x(SOURCES a.cpp b.cpp\n ${HERE}/c.cpp)\nfoo(json_fuzz)\n", "agent/a.cpp": "",
                                    "agent/b.cpp": "", "agent/c.cpp": "", "tests/fuzz/json_fuzz.cpp": ""})
        self.assertBad("sources", {"agent/d.cpp": "", "agent/x.cmake": "# d.cpp\nfile(GLOB all *.cpp)\n"}, "agent/x.cmake:2", "agent/d.cpp:1")


class Format(RuleTest):
    def test_form(self):
        if shutil.which("clang-format-16") is None:
            self.skipTest("clang-format-16 is not installed")
        self.assertGood("format", {".clang-format": "BasedOnStyle: Google\n", "agent/a.cpp": "int x = 1;\n"})
        self.assertBad("format", {"agent/b.cpp": "int y = 1;\nint  x=1 ;\n"}, "agent/b.cpp:2")


class Shell(RuleTest):
    GOOD = "#!/bin/bash\nset -euo pipefail\necho a\n"

    def write(self, files):
        super().write(files)
        for name, text in files.items():
            if text.startswith("#!") and "no-x" not in name:
                (self.root / name).chmod(0o755)

    def test_good_ones(self):
        self.assertGood("shell", {"a.sh": self.GOOD, ".ci/run": self.GOOD, "b.sh": "# sourced\nx=1\n", "words": "if then\n"})

    def test_bad_ones(self):
        self.assertBad("shell", {"a.sh": self.GOOD + "if\n", "b/no-x.sh": self.GOOD, "c/run": "#!/usr/bin/env bash\necho\n"},
                       "a.sh:1", "b/no-x.sh:1", "c/run:1")


class Python(RuleTest):
    def test_standard_library_alone(self):
        self.assertGood("python", {"a.py": "import os.path\nfrom json import loads\nimport b\n", "b.py": ""})
        self.assertBad("python", {"c.py": "import os\nimport requests\nfrom yaml import load\n", "d.py": "x = = 1\n"},
                       "c.py:2", "c.py:3", "d.py:1")


class Paths(RuleTest):
    def test_paths_of_a_machine(self):
        self.assertGood("paths", {"a.md": "https://x.org/work/y ${DIR}/root/x build/work/ ~/home/ /tmp/x\n", "tests/fuzz/corpus/x/a.json": MACHINE + "x\n"})
        self.assertBad("paths", {"b.md": "\nsee " + MACHINE + "main\n", ".ci/run": f'cd "{MACHINE}x"\n'}, ".ci/run:1", "b.md:2")


class Behaviours(RuleTest):
    FILES = {"tests/a_test.cpp": "TEST_F(SuiteTest, Works) {}\nTEST(Other,\n     Breaks) {}\nTEST_P(Ways, Go) {}\n",
             "tests/integration/x_test.py": "class Update(unittest.TestCase):\n    def test_one(self):\n        pass\n"}

    def test_what_is_there(self):
        self.assertGood("behaviours", self.FILES)
        self.assertGood("behaviours", {"docs/behaviours.md": "| it works | `SuiteTest.Works`, `Other.Breaks`, `All/Ways.Go/3`, `Ways.*` |\n"
                                                             "| and on | `EndToEnd.Update.one` `test_one` `Update.test_one` `lint.folders` `ROOT/current` `x.toml` |\n"})

    def test_what_is_not(self):
        for name in ("SuiteTest.Gone", "Gone.*", "EndToEnd.Update.two", "test_two", "lint.none"):
            with self.subTest(name=name):
                documents = {"docs/behaviours.md": "", "docs/threat-model.md": ""}
                for one in documents:
                    self.assertBad("behaviours", {**self.FILES, **documents, one: f"\n| it | `{name}` |\n"}, f"{one}:2")


class Program(RuleTest):
    def run_main(self, *words):
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                code = lint.main(list(words))
            except SystemExit as end:
                code = end.code
        return code, out.getvalue()

    def test_exit_codes(self):
        self.write({"agent/a.cpp": "#ifdef _WIN32\n#endif\n"})
        self.assertEqual(self.run_main("--root", str(self.root), "platform"), (1, "agent/a.cpp:1: a platform #if: make a _posix and a _win32 file [platform]\n"))
        self.assertEqual(self.run_main("--root", str(self.root), "names")[0], 0)
        self.assertEqual(self.run_main("no_such_rule")[0], 2)
        self.assertEqual(self.run_main("--list")[0], 0)

    def test_build_folders_are_left_out(self):
        self.assertGood("names", {"build/dev/agent/util.cpp": "", "agent/build/util.cpp": ""})

    def test_every_rule_is_a_test_of_ctest_and_has_its_own(self):
        listed = (HERE / "CMakeLists.txt").read_text()
        own = (HERE / "lint_test.py").read_text()
        for name in lint.RULES:
            self.assertRegex(listed, rf"\b{name}\b")
            self.assertTrue(re.search(rf'assertBad\("{name}"', own), f"no test shows that the rule {name} finds anything")


if __name__ == "__main__":
    unittest.main()
