import { type Clock, systemClock } from '#lib/clock.ts';
import type { ApplyOptions } from '#provision/apply/apply.ts';
import { applyFleet } from '#provision/apply/apply.ts';
import type { Fleet } from '#provision/apply/fleet.ts';
import type { Outcome } from '#provision/apply/outcome.ts';
import { readSeedTemplates } from '#provision/cloud-init/seed.ts';
import type { Inventory, Machine } from '#provision/inventory/inventory.ts';
import { imagePath } from '#provision/machine/machine-spec.ts';
import type { Look } from '#provision/ready/probes.ts';
import { prepareSsh } from '#provision/ssh/prepare-ssh.ts';
import { FakeHypervisor } from './fake-hypervisor.ts';
import { ROOT, smallFleet } from './small-fleet.ts';

/** A small fleet on hypervisors in memory: a machine counts as up as soon as its domain runs. */
export class ProvisionBench {
  readonly r420 = new FakeHypervisor('r420');
  readonly r720xd = new FakeHypervisor('r720xd');
  readonly said: string[] = [];
  /** What the phases after `running` look like. */
  look: Look = { is: 'over' };
  inventory: Inventory = smallFleet();
  clock: Clock = systemClock;
  #stateDir: string;

  constructor(stateDir: string) {
    this.#stateDir = stateDir;
    for (const { files } of [this.r420, this.r720xd]) {
      for (const image of ['base.qcow2', 'other.qcow2']) files.set(imagePath(image), 'an image');
    }
  }

  /** Edits athena in the inventory. */
  change(change: Partial<Machine>): void {
    const machines = this.inventory.machines.map((each) =>
      each.name === 'athena' ? { ...each, ...change } : each,
    );
    this.inventory = { ...this.inventory, machines };
  }

  async fleet(image = 'base.qcow2'): Promise<Fleet> {
    const { signal } = new AbortController();
    const { files } = await prepareSsh(this.inventory, this.#stateDir, signal);
    const over: Look = { is: 'over' };
    return {
      inventory: this.inventory,
      image: { file: image },
      templates: readSeedTemplates(ROOT),
      ssh: files,
      access: {
        probes: (machine, hypervisor) => ({
          defined: async () => over,
          running: async () => {
            const domain = await hypervisor.domain(machine, signal);
            return domain?.state === 'running' ? over : { is: 'hopeless', why: `it is ${domain?.state}` };
          },
          address: async () => this.look,
          ssh: async () => this.look,
          'cloud-init': async () => this.look,
        }),
        growInside: async (machine, disk) => void this.said.push(`${machine}: grow ${disk} inside`),
      },
      connect: async (host) => ({
        hypervisor: host.name === 'r420' ? this.r420 : this.r720xd,
        [Symbol.asyncDispose]: async () => undefined,
      }),
      clock: this.clock,
      signal,
      onProgress: ({ machine, text }) => void this.said.push(`${machine}: ${text}`),
    };
  }

  /** Applies athena, and nothing else unless it is named. */
  async apply(options: Partial<ApplyOptions> & { image?: string } = {}): Promise<Outcome[]> {
    const { image, ...rest } = options;
    return applyFleet(await this.fleet(image), { machines: ['athena'], replace: [], dryRun: false, ...rest });
  }

  /** The kinds of the steps for athena, with `!` for a failure. */
  async kinds(options: Partial<ApplyOptions> & { image?: string } = {}): Promise<string> {
    const [outcome] = await this.apply(options);
    const kinds = outcome?.steps.map(({ kind }) => kind).join(' ') ?? '';
    return outcome?.failure ? `! ${outcome.failure.message} ${outcome.failure.remedy}` : kinds;
  }
}
