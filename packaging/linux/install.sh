#!/bin/bash
# Lays Upswarm out on a machine with systemd, or takes it away again. Running it again puts newer programs in place.
#
#   usage: packaging/linux/install.sh [--bin FOLDER] [--destdir FOLDER] [--force] machine|seeder ...
#          packaging/linux/install.sh [--destdir FOLDER] [--purge] uninstall
#
#   machine     installer, agent and command line
#   seeder      the server and the publisher's command line
#   uninstall   takes both away; configuration, state and products stay, but with --purge only the products
#   --bin       where the programs were built; default: build/release/bin
#   --destdir   lays out under FOLDER for a package: no account is made and systemd is not told
#   --force     in spite of 5: puts these programs in the place of those, and forgets what the installer knew of them
#               but their floors: what is older than these it does not install again by itself
#
#   /opt/upswarm/{installer,agent}/versions/placed-...   the programs that update themselves; `current` names one
#   /usr/lib/upswarm/                                    what no update touches
#
# It starts nothing: it says what to do next. Configuration that is there is left alone. Needs root but with --destdir.
#
# Exit codes: 0 done, 1 failed, 2 wrong usage, 5 nothing was touched: the machine has newer programs, or some of another
# version that came by an update, with which the units of this one must not be mixed.
set -euo pipefail
export LC_ALL=C
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=$here/../../build/release/bin
destdir=
purge=no
force=no
wanted=()

say() { printf 'install.sh: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

while [ $# -gt 0 ]; do
  case "$1" in
    --bin) bin=${2:?}; shift ;;
    --destdir) destdir=${2:?}; shift ;;
    --purge) purge=yes ;;
    --force) force=yes ;;
    machine | seeder | uninstall) wanted+=("$1") ;;
    -h | --help) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) say "unknown argument '$1'"; exit 2 ;;
  esac
  shift
done
[ ${#wanted[@]} -gt 0 ] || { say "say machine, seeder or uninstall; --help says more"; exit 2; }
[ -n "$destdir" ] || [ "$(id -u)" = 0 ] || fail "only root can do that, or --destdir FOLDER"

# Whether systemd is in charge here and is to be told.
live() { [ -z "$destdir" ] && [ -d /run/systemd/system ]; }
# The old file or the new one, also after a power cut: no update would mend a launcher that is half there.
put() {
  local to=$destdir$3
  install -D -m "$1" "$2" "$to.new"
  sync "$to.new"
  mv -T "$to.new" "$to"
  sync "$(dirname "$to")"
}
link() { mkdir -p "$destdir$(dirname "$2")" && ln -sfn "$1" "$destdir$2"; }
config() { [ -e "$destdir/etc/upswarm/$1" ] || put 0644 "$here/$1" "/etc/upswarm/$1"; }

# What a program says of itself; nothing: it cannot.
version_of() { { "$1" --version 2>/dev/null || true; } | awk 'NR == 1 { print $2 }'; }

# check PART PROGRAM: units and programs are to be of one version.
check() {
  local root=$destdir/opt/upswarm/$1 current here there
  current=$(readlink "$root/current" || true)
  [ -n "$current" ] || return 0
  here=$(version_of "$bin/$2")
  there=$(version_of "$root/current/bin/$2")
  if [ -z "$there" ] && [ "${current#versions/placed-}" = "$current" ]; then there=${current##*/}; fi
  [ -n "$there" ] && [ "$there" != "$here" ] || return 0
  if [ "$(printf '%s\n' "$here" "$there" | sort -V | tail -n 1)" = "$there" ]; then
    say "/opt/upswarm/$1 has $there, which is newer than ${here:-this}; --force goes back"
  elif [ "${current#versions/placed-}" = "$current" ]; then
    say "/opt/upswarm/$1 has $there, which came by an update: let $here come by an update, too, or take --force"
  else
    return 0
  fi
  return 1
}

# floor_of RECORD: "EPOCH N" of a record as the installer writes it; nothing: it has none. 1: it cannot be read.
floor_of() {
  awk '/^ "floor": [{]$/ { inside = 1 } inside && /^ [}]/ { inside = 0 }
    inside && match($0, /^  "(epoch|n)": [0-9]+,?$/) { gsub(/[",:]/, ""); value[$1] = $2 }
    /"floor"/ { other = 1 }
    END { if ("epoch" in value && "n" in value) print value["epoch"], value["n"]; else exit other }' "$1"
}

# forget_but_floor RECORD PRODUCT: the floor was signed, and outlives whatever is placed here.
forget_but_floor() {
  local floor
  [ -e "$1" ] || return 0
  floor=$(floor_of "$1") || fail "the floor in $1 cannot be read, so it is not forgotten; look at it, or remove it"
  case "$floor" in
    "" | "1 0") rm -f "$1"; return ;;
  esac
  (umask 077
    printf '{\n "format": 1,\n "product": "%s",\n "current": "",\n "releases": [],\n "highest": {\n  "epoch": 1,\n  "n": 0\n },\n' "$2"
    printf ' "floor": {\n  "epoch": %s,\n  "n": %s\n },\n "bad": [],\n "outcomes": [],\n "last_outcome": 0\n}\n' $floor
  ) > "$1.new"
  chmod 0600 "$1.new"
  sync "$1.new"
  mv -T "$1.new" "$1"
  sync "$(dirname "$1")"
}

# What the installer knows of its own products: it would put back what it installed. Floors stay.
forget() {
  local state=$destdir/var/lib/upswarm-installer
  if [ -e "$destdir/etc/upswarm/installer.toml" ]; then forget_products "$state"; fi
  rm -f "$state"/trial "$state"/trial.[1-3]
}

forget_products() {
  local state=$1 product
  awk -F'"' '/^\[/ { product = root = "" }
    /^product *=/ { product = $2 } /^root *=/ { root = $2 }
    product != "" && root ~ /^\/opt\/upswarm\/(installer|agent)\/?$/ { print product; product = "" }' \
    "$destdir/etc/upswarm/installer.toml" | while read -r product; do
    forget_but_floor "$state/products/$product.json" "$product"
  done
}

# place PART PROGRAM ...: a tree of its own beside what is there; `current` names it at once, unless the same version
# came by an update. What `current` named stays: it may still run.
place() {
  local part=$1 root=$destdir/opt/upswarm/$1 name current
  shift
  name=placed-$(cd "$bin" && sha256sum "$@" | sha256sum | cut -c1-16)
  current=$(readlink "$root/current" || true)
  case "$current" in
    "" | versions/placed-*) ;;
    *) [ $force = yes ] || { say "/opt/upswarm/$part/$current came by an update and stays"; return; } ;;
  esac
  if [ "$current" != "versions/$name" ]; then
    rm -rf "$root/versions/$name"
    (cd "$bin" && install -D -m 0755 -t "$root/versions/$name/bin" "$@")
    sync -f "$root/versions"
    ln -sfn "versions/$name" "$root/.current.new"
    mv -T "$root/.current.new" "$root/current"
    sync -f "$root"
  fi
  find "$root/versions" -mindepth 1 -maxdepth 1 -name 'placed-*' ! -name "$name" ! -name "${current##*/}" -exec rm -rf {} +
}

machine() {
  if [ $force = yes ]; then
    if live && systemctl is-active -q upswarm-installer; then fail "stop upswarm-installer and upswarm-agent first"; fi
    forget
  else
    check installer upswarm-installer && check agent upswarm-agent || exit 5
  fi
  put 0755 "$bin/upswarm-launcher" /usr/lib/upswarm/upswarm-launcher
  place installer upswarm-installer
  place agent upswarm-agent upswarm
  link /opt/upswarm/agent/current/bin/upswarm /usr/bin/upswarm
  link /opt/upswarm/installer/current/bin/upswarm-installer /usr/sbin/upswarm-installer
  put 0644 "$here/upswarm-installer.service" /usr/lib/systemd/system/upswarm-installer.service
  put 0644 "$here/upswarm-agent.service" /usr/lib/systemd/system/upswarm-agent.service
  put 0644 "$here/machine.sysusers" /usr/lib/sysusers.d/upswarm-machine.conf
  put 0644 "$here/machine.tmpfiles" /usr/lib/tmpfiles.d/upswarm-machine.conf
  config installer.toml
  config agent.toml
  live || return 0
  systemd-sysusers /usr/lib/sysusers.d/upswarm-machine.conf
  systemd-tmpfiles --create /usr/lib/tmpfiles.d/upswarm-machine.conf
  upswarm-installer --write-sandbox
  systemctl daemon-reload
  say "next: /etc/upswarm/root.json and both configurations, then"
  say "  upswarm-installer --write-sandbox && systemctl daemon-reload"
  say "  systemctl enable --now upswarm-installer upswarm-agent"
}

seeder() {
  put 0755 "$bin/upswarm-seeder" /usr/lib/upswarm/bin/upswarm-seeder
  put 0755 "$bin/upswarm-publish" /usr/lib/upswarm/bin/upswarm-publish
  link /usr/lib/upswarm/bin/upswarm-seeder /usr/sbin/upswarm-seeder
  link /usr/lib/upswarm/bin/upswarm-publish /usr/bin/upswarm-publish
  put 0644 "$here/upswarm-seeder.service" /usr/lib/systemd/system/upswarm-seeder.service
  put 0644 "$here/seeder.sysusers" /usr/lib/sysusers.d/upswarm-seeder.conf
  put 0644 "$here/seeder.tmpfiles" /usr/lib/tmpfiles.d/upswarm-seeder.conf
  config seeder.toml
  live || return 0
  systemd-sysusers /usr/lib/sysusers.d/upswarm-seeder.conf
  systemd-tmpfiles --create /usr/lib/tmpfiles.d/upswarm-seeder.conf
  systemctl daemon-reload
  say "next: the online keys into /var/lib/upswarm-seeder/keys, owned by upswarm-seeder, /etc/upswarm/seeder.toml, then"
  say "  systemctl enable --now upswarm-seeder"
}

uninstall() {
  local unit
  for unit in upswarm-agent upswarm-installer upswarm-seeder; do
    if live && [ -e "/usr/lib/systemd/system/$unit.service" ]; then systemctl disable --now "$unit" || true; fi
    rm -f "$destdir/usr/lib/systemd/system/$unit.service"
    rm -rf "$destdir/etc/systemd/system/$unit.service.d"
  done
  forget
  rm -rf "$destdir/opt/upswarm" "$destdir/usr/lib/upswarm"
  rm -f "$destdir"/usr/bin/upswarm{,-publish} "$destdir"/usr/sbin/upswarm-{installer,seeder} \
    "$destdir"/usr/lib/{sysusers,tmpfiles}.d/upswarm-{machine,seeder}.conf
  if [ $purge = yes ]; then
    rm -rf "$destdir"/etc/upswarm "$destdir"/var/lib/upswarm-{agent,installer,seeder} \
      "$destdir"/run/upswarm-{agent,installer}
  fi
  if live; then systemctl daemon-reload; fi
}

for part in "${wanted[@]}"; do "$part"; done
