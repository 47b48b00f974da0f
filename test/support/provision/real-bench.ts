import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { connectHypervisor } from '#provision/apply/fleet.ts';
import type { HypervisorHost, Inventory } from '#provision/inventory/inventory.ts';
import { readInventory } from '#provision/inventory/read-inventory.ts';
import { imagePath, MACHINES, machineFiles } from '#provision/machine/machine-spec.ts';
import { prepareSsh } from '#provision/ssh/prepare-ssh.ts';
import { runCli } from '../cli-here.ts';
import { HYPERVISORS, TestLab } from '../lab.ts';
import { ROOT } from './small-fleet.ts';

const never = new AbortController().signal;
const [r420, r720xd] = HYPERVISORS;
const IMAGE = 'base.qcow2';

const HOSTS = `---
hypervisors:
  hosts:
    r420: {address: ${r420.address}, memory_gib: 64, vcpus: 4, disk_gib: 100}
    r720xd: {address: ${r720xd.address}, memory_gib: 64, vcpus: 4, disk_gib: 100}

hub:
  hosts:
    hub: {host: r720xd, address: 10.220.1.20, vcpus: 1, memory_mib: 256, disk_gib: 2, data_gib: 8}

agents:
  hosts:
    athena: {host: r420, address: 10.220.1.50, vcpus: 1, memory_mib: 256, disk_gib: 2, data_gib: 1}
    apollo: {host: r420, address: 10.220.1.51, vcpus: 1, memory_mib: 256, disk_gib: 2, data_gib: 1}

machines:
  children:
    hub:
    agents:
`;

const VARIABLES = `---
fleet: olympus
network_cidr: 10.220.1.0/24
admin_network: 10.220.1.0/24
hypervisor_user: root
hypervisor_bridge: br0
vm_image_file: ${IMAGE}
vm_domain_type: qemu
vm_disk_cache: unsafe
vm_boot_progress_timeout_seconds: 2
vm_boot_timeout_seconds: 60
mattermost_url: http://10.220.1.20:8065
mattermost_team: olympus
model_base_url: http://10.220.1.1:11500/v1
model_api: openai-completions
model_id: scripted-1
`;

type Edit = readonly [from: string | RegExp, to: string | ((found: string, part: string) => string)];

/**
 * The command line of machines on two simulated hypervisors with real libvirt, QEMU and sshd. The machines' disks hold
 * nothing to start: their firmware waits, and they never get an address.
 */
export class RealBench implements AsyncDisposable {
  readonly inventory: string;
  readonly #lab: TestLab;

  private constructor(lab: TestLab) {
    this.#lab = lab;
    this.inventory = path.join(lab.folder, 'inventory');
  }

  static async start(): Promise<RealBench> {
    const lab = await TestLab.make();
    const bench = new RealBench(lab);
    try {
      await lab.raise({ doors: [] });
      bench.writeInventory();
      for (const host of bench.read().hypervisors) await bench.putImage(host);
      return bench;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  get stateDir(): string {
    return this.#lab.names.stateDir;
  }

  /** The inventory as it is at first, with edits of its text. */
  writeInventory(...edits: readonly Edit[]): void {
    mkdirSync(path.join(this.inventory, 'group_vars', 'all'), { recursive: true });
    const files = { 'hosts.yml': HOSTS, 'group_vars/all/main.yml': VARIABLES };
    for (const [file, text] of Object.entries(files)) {
      const edited = edits.reduce(
        (before, [from, to]) =>
          typeof to === 'string' ? before.replace(from, to) : before.replace(from, to),
        text,
      );
      writeFileSync(path.join(this.inventory, file), edited);
    }
  }

  read(): Inventory {
    return readInventory(this.inventory, { root: ROOT, alsoKnown: new Set() });
  }

  async putImage(host: HypervisorHost): Promise<void> {
    const { files } = await prepareSsh(this.read(), this.stateDir, never);
    await using opened = await connectHypervisor(host, files, never);
    if ((await opened.hypervisor.fileSize(imagePath(IMAGE), never)) !== undefined) return;
    await opened.hypervisor.createDataDisk(imagePath(IMAGE), 'base', 1, never);
  }

  /** The command line as a person calls it, with the inventory. */
  olympus(...args: readonly string[]) {
    const all = [...args, '--inventory', this.inventory];
    return runCli(all, { stateDir: this.stateDir, clock: systemClock });
  }

  /** Runs a script on r420 the way a person does. */
  on(script: string): Promise<string> {
    return this.#lab.ssh(r420, script);
  }

  onOther(script: string): Promise<string> {
    return this.#lab.ssh(r720xd, script);
  }

  /** Everything on r420 that a machine is made of: definitions, and files with what is in them. */
  manifest(): Promise<string> {
    return this.on(
      `virsh list --all --name | sort | while read -r name; do [ -z "$name" ] || virsh dumpxml --inactive "$name"; done
find ${MACHINES} -type f ! -name console.log -exec sha256sum {} + 2>/dev/null | sort -k2`,
    );
  }

  /** Takes everything of ours away from r420, whatever state it is in. */
  async clear(): Promise<void> {
    await this.on(
      `for name in $(virsh list --all --name); do virsh destroy "$name" >/dev/null 2>&1; virsh undefine "$name" --snapshots-metadata --nvram >/dev/null; done
rm -rf ${MACHINES}`,
    );
  }

  /** The keys that hypervisors and machines are known by. */
  get knownHosts(): string {
    return readFileSync(this.#knownHosts, 'utf8');
  }

  set knownHosts(text: string) {
    writeFileSync(this.#knownHosts, text);
  }

  get #knownHosts(): string {
    return path.join(this.stateDir, 'ssh', 'known_hosts');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lab[Symbol.asyncDispose]();
  }
}

export const FILES = machineFiles('athena');
