#!/bin/sh
# Installs packages and removes them again: what they brought with them too, and nothing that was there before.
#   packages.sh install <name>…
#   packages.sh remove
set -eu
LIST=/etc/olympus/packages
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

install() {
  apt update || true # A mirror that is away may not be needed.
  mkdir -p "${LIST%/*}"
  # Written down first: of an installation that is cut off, the reset knows.
  apt --simulate --no-install-recommends install "$@" | sed -n 's/^Inst \([^ ]*\).*/\1/p' >>"$LIST"
  apt --no-install-recommends install "$@"
}

remove() {
  [ -s "$LIST" ] || exit 0
  ours=$(sort -u "$LIST")
  # shellcheck disable=SC2086 # names of packages, one a line
  others=$(apt --simulate purge $ours | sed -n 's/^\(Remv\|Purg\) \([^ ]*\).*/\2/p' | grep -vxF "$ours" || true)
  if [ -n "$others" ]; then
    echo "kept, because others need them: $(echo "$others" | tr '\n' ' ')"
    exit 0
  fi
  # Not every package stops what it started.
  # shellcheck disable=SC2046,SC2086
  systemctl stop $(dpkg-query -L $ours 2>/dev/null | sed -n 's#^.*/lib/systemd/system/\([^@]*\.service\)$#\1#p') || true
  # shellcheck disable=SC2086
  apt purge $ours
  rm "$LIST"
  echo "removed: $(echo "$ours" | tr '\n' ' ')"
}

"$@"
