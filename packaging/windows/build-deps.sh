#!/bin/bash
# Builds the third-party libraries of the Windows programs, static, from Debian 12 source packages, with the compiler
# that mingw-toolchain.cmake names. Prints the prefix they are installed in as the last line of standard output.
#
#   usage: packaging/windows/build-deps.sh [--with-libtorrent]
#
# Needs what `packaging/setup.sh --windows` installs, and a machine whose apt knows a Debian 12 mirror. apt is used with
# lists and sources of its own: the machine's are neither needed up to date nor changed. apt checks every source against
# the index signed by Debian's archive key, whatever key the machine itself would accept for that mirror.
#
# The prefix lies in a cache outside the tree. Its name is a hash of everything that decides its content, and it gets that
# name only when complete: one that exists is right, and a second run has nothing to do. It may be deleted at any time.
#
# Environment:
#   UPSWARM_CACHE   the cache folder                           (default: upswarm in XDG_CACHE_HOME or ~/.cache)
#   UPSWARM_JOBS    how many compilers may run at a time       (default: number of cores)
# shellcheck disable=SC2016,SC2086,SC2317  # other programs' $(...); flags in one variable; steps called by name
set -euo pipefail
export LC_ALL=C

# Source package and exact version. When the mirror drops one of these (a security update, a point release), the build
# fails and says what the mirror has instead: read that package's changelog, then change the version here.
versions='
  libsodium             1.0.18-1+deb12u1
  libzstd               1.5.4+dfsg2-5
  zlib                  1:1.2.13.dfsg-1
  utf8proc              2.8.0-1
  sqlite3               3.40.1-2+deb12u2
  curl                  7.88.1-10+deb12u15
  libdivsufsort         2.0.1-5
  libtorrent-rasterbar  2.0.8-1
'
# Binary packages that end up in the prefix: the compiler and its runtime, googletest's sources, and header-only
# libraries. The machine's package manager decides their versions, so these go into the hash.
binary_packages=(
  g++-mingw-w64-x86-64-posix gcc-mingw-w64-x86-64-posix-runtime mingw-w64-x86-64-dev
  googletest libboost1.74-dev libspdlog-dev libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev
)
tools=(apt-get autoreconf cmake dpkg-source flock gcc libtoolize make ninja tclsh x86_64-w64-mingw32-g++-posix)

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
toolchain=$here/mingw-toolchain.cmake
pch=$here/lt-pch.cmake
jobs=${UPSWARM_JOBS:-$(nproc)}
cache=${UPSWARM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/upswarm}
triple=x86_64-w64-mingw32
# Quoting does not survive configure and make.
case "$cache" in *[[:space:]]*) echo "build-deps.sh: no spaces please in UPSWARM_CACHE: $cache" >&2; exit 1 ;; esac

say() { printf '%s\n' "$*" >&2; }
die() { say "build-deps.sh: $*"; exit 1; }

with_libtorrent=no
case "$*" in
  '') ;;
  --with-libtorrent) with_libtorrent=yes ;;
  *) die "unknown arguments '$*' (only --with-libtorrent is known)" ;;
esac

# ---- names -----------------------------------------------------------------------------------------------------------

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' "${binary_packages[@]}" 2>/dev/null || true)
for package in "${binary_packages[@]}"; do
  grep -qF "installed $package " <<<"$installed" ||
    die "package $package is not installed: run packaging/setup.sh --windows"
done
hash_of() { { cat "$@"; echo "$installed"; } | sha256sum | cut -c 1-16; }

base=$cache/win64-$(hash_of "${BASH_SOURCE[0]}" "$toolchain")
if [ $with_libtorrent = yes ]; then
  prefix=$cache/win64-libtorrent-$(hash_of "${BASH_SOURCE[0]}" "$toolchain" "$pch")
else
  prefix=$base
fi
if [ -d "$prefix" ]; then
  echo "$prefix"
  exit 0
fi

# ---- the build's own folder ------------------------------------------------------------------------------------------

for tool in "${tools[@]}"; do
  command -v "$tool" >/dev/null || die "program $tool is missing: run packaging/setup.sh --windows"
done
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
base=$cache/${base##*/}
prefix=$cache/${prefix##*/}

# One build at a time: a second one would only wait for the same cores, and then finds the first one's result.
exec 9>"$cache/win64.lock"
flock -n 9 || { say "waiting for another build of the Windows libraries"; flock 9; }

log=$prefix.log
work=$cache/win64.building
stage=$work/prefix
sources=$cache/win64-sources
if [ -d "$prefix" ]; then
  echo "$prefix"
  exit 0
fi
rm -rf "$work" # what an interrupted run left
mkdir -p "$stage"/{include,lib/cmake,lib/pkgconfig} "$work/apt/lists" "$work/apt/cache" "$sources"
trap 'rm -rf "$work"' EXIT
: >"$log"

export WIN_PREFIX=$stage
launcher=
if command -v ccache >/dev/null; then
  launcher=ccache
  export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$work CCACHE_NOHASHDIR=1
fi
cc="${launcher:+$launcher }$triple-gcc-posix"
ar=$triple-gcc-ar-posix
ranlib=$triple-gcc-ranlib-posix
# The same Windows version as in the toolchain file. Sections let the linker drop what a program does not use; the map
# keeps this machine's folders out of the programs.
defines="-D_WIN32_WINNT=0x0A00 -DWINVER=0x0A00 -DNTDDI_VERSION=0x0A000000"
optimize="-O2 -g0 -ffunction-sections -fdata-sections -ffile-prefix-map=$work=."

# ---- parts the steps are made of -------------------------------------------------------------------------------------

version_of() { awk -v name="$1" '$1 == name { print $2 }' <<<"$versions"; }

# Runs apt with this build's own sources, lists and cache, and without the machine's hooks.
apt() { local command=$1; shift; "apt-$command" -q -c "$work/apt/apt.conf" "$@"; }

prepare_apt() {
  # Asks apt itself where the machine's Debian comes from: it understands all its ways to write that down. The suite
  # bookworm comes first: of one version listed twice apt takes the first, and mirrors of the security archive still list
  # packages whose files have moved on into bookworm.
  apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v key=/usr/share/keyrings/debian-archive-keyring.gpg \
      '$2 ~ /^bookworm(-updates|-security)?$/ && $3 == "main" { print "deb-src [signed-by=" key "] " $1 " " $2 " " $3 }' |
    sort -u -k 4,4 -k 3,3 >"$work/apt/sources.list"
  [ -s "$work/apt/sources.list" ] || { echo "apt on this machine has no entry for Debian's bookworm main"; return 1; }
  cat >"$work/apt/apt.conf" <<END
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::SourceList "$work/apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/apt/lists";
Dir::Cache "$work/apt/cache";
// The user _apt, as which apt downloads by default, may not write in a cache folder below a home folder.
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Acquire::Retries "3";
END
  # Not fatal: another vendor's repository that also calls its suite bookworm fails here, and may. What counts is
  # whether the wanted versions are in the indexes that did arrive.
  apt get update || true
}

# Downloads the named source packages, each in exactly the version of the table.
download() {
  local package wanted found missing=0 exact=()
  for package in "$@"; do
    wanted=$(version_of "$package")
    found=$(apt cache showsrc --only-source "$package" | sed -n 's/^Version: //p' | sort -u | xargs)
    case " $found " in
      *" $wanted "*) exact+=("$package=$wanted") ;;
      *) echo "the mirror has no source of $package $wanted, but: ${found:-no version at all}"; missing=1 ;;
    esac
  done
  [ $missing = 0 ] || return 1
  (cd "$sources" && apt get source --download-only "${exact[@]}")
}

# Unpacks a downloaded source, patched as in Debian, and goes there.
enter() {
  local version
  version=$(version_of "$1")
  dpkg-source -x "$sources/${1}_${version#*:}.dsc" "$work/$1"
  cd "$work/$1"
}

# cmake_install SOURCE BUILD [CMAKE OPTION ...]
cmake_install() {
  local source=$1 build=$2
  shift 2
  # Without an emulator: configure checks must not depend on wine, nor leave its files in the home folder.
  cmake -S "$source" -B "$build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DCMAKE_CROSSCOMPILING_EMULATOR= \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$stage" -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
    -DCMAKE_C_FLAGS_RELEASE="$optimize -DNDEBUG" -DCMAKE_CXX_FLAGS_RELEASE="$optimize -DNDEBUG" \
    -DCMAKE_POLICY_DEFAULT_CMP0077=NEW -Wno-dev "$@"
  ninja -C "$build" -j "$jobs"
  ninja -C "$build" install
}

# pkgconfig NAME VERSION LIBRARY CFLAGS: for libraries whose own file is missing or does not fit a static Windows build.
pkgconfig() {
  cat >"$stage/lib/pkgconfig/$1.pc" <<END
prefix=\${pcfiledir}/../..
Name: $1
Description: $1, static, for Windows
Version: $2
Libs: -L\${prefix}/lib -l$3
Cflags: -I\${prefix}/include $4
END
}

# header_only NAME VERSION TARGET...: a CMake package whose targets stand for the headers in the prefix. Debian's own CMake
# packages would name /usr/include, in which a cross build finds the headers of Linux.
# A target is written name|definitions|targets to link.
header_only() {
  local name=$1 version=$2 folder=$stage/lib/cmake/$1 target definitions links
  shift 2
  mkdir -p "$folder"
  {
    echo 'get_filename_component(_header_only_root "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)'
    for target in "$@"; do
      IFS='|' read -r target definitions links <<<"$target"
      cat <<END
if(NOT TARGET $target)
  add_library($target INTERFACE IMPORTED)
  set_target_properties($target PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "\${_header_only_root}/include"
    INTERFACE_COMPILE_DEFINITIONS "$definitions"
    INTERFACE_LINK_LIBRARIES "$links")
endif()
END
    done
    echo 'unset(_header_only_root)'
  } >"$folder/${name}Config.cmake"
  cat >"$folder/${name}ConfigVersion.cmake" <<END
set(PACKAGE_VERSION "$version")
if(NOT PACKAGE_FIND_VERSION VERSION_GREATER PACKAGE_VERSION)
  set(PACKAGE_VERSION_COMPATIBLE TRUE)
endif()
END
}

upstream_version_of_installed() { dpkg-query -W -f '${Version}' "$1" | sed -E 's/^[0-9]+://; s/[+~-].*//'; }

# ---- steps -----------------------------------------------------------------------------------------------------------

step_sources() {
  prepare_apt
  download libsodium libzstd zlib utf8proc sqlite3 curl libdivsufsort
}

step_headers() {
  local folder
  # Single folders: a link to all of /usr/include would put the headers of Linux before those of Windows.
  for folder in boost spdlog fmt nlohmann CLI toml++; do
    [ -d "/usr/include/$folder" ] || { echo "/usr/include/$folder is missing"; return 1; }
    ln -s "/usr/include/$folder" "$stage/include/$folder"
  done
  # Debian's spdlog always uses Debian's fmt; both are compiled libraries there, and header-only here.
  header_only fmt "$(upstream_version_of_installed libfmt-dev)" \
    'fmt::fmt-header-only|FMT_HEADER_ONLY=1|' 'fmt::fmt||fmt::fmt-header-only'
  header_only spdlog "$(upstream_version_of_installed libspdlog-dev)" \
    'spdlog::spdlog_header_only|SPDLOG_FMT_EXTERNAL|fmt::fmt-header-only' 'spdlog::spdlog||spdlog::spdlog_header_only'
  sed -i '1i include(CMakeFindDependencyMacro)\nfind_dependency(fmt)' "$stage/lib/cmake/spdlog/spdlogConfig.cmake"
  header_only nlohmann_json "$(upstream_version_of_installed nlohmann-json3-dev)" 'nlohmann_json::nlohmann_json||'
  header_only CLI11 "$(upstream_version_of_installed libcli11-dev)" 'CLI11::CLI11||'
  header_only tomlplusplus "$(upstream_version_of_installed libtomlplusplus-dev)" \
    'tomlplusplus::tomlplusplus|TOML_HEADER_ONLY=1|'
}

step_libsodium() {
  enter libsodium
  autoreconf -fi # Debian's source is the plain git tree, without configure
  ./configure --host=$triple --prefix="$stage" --disable-shared --enable-static --disable-dependency-tracking \
    --disable-pie CC="$cc" AR=$ar RANLIB=$ranlib CFLAGS="$optimize $defines"
  make -j "$jobs" -C src
  make -C src install
  rm "$stage/lib/libsodium.la" # names this prefix
  pkgconfig libsodium 1.0.18 sodium -DSODIUM_STATIC
}

step_zstd() {
  enter libzstd
  cmake_install build/cmake b -DZSTD_BUILD_PROGRAMS=OFF -DZSTD_BUILD_TESTS=OFF -DZSTD_BUILD_SHARED=OFF \
    -DZSTD_BUILD_STATIC=ON -DZSTD_MULTITHREAD_SUPPORT=OFF -DZSTD_LEGACY_SUPPORT=OFF
  pkgconfig libzstd 1.5.4 zstd ''
}

# The compressor and its counterpart alone: no files, and nothing to configure.
step_zlib() {
  enter zlib
  $cc $optimize $defines -DNDEBUG -c adler32.c crc32.c deflate.c inffast.c inflate.c inftrees.c trees.c zutil.c
  $ar rcs "$stage/lib/libz.a" ./*.o
  cp zlib.h zconf.h "$stage/include/"
  pkgconfig zlib 1.2.13 z ''
}

step_utf8proc() {
  enter utf8proc
  $cc $optimize $defines -DNDEBUG -DUTF8PROC_STATIC -c utf8proc.c # includes its tables
  $ar rcs "$stage/lib/libutf8proc.a" utf8proc.o
  cp utf8proc.h "$stage/include/"
  pkgconfig libutf8proc 2.8.0 utf8proc -DUTF8PROC_STATIC
}

step_sqlite() {
  enter sqlite3
  # The amalgamation is generated by programs of this machine; only that one file is for Windows.
  mkdir b
  cd b
  ../configure --disable-tcl --disable-readline
  make sqlite3.c
  # Behaviour as in Debian's own build wherever the code could notice; extensions are never loaded.
  $cc $optimize $defines -DSQLITE_THREADSAFE=1 -DSQLITE_OMIT_LOAD_EXTENSION -c sqlite3.c -o sqlite3.o
  $ar rcs "$stage/lib/libsqlite3.a" sqlite3.o
  cp sqlite3.h "$stage/include/"
  pkgconfig sqlite3 3.40.1 sqlite3 ''
}

step_divsufsort() {
  enter libdivsufsort
  cmake_install . b -DBUILD_EXAMPLES=OFF -DUSE_OPENMP=OFF -DBUILD_DIVSUFSORT64=ON
  pkgconfig libdivsufsort 2.0.1 divsufsort ''
  pkgconfig libdivsufsort64 2.0.1 divsufsort64 ''
}

# HTTP and HTTPS only, with Windows' own TLS and certificate store.
step_curl() {
  enter curl
  cmake_install . b -DCURL_USE_SCHANNEL=ON -DCURL_USE_OPENSSL=OFF -DHTTP_ONLY=ON -DENABLE_UNICODE=ON \
    -DENABLE_THREADED_RESOLVER=ON -DCURL_DISABLE_COOKIES=ON -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF \
    -DENABLE_MANUAL=OFF -DCURL_ZLIB=OFF -DCURL_BROTLI=OFF -DCURL_ZSTD=OFF -DUSE_NGHTTP2=OFF -DUSE_LIBIDN2=OFF \
    -DCURL_USE_LIBSSH2=OFF -DCURL_USE_LIBSSH=OFF -DCURL_USE_LIBPSL=OFF
  # Its own file names this prefix and libraries of the checks; CMake programs use CURLConfig.cmake.
  rm -f "$stage/lib/pkgconfig/libcurl.pc" "$stage/bin/curl-config"
}

step_googletest() {
  cmake_install /usr/src/googletest "$work/googletest" -DINSTALL_GTEST=ON -DBUILD_GMOCK=ON
  rm -f "$stage"/lib/pkgconfig/g{test,mock}*.pc # they name this prefix
}

# Starts from the finished prefix of the other libraries, which this script made before it came here.
step_libtorrent() {
  prepare_apt
  download libtorrent-rasterbar
  cp -a "$base/." "$stage/"
  enter libtorrent-rasterbar
  # It would ask for Windows Vista; Asio's classes must look the same here as in the programs that link this.
  sed -i '/_WIN32_WINNT=/d' CMakeLists.txt
  # encryption=OFF keeps OpenSSL out: hashes come from Windows, HTTPS is libcurl's. Of Boost only headers are needed.
  cmake_install . b -Dencryption=OFF -Ddeprecated-functions=OFF -Dlogging=ON -Ddht=ON -Dbuild_tests=OFF \
    -Dbuild_examples=OFF -Dbuild_tools=OFF -Dpython-bindings=OFF -Dstatic_runtime=ON -DBoost_NO_BOOST_CMAKE=ON \
    -DBoost_INCLUDE_DIR="$stage/include" -DCMAKE_PROJECT_libtorrent_INCLUDE="$pch"
  rm -f "$stage"/lib/pkgconfig/libtorrent-rasterbar.pc # names this prefix
  # Programs built as Debug would get classes laid out for assertions, which this Release library has not.
  sed -i 's/[^";]*TORRENT_USE_ASSERTS[^";]*;//' "$stage/lib/cmake/LibtorrentRasterbar/LibtorrentRasterbarTargets.cmake"
}

# The prefix gets its final name only afterwards: a file that remembers the present one would be wrong.
step_check() {
  local guilty
  guilty=$(grep -rlF --binary-files=without-match "$work" "$stage" || true)
  [ -z "$guilty" ] || { echo "files that name the folder of the build:"; echo "$guilty"; return 1; }
  find "$stage/lib" -name '*.dll.a' -o -name '*.dll' | { ! grep .; } || { echo "not static"; return 1; }
}

# ---- the build -------------------------------------------------------------------------------------------------------

run() {
  local step=$1 begin=${EPOCHREALTIME/./} status tenths
  printf '== %s\n' "$step" >>"$log"
  # Not as part of a condition: there bash would ignore -e inside the step.
  set +e
  (set -e; "step_$step") </dev/null >>"$log" 2>&1 9>&-
  status=$?
  set -e
  tenths=$(((${EPOCHREALTIME/./} - begin) / 100000))
  if [ $status != 0 ]; then
    tail -n 25 "$log" >&2
    die "step $step failed, all of its output is in $log"
  fi
  say "$(printf '  %-12s %4d.%d s' "$step" $((tenths / 10)) $((tenths % 10)))"
}

build_all() {
  if [ $with_libtorrent = yes ]; then
    if [ ! -d "$base" ]; then
      flock -u 9
      "${BASH_SOURCE[0]}" >/dev/null
      exec "${BASH_SOURCE[0]}" --with-libtorrent
    fi
    steps=(libtorrent check)
  else
    steps=(sources headers libsodium zstd zlib utf8proc sqlite divsufsort curl googletest check)
  fi
  say "building the Windows libraries (log: $log)"
  for step in "${steps[@]}"; do run "$step"; done

  mv "$stage" "$prefix"
  echo "$prefix"
}

# On one line, because bash reads a script while it runs it: by now somebody may have edited or updated the file.
build_all; exit
