#!/bin/bash
# Installs the Debian 12 packages that Upswarm is built and tested with, and nothing else. Running it again does nothing.
#
#   usage: packaging/setup.sh [--windows] [--clang] [--lab] [--list]
#
#   (always)    the native build, the tests, the lint and the demo
#   --windows   also the cross build for Windows and the programs that test it (packaging/windows/, tests/run-windows.sh)
#   --clang     also clang 16: the presets asan and fuzz, and clang-tidy
#   --lab       also what the swarm laboratory needs, and the clients that it compares with (tests/lab/)
#   --list      print the packages of the groups named, one a line, and install nothing
#
# Needs root or sudo only when a package is missing.
set -euo pipefail
export LC_ALL=C

native=(
  # compilers and what drives them
  g++ cmake ninja-build ccache git ca-certificates
  # libraries
  libtorrent-rasterbar-dev libboost-dev libssl-dev libcurl4-openssl-dev libsqlite3-dev libsodium-dev libzstd-dev zlib1g-dev
  libutf8proc-dev libdivsufsort-dev libsystemd-dev nlohmann-json3-dev libspdlog-dev libfmt-dev libcli11-dev libtomlplusplus-dev
  # tests, lint and demo
  libgtest-dev libgmock-dev googletest python3 clang-format-16 binutils openssl zstd faketime iproute2 util-linux dbus-daemon
  xfsprogs btrfs-progs systemd
)
windows=(
  g++-mingw-w64-x86-64-posix gcc-mingw-w64-x86-64-posix-runtime mingw-w64-x86-64-dev mingw-w64-tools
  # what the sources of the libraries are built with
  autoconf automake libtool make nasm tcl dpkg-dev libboost1.74-dev
  # running, packing and signing the programs
  wine wine64 wixl msitools osslsigncode
)
lab=(iproute2 ethtool nftables procps aria2 python3-libtorrent qbittorrent-nox systemd-container debootstrap)
clang=(clang-16 clang-tidy-16 libclang-rt-16-dev)

say() { printf 'setup.sh: %s\n' "$*" >&2; }

wanted=("${native[@]}")
list=no
for argument in "$@"; do
  case "$argument" in
    --windows) wanted+=("${windows[@]}") ;;
    --clang) wanted+=("${clang[@]}") ;;
    --lab) wanted+=("${lab[@]}") ;;
    --list) list=yes ;;
    -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) say "unknown argument '$argument' (--windows, --clang, --lab and --list are known)"; exit 2 ;;
  esac
done
if [ $list = yes ]; then
  printf '%s\n' "${wanted[@]}"
  exit 0
fi

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "this is no Debian; install the like of: ${wanted[*]}"
  exit 1
fi

installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p')
missing=()
for package in "${wanted[@]}"; do
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
  say "all ${#wanted[@]} packages are installed"
  exit 0
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo >/dev/null; then
    say "root is needed to install: ${missing[*]}"
    exit 1
  fi
  as_root=(sudo --)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"; }

say "refreshing the package lists"
apt update >&2
say "installing ${#missing[@]} of ${#wanted[@]} packages: ${missing[*]}"
apt install --no-install-recommends "${missing[@]}" >&2
say "done"
