/** What the golden image is made of; a change of anything here makes a new image. */

/** Names of the kernel and of what differs between distributions. */
export interface Distribution {
  readonly id: 'debian' | 'ubuntu';
  readonly kernel: string;
  readonly keyring: string;
  readonly components: readonly string[];
}

export const DISTRIBUTIONS: readonly Distribution[] = [
  {
    id: 'debian',
    kernel: 'linux-image-cloud-amd64',
    keyring: '/usr/share/keyrings/debian-archive-keyring.gpg',
    components: ['main'],
  },
  {
    id: 'ubuntu',
    kernel: 'linux-image-virtual',
    keyring: '/usr/share/keyrings/ubuntu-archive-keyring.gpg',
    components: ['main', 'universe'],
  },
];

/** All that a machine needs, so that a clone downloads nothing. */
export const PACKAGES: readonly string[] = [
  ...['systemd', 'systemd-sysv', 'systemd-timesyncd', 'udev', 'dbus', 'libpam-systemd', 'polkitd'],
  ...['cloud-init', 'cloud-guest-utils', 'e2fsprogs', 'kmod', 'initramfs-tools', 'netplan.io'],
  ...['openssh-server', 'sudo', 'ufw', 'iptables', 'iproute2', 'qemu-guest-agent', 'ca-certificates'],
  ...['python3', 'git', 'procps', 'less', 'lz4', 'zstd'],
];

/** Work that a machine in the lab never needs, and that costs seconds of its boot under emulation. */
export const MASKED_UNITS: readonly string[] = [
  ...['apt-daily.timer', 'apt-daily-upgrade.timer', 'apt-daily.service', 'apt-daily-upgrade.service'],
  ...['dpkg-db-backup.timer', 'e2scrub_all.timer', 'e2scrub_reap.service', 'fstrim.timer'],
  ...['systemd-networkd-wait-online.service', 'systemd-timesyncd.service', 'getty@tty1.service'],
];

export const FILESYSTEM_LABEL = 'rootfs';
/** The file system of the image, sparse; a machine's own disk may be larger and it grows into that. */
export const IMAGE_GIB = 6;

/** Files of the image, path → text. */
export const FILES: Readonly<Record<string, string>> = {
  'etc/fstab': `LABEL=${FILESYSTEM_LABEL} / ext4 errors=remount-ro,noatime 0 1\n`,
  'etc/hostname': '',
  'etc/machine-id': '',
  'etc/resolv.conf': '',
  // Only the modules a machine with a NoCloud seed uses.
  'etc/cloud/cloud.cfg.d/90-olympus.cfg': `datasource_list: [NoCloud, None]
cloud_init_modules: [write_files, growpart, resizefs, disk_setup, mounts, set_hostname, update_etc_hosts, users_groups, ssh]
cloud_config_modules: [set_passwords]
cloud_final_modules: [scripts_user, final_message]
`,
};

/** Written before the packages are installed: the initial RAM disk is built while they are. */
export const EARLY_FILES: Readonly<Record<string, string>> = {
  'etc/initramfs-tools/conf.d/olympus': 'MODULES=list\nCOMPRESS=lz4\n',
  'etc/initramfs-tools/modules': 'virtio_blk\nvirtio_pci\nvirtio_net\nvirtio_rng\next4\ncrc32c_generic\n',
};

/**
 * Time-outs of OpenClaw that emulation does not keep, and what the image has instead; nothing else of it is changed
 * (docs/decisions/0011). With five seconds for a worker to start the gateway does not start at all; with a minute for a
 * task of a worker, which loads its code first, it ends workers that were getting on, and begins again; and a worker that
 * goes after a minute without a task is made anew three times within one turn.
 */
export const OPENCLAW_PATIENCE = [
  {
    name: 'LEASE_HEARTBEAT_START_TIMEOUT_MS of five seconds',
    where: 'LEASE_HEARTBEAT_START_TIMEOUT_MS ?= ?5e3',
    from: /(LEASE_HEARTBEAT_START_TIMEOUT_MS ?= ?)5e3\b/,
    to: '$19e4',
  },
  {
    name: 'time-out of a task of a worker',
    where: 'resolveTimerTimeoutMs\\(timeoutMs, 6e4\\)',
    from: /resolveTimerTimeoutMs\(timeoutMs, 6e4\)/,
    to: 'resolveTimerTimeoutMs(timeoutMs * 5, 6e4)',
  },
  {
    name: 'IDLE_EXECUTION_MS of a minute',
    where: 'IDLE_EXECUTION_MS ?= ?6e4',
    from: /(IDLE_EXECUTION_MS ?= ?)6e4\b/,
    to: '$136e5',
  },
  {
    name: 'minute after which a worker without a task goes',
    where: 'idleTimeoutMs ?\\?\\? ?6e4',
    from: /(idleTimeoutMs ?\?\? ?)6e4\b/g,
    to: '$136e5',
  },
] as const;

/** The gateway's user, with the number that ansible/group_vars/agents.yml gives it: Node names its cache by that. */
export const OPENCLAW_UID = 882;
/** Where the gateway's unit keeps what Node compiled; and where OpenClaw keeps it when nobody says otherwise. */
export const COMPILE_CACHE = 'var/cache/openclaw';
export const DEFAULT_COMPILE_CACHE = 'tmp/node-compile-cache';
