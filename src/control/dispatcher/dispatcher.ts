import { sessionKeyOf } from '#core/conversation.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { nextTaskState } from '#core/task-states.ts';
import type { Clock } from '#lib/clock.ts';
import { newId } from '#lib/id.ts';
import type { Health, Part } from '#lib/lifecycle.ts';
import type { Logger } from '#lib/log.ts';
import { Loop } from '#lib/loop.ts';
import { resumptionOf } from '../approvals/resumption.ts';
import { tellCancelled } from '../cancel/cancel.ts';
import { deliver, expiryText } from '../deliveries/deliver.ts';
import type { AgentRecord } from '../store/agent-repository.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import { advanceTask, type ControlContext } from '../tasks/advance.ts';

export interface DispatcherOptions {
  readonly store: Store;
  readonly context: ControlContext;
  /** Called after something was written to the outbox. */
  readonly onAdded: () => void;
  readonly log: Logger;
  readonly clock: Clock;
}

const SWEEP_MS = 2000;

/**
 * Releases queued tasks to their agents, never more at once than the agent takes, and expires what is past its
 * deadline. Order and back-log live in the store; the bus holds only what is released.
 */
export class Dispatcher implements Part {
  readonly name = 'dispatcher';
  readonly #options: DispatcherOptions;
  readonly #loop: Loop;

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#loop = new Loop({
      clock: options.clock,
      round: () => this.#round(),
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

  async #round(): Promise<number> {
    const { store, clock } = this.#options;
    const now = clock.now();
    for (const task of await store.read.tasks.overdue(now)) await this.#expire(task.id);

    const inFlight = await store.read.tasks.inFlight();
    for (const agent of await store.read.agents.list()) {
      const free = agent.heartbeat.limits.concurrency - (inFlight.get(agent.name) ?? 0);
      for (const task of await store.read.tasks.due(agent.name, now, Math.max(0, free))) {
        await this.#release(task.id, agent);
      }
    }
    for (const task of await store.read.tasks.waitingUntold(now)) await this.#tellQueued(task.id);
    const nextAt = await store.read.tasks.nextDueAt(now);
    return Math.min(SWEEP_MS, nextAt === undefined ? SWEEP_MS : nextAt - now);
  }

  async #release(taskId: string, agent: AgentRecord): Promise<void> {
    const { store, context, log, onAdded } = this.#options;
    const runId = newId(context.now());
    const released = await store.transaction(async (tx) => {
      const task = await tx.tasks.byId(taskId);
      // Decided on a committed snapshot; it may have been cancelled or expired since.
      if (task?.state !== 'queued') return undefined;
      const fenced = await advanceTask(tx, context, task, 'release', {
        by: 'control',
        attempts: task.attempts + 1,
        epoch: task.epoch + 1,
        reason: `released to ${agent.name}`,
      });
      await this.#mint(tx, fenced, runId, agent);
      return fenced;
    });
    if (!released) return;
    log.info({ taskId, runId, agent: agent.name, attempt: released.attempts }, 'run released');
    onAdded();
  }

  async #mint(tx: Repositories, task: TaskRecord, runId: string, agent: AgentRecord): Promise<void> {
    const { context } = this.#options;
    const at = context.now();
    const resumed = await resumptionOf(tx, task);
    await tx.runs.insert({
      id: runId,
      taskId: task.id,
      agent: agent.name,
      attempt: task.attempts,
      epoch: task.epoch,
      releasedAt: at,
    });
    const dispatch = TaskDispatch.create(
      {
        id: newId(at),
        source: `/fleets/${context.fleet}/control`,
        subject: `task/${task.id}/run/${runId}`,
        time: new Date(at).toISOString(),
        olympusdepth: task.depth,
        olympustrust: task.trust,
      },
      {
        taskId: task.id,
        runId,
        attempt: task.attempts,
        epoch: task.epoch,
        ...(resumed ? { resumeOf: resumed.resumeOf } : {}),
        agent: agent.name,
        domain: task.domain,
        deadline: new Date(task.deadline).toISOString(),
        startToCloseMs: agent.heartbeat.limits.runTimeoutMs,
        input: { text: resumed?.text ?? task.text, requester: task.requester.name },
        session: { key: sessionKeyOf({ taskId: task.id, conversation: task.conversation }) },
        ...(task.conversation ? { conversation: task.conversation } : {}),
      },
    );
    await tx.outbox.add({
      subject: context.subjects.task(task.domain, agent.name, runId),
      msgId: runId,
      body: JSON.stringify(dispatch),
    });
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
