import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import { HypervisorError } from '#integrations/libvirt/hypervisor.ts';
import type { HypervisorHost, Machine } from '../inventory/inventory.ts';
import { imagePath, machineFiles } from '../machine/machine-spec.ts';
import { type PlanOptions, parseApplied, planMachine } from '../machine/plan.ts';
import type { MachinePlan, Refusal, Step } from '../machine/step.ts';
import { waitUntilReady } from '../ready/wait-until-ready.ts';
import { sweepTrashQuietly } from '../trash/trash.ts';
import { destroyedFile } from '../trash/trash-entry.ts';
import { executeStep } from './execute.ts';
import { type Fleet, pickMachines } from './fleet.ts';
import { HypervisorPool } from './hypervisor-pool.ts';
import { readCurrent, type WantedMachine, wantedMachine } from './machine-context.ts';
import { type Failure, failureOf, type Outcome } from './outcome.ts';
import { withLimit } from './with-limit.ts';

export interface ApplyOptions {
  /** All machines when empty. */
  readonly machines: readonly string[];
  /** Machines that get a new root disk. */
  readonly replace: readonly string[];
  /** Only say what would be done. */
  readonly dryRun: boolean;
}

/**
 * Brings machines to what the inventory wants, and waits until each is up; one outcome for each, in the inventory's
 * order. INVARIANT: an outcome without a failure is a machine that was seen to be up, or a dry run.
 */
export async function applyFleet(fleet: Fleet, options: ApplyOptions): Promise<Outcome[]> {
  const { inventory } = fleet;
  const picked = pickMachines(inventory, options.machines);
  pickMachines(inventory, options.replace);
  await using pool = new HypervisorPool(fleet.connect);
  if (!options.dryRun)
    await pool.reserve(
      picked.map(({ host }) => host),
      fleet,
    );
  const limit = withLimit(inventory.variables.vm_boot_parallel);
  const work = picked.map(({ machine, host }) =>
    limit(host.name, () => new MachineWork(fleet, pool, machine, host).run(options)),
  );
  // Awaited here: the connections are closed when this function is left.
  return await Promise.all(work);
}

class MachineWork {
  readonly #fleet: Fleet;
  readonly #pool: HypervisorPool;
  readonly #machine: Machine;
  readonly #host: HypervisorHost;
  /** What is being done just now, for the sentence about its failure. */
  #doing = 'connecting';

  constructor(fleet: Fleet, pool: HypervisorPool, machine: Machine, host: HypervisorHost) {
    this.#fleet = fleet;
    this.#pool = pool;
    this.#machine = machine;
    this.#host = host;
  }

  async run(options: ApplyOptions): Promise<Outcome> {
    const { name } = this.#machine;
    let plan: MachinePlan | undefined;
    const outcome = (failure?: Failure): Outcome => ({
      machine: name,
      host: this.#host.name,
      steps: plan?.steps ?? [],
      changes: plan?.changes ?? [],
      notes: plan?.notes ?? [],
      ...(failure ? { failure } : {}),
    });
    try {
      this.#fleet.signal.throwIfAborted();
      const hypervisor = await this.#pool.get(this.#host);
      const wanted = wantedMachine(this.#fleet.inventory, this.#machine, {
        ...this.#fleet,
        host: this.#host,
      });
      const decided = await this.#plan(hypervisor, wanted, options);
      if (decided.kind === 'refused') {
        return outcome({ message: decided.reason, remedy: decided.remedy, console: [] });
      }
      plan = decided;
      if (!options.dryRun) await this.#carryOut(hypervisor, wanted, plan);
      return outcome();
    } catch (error) {
      this.#fleet.signal.throwIfAborted();
      return outcome(failureOf(name, this.#doing, error));
    }
  }

  async #plan(
    hypervisor: Hypervisor,
    wanted: WantedMachine,
    { replace, dryRun }: ApplyOptions,
  ): Promise<MachinePlan | Refusal> {
    const { signal } = this.#fleet;
    const { name } = this.#machine;
    this.#doing = 'looking at what is there';
    const current = await readCurrent(hypervisor, name, signal);
    if (!current.domain) {
      const elsewhere = await this.#elsewhere();
      if (elsewhere) {
        const reason = `${name} is to be made on ${this.#host.name}, but ${elsewhere} still has it.`;
        const remedy = `Write host: ${elsewhere} in the inventory, or destroy it there first.`;
        return { kind: 'refused', reason, remedy };
      }
    }
    const isNew = wanted.spec.domainType === 'auto' && !parseApplied(current.domain?.defined.metadata);
    const { kernel } = wanted.spec.image;
    const options: PlanOptions = {
      hypervisor: hypervisor.name,
      hasKvm: isNew && (await this.#pool.hasKvm(this.#host, kernel && imagePath(kernel.kernel), signal)),
      replace: replace.includes(name),
    };
    const kept =
      options.replace && current.domain && current.root ? await hypervisor.snapshots(name, signal) : [];
    if (kept.length > 0) {
      const names = kept.map((snapshot) => snapshot.name).join(', ');
      return {
        kind: 'refused',
        reason: `${name} has snapshots (${names}), and none of them would fit a new root disk.`,
        remedy: `Delete them first: olympus snapshot delete ${kept[0]?.name} --machine ${name}.`,
      };
    }
    const plan = planMachine(wanted.spec, current, options);
    if (plan.kind === 'plan' && !dryRun) await this.#checkImage(hypervisor, plan);
    return plan;
  }

  /** The other hypervisor that has this machine: the same address must not exist twice. */
  async #elsewhere(): Promise<string | undefined> {
    const { inventory, signal, onProgress } = this.#fleet;
    const { name } = this.#machine;
    for (const host of inventory.hypervisors.filter((each) => each.name !== this.#host.name)) {
      try {
        const domain = await (await this.#pool.get(host)).domain(name, signal);
        if (parseApplied(domain?.defined.metadata)?.spec.fleet === inventory.fleet) return host.name;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof HypervisorError)) throw error;
        onProgress({ machine: name, text: `whether ${host.name} has it too is not known: ${error.message}` });
      }
    }
    return undefined;
  }

  async #checkImage(hypervisor: Hypervisor, { spec, steps }: MachinePlan): Promise<void> {
    if (!steps.some(({ kind }) => kind === 'create-root')) return;
    this.#doing = 'looking for its image';
    const { file, kernel } = spec.image;
    for (const each of [file, ...(kernel ? [kernel.kernel, kernel.initrd] : [])]) {
      if ((await hypervisor.fileSize(imagePath(each), this.#fleet.signal)) !== undefined) continue;
      throw new HypervisorError(
        hypervisor.name,
        `${hypervisor.name} has no ${imagePath(each)}`,
        'The role image puts it there: ansible-playbook ansible/setup.yml --tags image.',
      );
    }
  }

  async #carryOut(hypervisor: Hypervisor, wanted: WantedMachine, plan: MachinePlan): Promise<void> {
    const { clock, signal } = this.#fleet;
    const { spec, steps } = plan;
    const context = { hypervisor, spec, wanted, clock, signal };
    // What was kept for its time makes room for new disks.
    if (steps.some(({ kind }) => kind === 'create-root')) {
      await sweepTrashQuietly(this.#fleet, hypervisor, this.#machine.name);
    }
    // Somebody may have been killed while destroying it: it is a machine like any other again.
    if (steps.length > 0) await hypervisor.remove(destroyedFile(machineFiles(spec.name).folder), signal);
    for (const step of steps.filter(({ kind }) => kind !== 'finish')) {
      this.#say(`${step.kind}: ${step.detail}`);
      await executeStep(step, context);
    }
    const finish = steps.find(({ kind }) => kind === 'finish');
    await this.#waitUntilReady(hypervisor, finish === undefined);
    if (!steps.some(({ kind }) => kind === 'start')) await this.#growInside(steps);
    if (!finish) return;
    this.#say(finish.kind);
    await executeStep(finish, context);
  }

  async #growInside(steps: readonly Step[]): Promise<void> {
    for (const { kind } of steps) {
      if (kind !== 'grow-root' && kind !== 'grow-data') continue;
      this.#say(`${kind}: the file system inside`);
      await this.#fleet.access.growInside(this.#machine.name, kind === 'grow-root' ? 'root' : 'data');
    }
  }

  async #waitUntilReady(hypervisor: Hypervisor, quick: boolean): Promise<void> {
    const { inventory, access, clock, signal } = this.#fleet;
    const { name } = this.#machine;
    const { variables } = inventory;
    const startedAt = clock.now();
    await waitUntilReady({
      machine: name,
      hypervisor,
      probes: access.probes(name, hypervisor),
      consoleFile: machineFiles(name).console,
      quick,
      progressTimeoutMs: variables.vm_boot_progress_timeout_seconds * 1000,
      bootTimeoutMs: variables.vm_boot_timeout_seconds * 1000,
      clock,
      signal,
      onPhase: (phase) => this.#say(`waits for ${phase}`),
    });
    this.#say(`is up (${Math.round((clock.now() - startedAt) / 1000)} s)`);
  }

  #say(text: string): void {
    this.#doing = text;
    this.#fleet.onProgress({ machine: this.#machine.name, text });
  }
}
