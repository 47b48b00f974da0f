import type { Hypervisor } from '#integrations/libvirt/hypervisor.ts';
import { type ApplyOptions, applyFleet } from '#provision/apply/apply.ts';
import { destroyMachines } from '#provision/apply/destroy.ts';
import type { Fleet } from '#provision/apply/fleet.ts';
import type { HypervisorHost, Machine } from '#provision/inventory/inventory.ts';
import { undoDestroy } from '#provision/trash/undo.ts';
import { hurriedClock } from '../hurried-clock.ts';
import { bareFleet } from './bare-fleet.ts';

/** What is to be done with machines, and at which change of a hypervisor the process dies. */
export interface Killed {
  readonly stateDir: string;
  readonly hosts: readonly HypervisorHost[];
  readonly machines: readonly Machine[];
  readonly work: Work;
  /** Counted from 1. */
  readonly change: number;
  /** `before` it begins, or once it is `sent` and nobody knows what becomes of it. */
  readonly when: 'before' | 'sent';
}

export type Work = 'apply' | 'replace' | 'destroy' | 'undo';

/** Does it; what it could not do is thrown. */
export async function doWork(fleet: Fleet, work: Work): Promise<void> {
  const names = fleet.inventory.machines.map(({ name }) => name);
  const apply = (options: Partial<ApplyOptions>) =>
    applyFleet(fleet, { machines: [], replace: [], dryRun: false, ...options });
  const does: Record<Work, () => Promise<readonly { readonly failure?: { readonly message: string } }[]>> = {
    apply: () => apply({}),
    replace: () => apply({ replace: names }),
    destroy: () => destroyMachines(fleet, { machines: names, purge: false }),
    undo: () => undoDestroy(fleet, names),
  };
  for (const { failure } of await does[work]()) if (failure) throw new Error(failure.message);
}

const CHANGES: ReadonlySet<PropertyKey> = new Set<keyof Hypervisor>([
  ...([
    'define',
    'start',
    'resume',
    'shutdown',
    'powerOff',
    'setAutostart',
    'setLiveMemory',
    'undefine',
  ] as const),
  ...([
    'redefineSnapshots',
    'createOverlay',
    'createDataDisk',
    'growDisk',
    'writeFile',
    'move',
    'putBack',
  ] as const),
  'remove',
]);

/** The hypervisor, in whose `change`th change this process is killed. */
function deadly(hypervisor: Hypervisor, { change, when }: Pick<Killed, 'change' | 'when'>): Hypervisor {
  let count = 0;
  const kill = (): void => void process.kill(process.pid, 'SIGKILL');
  return new Proxy(hypervisor, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function' || !CHANGES.has(name)) return value;
      return (...args: unknown[]) => {
        count += 1;
        if (count === change && when === 'before') kill();
        const going: unknown = value.apply(target, args);
        // Long enough to be on its way, and for most too short to be done.
        if (count === change) setTimeout(kill, 15);
        return going;
      };
    },
  });
}

if (import.meta.main) {
  const given = JSON.parse(process.argv[2] ?? '') as Killed;
  const fleet = await bareFleet(given.stateDir, given.hosts, given.machines);
  const connect: Fleet['connect'] = async (host) => {
    const opened = await fleet.connect(host);
    return {
      hypervisor: deadly(opened.hypervisor, given),
      [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
    };
  };
  await doWork({ ...fleet, connect, clock: hurriedClock() }, given.work);
}
