import { nextTaskState } from '#core/task-states.ts';
import type { Clock } from '#lib/clock.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import { deliver, expiryText } from '../deliveries/deliver.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';
import { freePlaces, releaseDue } from './release.ts';

export interface DispatcherOptions {
  readonly store: Store;
  readonly context: ControlContext;
  /** Called after something was written to the outbox. */
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

const SWEEP_MS = 2000;
/** How long a round waits for more to happen: it looks at every agent, and most of what wakes it has released what was due. */
const GATHER_MS = 25;

/** Each in a transaction of its own, which share their commit because none waits for another. */
async function all<T>(items: readonly T[], decide: (item: T) => Promise<void>): Promise<void> {
  await Promise.all(items.map(decide));
}

/**
 * Releases what has become due by time, or because an agent takes more, and expires what is past its deadline. What is
 * due because somebody asked or a run has ended is released in that transaction. Order and back-log live in the store; the
 * bus holds only what is released.
 */
export class Dispatcher implements Part {
  readonly name = 'dispatcher';
  readonly #options: DispatcherOptions;
  readonly #loop: Loop;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: (signal) => this.#round(signal),
      onError: (error) => options.log.error({ err: error }, 'dispatch failed, trying again'),
      backoff: { baseMs: 200, capMs: 5000 },
    });
  }

  async start(): Promise<void> {
    this.#loop.start();
  }

  /** To be called when a task was queued or a slot came free. */
  wake(): void {
    this.#loop.wake();
  }

  async quiesce(): Promise<void> {
    await this.#loop.stop();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  health(): Health {
    return { live: this.#loop.live, ready: true };
  }

  async #round(signal: AbortSignal): Promise<number> {
    const { store, clock } = this.#options;
    await clock.sleep(GATHER_MS, signal);
    const now = clock.now();
    await all(await store.read.tasks.overdue(now), (task) => this.#expire(task.id));

    await all(await store.read.agents.list(), (agent) => this.#release(agent, now));
    await all(await store.read.tasks.waitingUntold(now), (task) => this.#tellQueued(task.id));
    const nextAt = await store.read.tasks.nextDueAt(now);
    return Math.min(SWEEP_MS, nextAt === undefined ? SWEEP_MS : nextAt - now);
  }

  async #release(agent: AgentRecord, now: number): Promise<void> {
    const { store, context, log, onAdded } = this.#options;
    const { read } = store;
    // Looked up first, so that nothing is written where there is nothing to do; the transaction decides.
    if (!(await read.tasks.anyQueued(agent.name)) || (await freePlaces(read, agent)) === 0) return;
    if ((await read.tasks.due(agent.name, now, 1)).length === 0) return;
    const released = await store.transaction((tx) => releaseDue(tx, context, agent.name));
    if (released.length === 0) return;
    log.info({ agent: agent.name, tasks: released.map(({ id }) => id) }, 'tasks released');
    onAdded();
  }

  async #tellQueued(taskId: string): Promise<void> {
    const { store, context, onAdded } = this.#options;
    await store.transaction(async (tx) => {
      const task = await tx.tasks.byId(taskId);
      if (task?.state !== 'queued') return;
      await tx.tasks.markToldQueued(taskId);
      await deliver(tx, context, task, { state: 'queued' });
    });
    onAdded();
  }

  async #expire(taskId: string): Promise<void> {
    const { store, context, onAdded, clock, log } = this.#options;
    await store.transaction(async (tx) => {
      const task = await tx.tasks.byId(taskId);
      // Decided on a committed snapshot; it may have ended since.
      if (!task || task.deadline > clock.now() || !nextTaskState(task.state, 'expire')) return;
      const expired = await advanceTask(tx, context, task, 'expire', {
        by: 'control',
        reason: task.state === 'cancelling' ? (task.reason ?? 'cancelled') : 'its deadline has passed',
      });
      if (expired.state === 'cancelled') return tellCancelled(tx, context, expired);
      await deliver(tx, context, expired, { state: 'expired', text: expiryText(expired) });
      log.info({ taskId }, 'task expired');
    });
    onAdded();
  }
}
