import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';

export interface LostAgentsOptions {
  readonly store: Store;
  readonly context: ControlContext;
  /** Whether heartbeats would reach us now. */
  readonly hears: () => boolean;
  /** How long an agent may say nothing. */
  readonly afterMs: number;
  readonly everyMs: number;
  /** Called after a task has moved. */
  readonly onMoved: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

/** Since when, by a clock that nobody sets, an agent has not been heard of again. */
interface Silence {
  readonly lastSeenAt: number;
  readonly since: number;
}

/**
 * Says of work that it is lost when the agent that has taken it has been silent for long, so that people learn that
 * nobody is at it. It is not given to anybody else: the agent may be cut off and at work, and brings its result when it
 * is back; or its machine is made anew, and the bus brings it the message once more. Its deadline ends it otherwise.
 * Only silence that this process has listened to counts: what a heartbeat says of time is from another clock, and
 * while the bus is away everybody is silent.
 */
export class LostAgents implements Part {
  readonly name = 'lost agents';
  readonly #options: LostAgentsOptions;
  readonly #silences = new Map<string, Silence>();
  readonly #loop: Loop;

  constructor(options: LostAgentsOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: async () => {
        await this.#round();
        return Math.min(options.everyMs, options.afterMs);
      },
      onError: (error) => options.log.warn({ err: error }, 'silent agents not looked at, trying again'),
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    return { live: this.#loop.live, ready: true };
  }

  async #round(): Promise<void> {
    const { store, hears, afterMs } = this.#options;
    if (!hears()) return this.#silences.clear();
    for (const agent of await store.read.agents.list()) {
      const silentMs = this.#silenceOf(agent);
      const isLost = silentMs >= afterMs;
      for (const task of await store.read.tasks.takenBy(agent.name)) {
        if (isLost && task.state !== 'lost') await this.#lose(task);
        if (silentMs === 0 && task.state === 'lost') await this.#findAgain(task, agent);
      }
    }
  }

  /** For how long this process has heard nothing of an agent; 0 when it has since the last round. */
  #silenceOf({ name, lastSeenAt }: AgentRecord): number {
    const known = this.#silences.get(name);
    const now = performance.now();
    if (known?.lastSeenAt === lastSeenAt) return now - known.since;
    this.#silences.set(name, { lastSeenAt, since: now });
    // What was heard before we listened says nothing.
    return known ? 0 : 1;
  }

  async #lose({ id }: TaskRecord): Promise<void> {
    const { store, context, log, onMoved } = this.#options;
    await store.transaction(async (tx) => {
      const task = await tx.tasks.byId(id);
      // Decided on a committed snapshot; its result may have come since.
      if (task?.state !== 'claimed' && task?.state !== 'running') return;
      const agent = await tx.agents.byName(task.agent);
      const since = agent ? ` since ${new Date(agent.lastSeenAt).toISOString()}` : '';
      const reason = `${task.agent} has taken it up and was not heard of${since}`;
      await advanceTask(tx, context, task, 'lose', { by: 'control', reason });
      log.warn({ taskId: id, agent: task.agent }, 'work of a silent agent is lost');
    });
    onMoved();
  }

  /** It is back and says that it still has the run; one that has not takes the message, which comes again, anew. */
  async #findAgain({ id }: TaskRecord, agent: AgentRecord): Promise<void> {
    const { store, context, log, onMoved } = this.#options;
    await store.transaction(async (tx) => {
      const task = await tx.tasks.byId(id);
      const run = task && (await tx.runs.ofTask(task.id)).at(-1);
      if (task?.state !== 'lost' || !run || !agent.heartbeat.runs.includes(run.id)) return;
      const by = `agent/${agent.name}` as const;
      await advanceTask(tx, context, task, 'start', { by, reason: `${agent.name} is back with it` });
      log.info({ taskId: id, agent: agent.name }, 'work that was lost is found again');
    });
    onMoved();
  }
}
