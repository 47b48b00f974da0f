#!/bin/sh
# Installs packages and removes them again: what they brought with them too, and nothing that was there before.
#   packages.sh install <name>…
#   packages.sh remove
set -eu
LIST=/var/lib/olympus-packages
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

apt() { apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"; }

install() {
  apt update || true # A mirror that is away may not be needed.
  plan=$(apt --simulate --no-install-recommends install "$@")
  if echo "$plan" | grep '^Remv '; then
    echo 'E: other packages would have to go for it'
    exit 1
  fi
  # Written down first: of an installation that is cut off, the reset knows. With a version in [] it was there before.
  echo "$plan" | sed -n 's/^Inst \([^ ]*\) (.*/\1/p' >>"$LIST"
  apt --no-install-recommends install "$@"
}

remove() {
  [ -s "$LIST" ] || exit 0
  ours=$(sort -u "$LIST")
  # shellcheck disable=SC2086 # names of packages, one a line
  plan=$(apt --simulate purge $ours)
  # grep calls it a failure when there are none.
  others=$(echo "$plan" | sed -n 's/^\(Remv\|Purg\) \([^ ]*\).*/\2/p' | grep -vxF "$ours" || true)
  if [ -n "$others" ]; then
    echo "kept, because others need them: $(echo "$others" | tr '\n' ' ')"
    exit 0
  fi
  # Not every package stops what it started.
  # shellcheck disable=SC2086
  dpkg-query -L $ours | sed -n 's#^.*/lib/systemd/system/\([^@]*\.service\)$#\1#p' | xargs -r systemctl stop
  # shellcheck disable=SC2086
  apt purge $ours
  rm "$LIST"
  echo "removed: $(echo "$ours" | tr '\n' ' ')"
}

"$@"
