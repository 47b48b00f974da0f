import { setTimeout as delay } from 'node:timers/promises';
import { agentOfTask } from '#core/subjects.ts';
import type { ControlSurface } from '../control-surface.ts';
import { waitFor } from '../wait.ts';
import type { ChaosBus, Recorded } from './bus.ts';
import type { Clocks } from './clocks.ts';
import type { Disks } from './disks.ts';
import type { ScriptedFleet, ScriptedMember } from './fleet.ts';
import type { LinkState } from './link.ts';
import type { Fault, FaultKind } from './plan.ts';
import type { PlayedAgent } from './played-agent.ts';

export interface FaultsOptions {
  readonly fleet: ScriptedFleet;
  readonly bus: ChaosBus;
  readonly harness: ControlSurface;
  readonly disks: Disks;
  readonly clocks: Clocks;
  readonly played: PlayedAgent;
}

const UP = { timeoutMs: 60_000 };
/** What comes again needs something that was there: the first results take their time. */
const MATERIAL = { timeoutMs: 60_000, everyMs: 50 };

/** Does to a fleet what a plan says, one thing after another, and counts what really happened. */
export class Faults {
  readonly #options: FaultsOptions;
  readonly #inflicted: Fault[] = [];
  /** Runs whose dispatch came again. */
  readonly #toldAgain = new Set<string>();
  #late = 0;
  #onBegun: (() => void) | undefined;

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** Those that are over, in this order. */
  get inflicted(): readonly Fault[] {
    return this.#inflicted;
  }

  get counts(): ReadonlyMap<FaultKind, number> {
    const counts = new Map<FaultKind, number>();
    for (const { kind } of this.#inflicted) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return counts;
  }

  /**
   * Resolves when the fault is over; what it caused may go on. Calls `onBegun` once: while the fault lasts, or after one
   * that lasts no time.
   */
  async inflict(fault: Fault, onBegun: () => void): Promise<void> {
    const { fleet } = this.#options;
    const daemon = [...fleet.agents].at(fault.agent);
    if (!daemon) throw new Error(`there is no agent ${fault.agent}`);
    const [name, member] = daemon;
    this.#onBegun = onBegun;
    await this.#do(fault, { name, member });
    this.#begun();
    this.#inflicted.push(fault);
    await delay(fault.thenMs);
  }

  /** Ends whatever lasts, and resolves when every process answers again. */
  async heal(): Promise<void> {
    const { fleet, clocks, disks } = this.#options;
    await disks.freeAll();
    fleet.nats.process.kill('SIGCONT');
    for (const [name, member] of [['control', fleet.control] as const, ...fleet.agents]) {
      member.link.set('whole');
      if (!clocks.missing) clocks.shift(name, 0);
      member.process.kill('SIGCONT');
    }
    await fleet.untilUp();
  }

  #begun(): void {
    this.#onBegun?.();
    this.#onBegun = undefined;
  }

  async #last(holdMs: number): Promise<void> {
    this.#begun();
    await delay(holdMs);
  }

  #do(fault: Fault, daemon: { readonly name: string; readonly member: ScriptedMember }): Promise<void> {
    const { control } = this.#options.fleet;
    const { name, member } = daemon;
    switch (fault.kind) {
      case 'kill-control':
        return this.#kill(control);
      case 'kill-daemon':
        return this.#kill(member);
      case 'kill-nats':
        return this.#kill(this.#options.fleet.nats);
      case 'kill-all':
        return this.#killAll();
      case 'stop-nats':
        return this.#stop(this.#options.fleet.nats, fault);
      case 'stop-control':
        return this.#stop(control, fault);
      case 'stop-daemon':
        return this.#stop(member, fault);
      case 'cut-control':
        return this.#disturb(control, 'cut', fault);
      case 'cut-daemon':
        return this.#disturb(member, 'cut', fault);
      case 'half-open-control':
        return this.#disturb(control, 'half-open', fault);
      case 'half-open-daemon':
        return this.#disturb(member, 'half-open', fault);
      case 'kill-cut-control':
        return this.#disturb(control, 'cut', fault, () => this.#kill(control));
      case 'kill-cut-daemon':
        return this.#disturb(member, 'cut', fault, () => this.#kill(member));
      case 'full-disk-control':
        return this.#fill(control, fault);
      case 'full-disk-daemon':
        return this.#fill(member, fault);
      case 'clock-control':
        return this.#jump('control', fault);
      case 'clock-daemon':
        return this.#jump(name, fault);
      case 'late-dispatch':
        return this.#dispatchAgain();
      case 'late-result':
        return this.#resultAgain(fault);
      case 'late-event':
        return this.#eventAgain(fault);
      case 'stale-epoch':
        return this.#options.played.comeBackLate(`stale-${fault.dice}-${this.#late++}`);
      default:
        return fault.kind satisfies never;
    }
  }

  async #kill(...killed: readonly Pick<ScriptedMember, 'process'>[]): Promise<void> {
    const processes = killed.map(({ process }) => process);
    const names = processes.map(({ name }) => name).join(', ');
    await waitFor(`${names} to run`, () => processes.every(({ running }) => running), UP);
    // In one tick: none of them sees another one end.
    const pids = processes.map((process) => {
      const { pid } = process;
      process.kill('SIGKILL');
      return pid;
    });
    const isGone = (): boolean => processes.every(({ pid, running }, at) => pid !== pids[at] || !running);
    await waitFor(`${names} to be gone`, isGone, UP);
  }

  /**
   * As a host does that loses its power, but for one thing: what a killed process has written and not synced is still in
   * the kernel and comes back, so that this does not show what was not synced. The harness, which counts, stays. What
   * has only just started has nothing to lose: all have to be up first.
   */
  async #killAll(): Promise<void> {
    const { fleet } = this.#options;
    const { nats, control, agents } = fleet;
    await fleet.untilUp();
    await this.#kill(nats, control, ...agents.values());
  }

  async #stop({ process }: Pick<ScriptedMember, 'process'>, { holdMs }: Fault): Promise<void> {
    await waitFor(`${process.name} to run`, () => process.running, UP);
    process.kill('SIGSTOP');
    await this.#last(holdMs);
    process.kill('SIGCONT');
  }

  async #disturb(
    { link }: ScriptedMember,
    state: LinkState,
    { holdMs }: Fault,
    atItsEnd?: () => Promise<void>,
  ): Promise<void> {
    link.set(state);
    await this.#last(holdMs);
    await atItsEnd?.();
    link.set('whole');
  }

  async #fill({ stateDir }: ScriptedMember, { holdMs }: Fault): Promise<void> {
    const { disks } = this.#options;
    await disks.fill(stateDir);
    await this.#last(holdMs);
    await disks.free(stateDir);
  }

  async #jump(name: string, { holdMs, jumpSeconds }: Fault): Promise<void> {
    const { clocks } = this.#options;
    clocks.shift(name, jumpSeconds);
    await this.#last(holdMs + 1000);
    clocks.shift(name, 0);
  }

  /** With its own id, and with another; a run whose message is still there cannot be dispatched again. */
  async #dispatchAgain(): Promise<void> {
    const { bus, harness, fleet } = this.#options;
    await waitFor(
      'a run that is over',
      async () => {
        const run = await this.#oldestOver();
        if (!run) return false;
        // One that is down would not see it: control takes back what belongs to a task that is over.
        const member = fleet.agents.get(agentOfTask(run.dispatch.subject));
        await member?.process.untilReady(AbortSignal.timeout(UP.timeoutMs));
        this.#toldAgain.add(run.runId);
        await harness.post('forget', { runIds: [run.runId] });
        await bus.again(run.dispatch, run.dispatch.msgId);
        return bus.again(run.dispatch, this.#lateId());
      },
      MATERIAL,
    );
  }

  /** The later a dispatch comes the harder. While its daemon has not acknowledged the first there is no room for another. */
  async #oldestOver(): Promise<Over | undefined> {
    const { bus } = this.#options;
    for (const run of overOf(bus)) {
      if (!this.#toldAgain.has(run.runId) && !(await bus.isReleased(run.dispatch.subject))) return run;
    }
    return undefined;
  }

  /** Preferably of a run after which its task got another: its epoch is stale. */
  async #resultAgain({ dice }: Fault): Promise<void> {
    const { bus } = this.#options;
    await waitFor(
      'a result',
      async () => {
        const results = bus.recorded('results');
        const superseded = results.filter((each, index) =>
          results.slice(index + 1).some((later) => later.subject === each.subject),
        );
        const candidates = superseded.length > 0 ? superseded : results;
        const result = candidates[dice % candidates.length];
        if (!result) return false;
        await bus.again(result, result.msgId);
        return bus.again(result, this.#lateId());
      },
      MATERIAL,
    );
  }

  async #eventAgain({ dice }: Fault): Promise<void> {
    const { bus } = this.#options;
    await waitFor(
      'an event of a run',
      async () => {
        const events = bus.recorded('runs');
        const event = events[dice % events.length];
        if (!event) return false;
        await bus.again(event, event.msgId);
        return bus.again(event, this.#lateId());
      },
      MATERIAL,
    );
  }

  #lateId(): string {
    this.#late += 1;
    return `late:${this.#late}`;
  }
}

/** A run of which both the dispatch and the result were seen. */
interface Over {
  readonly runId: string;
  readonly dispatch: Recorded;
}

function overOf(bus: ChaosBus): Over[] {
  const dispatches = new Map(bus.recorded('tasks').map((dispatch) => [dispatch.msgId, dispatch]));
  return bus.recorded('results').flatMap(({ msgId }) => {
    const runId = msgId.split(':')[0] ?? '';
    const dispatch = dispatches.get(runId);
    return dispatch ? [{ runId, dispatch }] : [];
  });
}
