import path from 'node:path';
import { systemClock } from '#lib/clock.ts';
import { connectHypervisor, type Fleet } from '#provision/apply/fleet.ts';
import { readSeedTemplates } from '#provision/cloud-init/seed.ts';
import { type HypervisorHost, type Inventory, type Machine, macOf } from '#provision/inventory/inventory.ts';
import { readInventory } from '#provision/inventory/read-inventory.ts';
import { roleVariables } from '#provision/inventory/role-variables.ts';
import { imagePath } from '#provision/machine/machine-spec.ts';
import type { Look } from '#provision/ready/probes.ts';
import { prepareSsh } from '#provision/ssh/prepare-ssh.ts';
import { TestLab } from '../lab.ts';
import { ROOT } from './small-fleet.ts';

const IMAGE = 'base.qcow2';
const OVER: Look = { is: 'over' };
const never = new AbortController().signal;

/**
 * Machines of 64 MiB on simulated hypervisors with a QEMU each, whose firmware finds nothing to start: all that is measured
 * of a machine is how it is made. One counts as up once its domain runs.
 */
export class BareFleet implements AsyncDisposable {
  readonly hosts: readonly HypervisorHost[];
  readonly #lab: TestLab;

  private constructor(lab: TestLab, hosts: readonly HypervisorHost[]) {
    this.#lab = lab;
    this.hosts = hosts;
  }

  static async start(hypervisors: number): Promise<BareFleet> {
    const plans = Array.from({ length: hypervisors }, (_, index) => ({
      name: `h${index + 1}`,
      address: `10.220.1.${10 + index}`,
    }));
    const lab = await TestLab.make();
    const fleet = new BareFleet(
      lab,
      plans.map((plan) => ({
        ...plan,
        memoryMib: 16_384,
        vcpus: 2,
        diskGib: 1000,
        local: false,
        user: 'root',
        become: false,
        attach: { bridge: 'br0' },
        domainType: 'qemu',
      })),
    );
    try {
      await lab.raise({ hypervisors: plans, doors: [] });
      await fleet.#putImages();
      return fleet;
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  get stateDir(): string {
    return this.#lab.names.stateDir;
  }

  /** So many machines, dealt out to so many of the hypervisors. */
  machines(count: number, hosts: number): Machine[] {
    return Array.from({ length: count }, (_, index) => {
      const name = `m${index + 1}`;
      return {
        name,
        group: 'agents',
        host: `h${(index % hosts) + 1}`,
        address: `10.220.1.${100 + index}`,
        mac: macOf('bench', name),
        vcpus: 1,
        memoryMib: 64,
        diskGib: 2,
        dataGib: 1,
      };
    });
  }

  fleet(machines: readonly Machine[]): Promise<Fleet> {
    return bareFleet(this.stateDir, this.hosts, machines);
  }

  /** Runs a script on one of the hypervisors the way a person does. */
  on(host: { readonly name: string; readonly address: string }, script: string): Promise<string> {
    return this.#lab.ssh(host, script);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#lab[Symbol.asyncDispose]();
  }

  async #putImages(): Promise<void> {
    const { ssh } = await this.fleet([]);
    for (const host of this.hosts) {
      await using opened = await connectHypervisor(host, ssh, never);
      await opened.hypervisor.createDataDisk(imagePath(IMAGE), 'base', 1, never);
    }
  }
}

/** The same from another process: what is needed to work on these machines. */
export async function bareFleet(
  stateDir: string,
  hosts: readonly HypervisorHost[],
  machines: readonly Machine[],
): Promise<Fleet> {
  const inventory = bareInventory(hosts, machines);
  const { files } = await prepareSsh(inventory, stateDir, never);
  return {
    inventory,
    image: { file: IMAGE },
    templates: readSeedTemplates(ROOT),
    ssh: files,
    access: {
      probes: (machine, hypervisor) => ({
        defined: async () => OVER,
        running: async () => {
          const domain = await hypervisor.domain(machine, never);
          return domain?.state === 'running' ? OVER : { is: 'hopeless', why: `it is ${domain?.state}` };
        },
        address: async () => OVER,
        ssh: async () => OVER,
        'cloud-init': async () => OVER,
      }),
      growInside: async () => undefined,
    },
    connect: (host) => connectHypervisor(host, files, never),
    clock: systemClock,
    signal: never,
    onProgress: () => undefined,
  };
}

/** The inventory of a bare fleet. */
export function bareInventory(hosts: readonly HypervisorHost[], machines: readonly Machine[]): Inventory {
  const lab = readInventory(path.join(ROOT, 'inventory/lab'), { root: ROOT, alsoKnown: roleVariables(ROOT) });
  const variables = { ...lab.variables, fleet: 'bench', vm_boot_parallel: 20 };
  return { ...lab, fleet: 'bench', variables, hypervisors: hosts, machines };
}
