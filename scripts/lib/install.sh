# shellcheck shell=bash
# What scripts that set up a machine share. To be sourced; the caller defines give_up, which ends the script.

# What the lab needs of the machine, package by program.
LAB_PACKAGES=(
  ansible-playbook=ansible
  curl=curl
  ip=iproute2
  libvirtd=libvirt-daemon-system
  mmdebstrap=mmdebstrap
  nc=netcat-openbsd
  openssl=openssl
  qemu-img=qemu-utils
  qemu-system-x86_64=qemu-system-x86
  ssh=openssh-client
  sshd=openssh-server
  virsh=libvirt-clients
)

as_root() {
  if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

# Prints the packages of those program=package pairs whose program is not there.
packages_missing() {
  local pair
  for pair in "$@"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%=*}" >/dev/null || echo "${pair#*=}"
  done | sort -u
}

enabled_units() {
  command -v systemctl >/dev/null || return 0
  systemctl --root=/ list-unit-files --state=enabled --no-legend --plain 2>/dev/null | cut -d' ' -f1 | sort
}

# What keeps packages from starting services is policy-rc.d. One of ours that is there already was left by an
# installation that was interrupted; one of somebody else stays as it is.
GUARD_MARK='Made by Olympus for the time of one installation.'
guard_is_ours() { [[ ! -e $1 ]] || grep -qF "$GUARD_MARK" "$1"; }

# Installs packages; none of the services that come with them is started or stays enabled.
install_packages() {
  [[ $# == 0 ]] && return
  command -v apt-get >/dev/null || give_up "install these packages, then run this again: $*"
  local guard=/usr/sbin/policy-rc.d guarded=0 before unit
  before=$(enabled_units)
  if guard_is_ours "$guard"; then
    printf '#!/bin/sh\n# %s\nexit 101\n' "$GUARD_MARK" | as_root tee "$guard" >/dev/null
    as_root chmod 755 "$guard"
    guarded=1
  fi
  local ok=0
  (
    # Also when it is interrupted: the guard would keep every later installation from starting its services.
    [[ $guarded == 1 ]] && trap 'as_root rm -f "$guard"' EXIT
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q >&2 &&
      as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" >&2
  ) || ok=$?
  for unit in $(comm -13 <(echo "$before") <(enabled_units)); do
    # A unit that cannot be disabled by itself belongs to one of the others, which can.
    as_root systemctl --root=/ disable "$unit" >/dev/null 2>&1 || true
  done
  [[ $ok == 0 ]] || give_up "apt-get could not install: $*"
}

# Brings node_modules to what package-lock.json says.
install_npm_dependencies() {
  command -v npm >/dev/null || give_up 'npm is missing: install Node 20 or newer with npm, then run this again'
  [[ -e node_modules/.package-lock.json && ! package-lock.json -nt node_modules/.package-lock.json ]] && return
  npm ci --no-audit --no-fund --loglevel=error >&2 || give_up 'npm ci failed'
  touch node_modules/.package-lock.json
}
