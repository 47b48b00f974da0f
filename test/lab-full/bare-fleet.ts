import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { cacheDirectory } from '#lib/config.ts';
import { type TempDir, tempDir } from '#test/temp-dir.ts';
import { waitFor } from '#test/wait.ts';
import { quoted } from '../lab/machines.ts';
import { cliSettings } from './cli-settings.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const GATEWAY = '10.220.1.1';
const MACHINES = { hub: '10.220.1.20', athena: '10.220.1.50' } as const;
type Machine = keyof typeof MACHINES;

/** What a plain Debian has, and none of what the roles need. */
const PACKAGES = ['systemd-sysv', 'dbus', 'udev', 'openssh-server', 'sudo', 'python3', 'iproute2'];
/** There is no mirror where the machines are: what the roles install lies in apt's own cache. */
const DOWNLOADED = ['ca-certificates', 'git', 'polkitd', 'ufw'];

const HOSTS = `---
hypervisors:
  hosts:
    r420: {address: 10.220.1.7, memory_gib: 64, vcpus: 8, disk_gib: 200}
hub:
  hosts:
    hub: {host: r420, address: ${MACHINES.hub}, vcpus: 1, memory_mib: 2048, disk_gib: 10, data_gib: 8}
agents:
  hosts:
    athena: {host: r420, address: ${MACHINES.athena}, vcpus: 2, memory_mib: 4096, disk_gib: 12, data_gib: 4}
machines:
  children:
    hub:
    agents:
`;

/** Not what a machine writes by itself, nor what dpkg keeps of a package that was there. */
const MANIFEST = `cd / && skip='-path ./proc -o -path ./sys -o -path ./dev -o -path ./run -o -path ./tmp -o -path ./var/tmp
-o -path ./var/log -o -path ./var/cache -o -path ./var/lib/apt -o -path ./var/lib/dpkg -o -path ./var/lib/systemd
-o -path ./var/lib/ucf -o -path ./home/agent/.ansible'
find . -xdev \\( $skip \\) -prune -o -printf '%p %y %m %u %g %l\\n' | sort
find . -xdev \\( $skip -o -path ./usr \\) -prune -o -type f -print0 | xargs -0 sha256sum | sort -k2
find /data -printf '%p %y %m %u %g\\n' | sort
systemctl list-units --all --no-legend --plain --type=service | awk '$2 == "loaded" || $3 == "active" { print $1, $3 }' |
  grep -v -e ^systemd- -e ^user -e ^apt- -e ^dpkg- | sort
dpkg-query -W -f '\${Package} \${db:Status-Status}\\n' | grep ' installed'`;

const call = promisify(execFile);

/**
 * A hub and an agent on plain Debian under their own systemd, in containers (systemd-nspawn) on a network of their own:
 * the real roles, real packages, the real gateway, and no image of ours. A container starts in seconds where a virtual
 * machine is emulated; its kernel is that of this machine.
 */
export class BareFleet implements AsyncDisposable {
  readonly #dir: TempDir;
  /** Its network namespaces begin with it: two fleets may stand side by side. */
  readonly #switch: string;
  readonly #children: ChildProcess[] = [];

  private constructor(dir: TempDir) {
    this.#dir = dir;
    this.#switch = path.basename(dir.path);
  }

  static async start(): Promise<BareFleet> {
    assert.ok(
      existsSync('/usr/bin/systemd-nspawn'),
      'systemd-nspawn is missing. Run: apt-get install systemd-container',
    );
    const fleet = new BareFleet(await tempDir('bare'));
    try {
      const tree = await plainTree();
      await fleet.#writeInventory();
      await fleet.#makeSwitch();
      for (const machine of Object.keys(MACHINES) as Machine[]) await fleet.#startMachine(machine, tree);
      for (const machine of Object.keys(MACHINES) as Machine[]) {
        await waitFor(
          `${machine} to let us in`,
          () =>
            fleet.on(machine, 'true').then(
              () => true,
              () => false,
            ),
          { timeoutMs: 60_000 },
        );
      }
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs a script on a machine as root, and returns what it printed. */
  async on(machine: Machine, script: string): Promise<string> {
    const args = ['-F', this.#at('state/ssh/config'), machine, 'sudo', 'sh', '-c', quoted(script)];
    return (await this.#inSwitch('ssh', args)).trim();
  }

  /** Every file of a machine with its owner, mode and content, its services and its packages. */
  async manifest(machine: Machine): Promise<string[]> {
    return (await this.on(machine, MANIFEST)).split('\n');
  }

  /** All but what a hypervisor has to do with; returns what was printed. */
  playbook(name: string, ...args: readonly string[]): Promise<string> {
    return this.#inSwitch('ansible-playbook', [
      ...[`ansible/${name}.yml`, '-i', this.#at('inventory'), '--skip-tags', 'hypervisor,image,vm', ...args],
    ]);
  }

  olympus(...args: readonly string[]): Promise<string> {
    return this.#inSwitch(path.join(ROOT, 'olympus'), args);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      // The first process of a container, with which all others of it end; that of nspawn alone would leave it behind.
      for (const first of await childrenOf(child.pid)) process.kill(first, 'SIGKILL');
      child.kill('SIGKILL');
      await waitFor('a process to end', () => child.exitCode !== null || child.signalCode !== null);
    }
    const spaces = [...Object.keys(MACHINES).map((machine) => `${this.#switch}-${machine}`), this.#switch];
    for (const space of spaces) await call('ip', ['netns', 'delete', space]).catch(() => undefined);
    for (const machine of Object.keys(MACHINES)) {
      await call('umount', ['--lazy', this.#at(machine, 'root')]).catch(() => undefined);
    }
    await this.#dir[Symbol.asyncDispose]();
  }

  #at(...names: string[]): string {
    return path.join(this.#dir.path, ...names);
  }

  /** A command where the machines are reached; what it printed is the error when it fails. */
  async #inSwitch(command: string, args: readonly string[]): Promise<string> {
    const env = {
      PATH: process.env['PATH'],
      HOME: this.#dir.path,
      LC_ALL: 'C.UTF-8',
      OLYMPUS_STATE_DIR: this.#at('state'),
      OLYMPUS_NODE: process.execPath,
      ANSIBLE_NOCOLOR: '1',
    };
    const options = { cwd: ROOT, env, timeout: 1_500_000, maxBuffer: 2 ** 26 };
    return call('ip', ['netns', 'exec', this.#switch, command, ...args], options).then(
      ({ stdout }) => stdout,
      (error: { stdout: string; stderr: string }) => {
        throw new Error(`${command} ${args.join(' ')}\n${error.stdout.slice(-4000)}${error.stderr}`);
      },
    );
  }

  async #writeInventory(): Promise<void> {
    const variables = this.#at('inventory/group_vars/all');
    await mkdir(variables, { recursive: true });
    await writeFile(this.#at('inventory/hosts.yml'), HOSTS);
    const lab = await readFile(path.join(ROOT, 'inventory/lab/group_vars/all/main.yml'), 'utf8');
    const ours = lab.replaceAll(
      /^(vm_image_manifest|vm_kernel_options|slow_machines|agents_at_once):.*\n/gm,
      '',
    );
    await writeFile(path.join(variables, 'main.yml'), `${ours}vm_image_file: base.qcow2\n`);
    const env = { ...process.env, OLYMPUS_STATE_DIR: this.#at('state') };
    const inventory = ['--inventory', this.#at('inventory')];
    await call(
      path.join(ROOT, 'olympus'),
      ['secrets', 'init', ...inventory, '--file', `${variables}/vault.yml`],
      { env },
    );
    await call(path.join(ROOT, 'olympus'), ['ssh-config', ...inventory], { env });
    const password = ['--vault-password-file', this.#at('state/vault-password')];
    const { stdout: vault } = await call('ansible-vault', ['view', ...password, `${variables}/vault.yml`]);
    await writeFile(this.#at('state/.env'), cliSettings(vault, MACHINES.hub), { mode: 0o600 });
  }

  /** A network that leads nowhere, on whose gateway the scripted model answers. */
  async #makeSwitch(): Promise<void> {
    await sh(`ip netns add ${this.#switch}
ip -n ${this.#switch} link set lo up
ip -n ${this.#switch} link add sw0 type bridge
ip -n ${this.#switch} address add ${GATEWAY}/24 dev sw0
ip -n ${this.#switch} link set sw0 up
ip netns exec ${this.#switch} sysctl -qw net.ipv4.conf.all.route_localnet=1
ip netns exec ${this.#switch} iptables -t nat -A PREROUTING -p tcp --dport 11500 -j DNAT --to-destination 127.0.0.1:11500`);
    const model = [process.execPath, 'src/standins/model/main.ts', '--port', '11500'];
    this.#children.push(
      spawn('ip', ['netns', 'exec', this.#switch, ...model], { cwd: ROOT, stdio: 'ignore' }),
    );
  }

  async #startMachine(machine: Machine, tree: string): Promise<void> {
    const space = `${this.#switch}-${machine}`;
    const here = this.#at(machine);
    const key = `ssh_host_ed25519_key`;
    await mkdir(here);
    await sh(`cd ${here} && mkdir upper work root && mount -t overlay ${space} -o lowerdir=${tree},upperdir=upper,workdir=work root
ip netns add ${space}
ip link add bare-${machine} netns ${this.#switch} type veth peer name eth0 netns ${space}
ip -n ${this.#switch} link set bare-${machine} master sw0 up
cd root && mkdir -p data etc/systemd/network
printf '[Match]\\nName=eth0\\n[Network]\\nAddress=${MACHINES[machine]}/24\\n' >etc/systemd/network/eth0.network
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id
echo ${machine} >etc/hostname
printf '127.0.0.1 localhost\\n127.0.1.1 ${machine}\\n' >etc/hosts
echo 'data /data tmpfs mode=755 0 0' >>etc/fstab
chroot . useradd --uid 1000 --create-home --shell /bin/bash agent
echo 'agent ALL=(ALL) NOPASSWD:ALL' >etc/sudoers.d/agent
chroot . systemctl enable systemd-networkd`);
    await mkdir(`${here}/root/home/agent/.ssh`, { mode: 0o700 });
    await cp(this.#at('state/ssh/id_ed25519.pub'), `${here}/root/home/agent/.ssh/authorized_keys`);
    for (const file of [key, `${key}.pub`]) {
      await cp(this.#at('state/ssh/host-keys', machine, file), `${here}/root/etc/ssh/${file}`);
    }
    await call('chroot', [`${here}/root`, 'chown', '-R', 'agent:', '/home/agent/.ssh']);
    // /sys has to be that of its network, and the control groups have to be below it all the same.
    const boot = `mount --rbind /sys/fs/cgroup /mnt && mount -t sysfs sysfs /sys && mount --rbind /mnt /sys/fs/cgroup
exec systemd-nspawn --quiet --register=no --keep-unit --machine=${space} --directory=${here}/root --capability=all --boot`;
    const args = [`--net=/run/netns/${space}`, 'unshare', '--mount', 'sh', '-c', boot];
    const env = { ...process.env, SYSTEMD_NSPAWN_API_VFS_WRITABLE: 'yes' };
    this.#children.push(spawn('nsenter', args, { env, stdio: 'ignore' }));
  }
}

/** The tree that machines are made of, as Debian makes it; kept by what it is made of. */
async function plainTree(): Promise<string> {
  const recipe = createHash('sha256')
    .update([...PACKAGES, '', ...DOWNLOADED].join(' '))
    .digest('hex');
  const tree = path.join(cacheDirectory(process.env), 'bare', recipe.slice(0, 12));
  if (existsSync(tree)) return tree;
  await mkdir(path.dirname(tree), { recursive: true });
  await rm(`${tree}.part`, { recursive: true, force: true });
  const later = `apt-get -q update && apt-get -q -y --no-install-recommends --download-only install ${DOWNLOADED.join(' ')}`;
  await call('mmdebstrap', [
    ...['--variant=minbase', `--include=${PACKAGES.join(',')}`, '--skip=cleanup/apt,cleanup/reproducible'],
    ...[`--customize-hook=chroot "$1" sh -c '${later}'`, 'bookworm', `${tree}.part`],
  ]);
  await rename(`${tree}.part`, tree);
  return tree;
}

async function childrenOf(pid: number | undefined): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  return children.split(' ').filter(Boolean).map(Number);
}

async function sh(script: string): Promise<void> {
  await call('sh', ['-ec', script]);
}
