import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { z } from 'zod';
import { delegationHash } from '#core/action.ts';
import { parseMessage, type TrustLabel } from '#core/envelope.ts';
import type { FailureCode } from '#core/failures.ts';
import { Decision } from '#core/messages/decision.ts';
import { Delivery } from '#core/messages/delivery.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { systemClock } from '#lib/clock.ts';
import { cancelTask } from '../../src/control/cancel/cancel.ts';
import { releaseDue } from '../../src/control/dispatcher/release.ts';
import type { RunRecord, TaskRecord } from '../../src/control/store/records.ts';
import { Store } from '../../src/control/store/store.ts';
import { arrived, controlOver } from './control-without-bus.ts';
import { chatRequestOf, heartbeatOf } from './messages.ts';
import { delegationOf, eventOf, resultOf } from './run-messages.ts';

const FLEET = 'olympus';

/** A control plane without a bus whose agents, which a test plays, ask each other for answers. */
export class Delegating implements AsyncDisposable {
  readonly store: Store;
  readonly control: ReturnType<typeof controlOver>;
  readonly #stateDir: string;

  constructor(stateDir: string, settings: Parameters<typeof controlOver>[1] = {}) {
    this.#stateDir = stateDir;
    this.store = new Store({ stateDir, clock: systemClock });
    this.control = controlOver(this.store, settings);
  }

  async join(name: string, says: Parameters<typeof heartbeatOf>[1] = {}): Promise<void> {
    const beat = heartbeatOf(name, { concurrency: 50, ...says });
    await this.control.heartbeat(arrived(`${FLEET}.heartbeat.${name}`, beat));
  }

  /** A task of this agent, for a person who asks in a thread. */
  async asked(
    agent: string,
    text: string,
    more: { readonly trust?: TrustLabel; readonly depth?: number } = {},
  ): Promise<TaskRecord> {
    const { data, ...head } = chatRequestOf(agent, text);
    const request = {
      ...head,
      ...(more.trust ? { olympustrust: more.trust } : {}),
      ...(more.depth ? { olympusdepth: more.depth } : {}),
      data,
    };
    await this.control.request(arrived(`${FLEET}.requests.${agent}.task-create`, request));
    const task = await this.store.read.tasks.byDedupKey(`${agent}:${data.dedupKey}`);
    assert.ok(task);
    return task;
  }

  /** The latest run of a task, which is released where that is due. */
  async run({ id, agent }: Pick<TaskRecord, 'id' | 'agent'>): Promise<RunRecord> {
    await this.store.transaction((tx) => releaseDue(tx, this.control.context, agent));
    const run = (await this.store.read.runs.ofTask(id)).at(-1);
    assert.ok(run, `no run of ${id}`);
    return run;
  }

  /** A run asks an agent; answers the task that came of it, or why there is none. */
  async delegate(run: RunRecord, agent: string, text: string): Promise<TaskRecord | string> {
    await this.control.delegation(await delegationOf(run, agent, text));
    const hash = await delegationHash({ agent, text });
    const task = await this.store.read.tasks.byDedupKey(`control:child:${run.taskId}:${hash}`);
    const key = `agent:${run.taskId}:${hash}`;
    return task ?? this.decisions(run.agent).findLast((told) => told.key === key)?.why ?? 'nothing was told';
  }

  /** The same, where a task has to come of it. */
  async child(run: RunRecord, agent: string, text: string): Promise<TaskRecord> {
    const child = await this.delegate(run, agent, text);
    assert.ok(typeof child !== 'string', String(child));
    return child;
  }

  async succeed(task: Pick<TaskRecord, 'id' | 'agent'>, summary: string): Promise<void> {
    await this.control.result(resultOf(await this.run(task), { outcome: 'success', summary }));
  }

  async fail(task: Pick<TaskRecord, 'id' | 'agent'>, failure: FailureCode): Promise<void> {
    const end = { outcome: 'failed', summary: '', failure: { class: failure, message: 'played' } } as const;
    await this.control.result(resultOf(await this.run(task), end));
  }

  async park(run: RunRecord): Promise<void> {
    await this.control.runEvent(eventOf(run, 'parked'));
  }

  async cancel({ id }: Pick<TaskRecord, 'id'>): Promise<void> {
    await this.store.transaction(async (tx) =>
      cancelTask(tx, this.control.context, await this.now(id), { by: 'ada' }),
    );
  }

  async now(id: string): Promise<TaskRecord> {
    const task = await this.store.read.tasks.byId(id);
    assert.ok(task);
    return task;
  }

  /** What agents were told of what they asked, the oldest first. */
  decisions(agent: string): Decision['data'][] {
    return this.#sent(`${FLEET}.deliveries.${agent}.`, Decision);
  }

  /** What an agent was told to show or say, the oldest first. */
  said(agent: string): Delivery['data'][] {
    return this.#sent(`${FLEET}.deliveries.${agent}.`, Delivery);
  }

  /** With what a run was begun. */
  dispatchOf({ id, agent }: RunRecord): TaskDispatch['data'] {
    const found = this.#sent(`${FLEET}.tasks.`, TaskDispatch).find(({ runId }) => runId === id);
    assert.ok(found, `run ${id} of ${agent} was not released`);
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.stop();
  }

  #sent<T extends { type: string; schema: z.ZodType<{ data: unknown }> }>(
    subject: string,
    definition: T,
  ): z.output<T['schema']>['data'][] {
    const file = new DatabaseSync(path.join(this.#stateDir, 'control.sqlite'), { readOnly: true });
    const rows = file.prepare('SELECT body FROM outbox WHERE subject GLOB ? ORDER BY id').all(`${subject}*`);
    file.close();
    return rows.flatMap((row) => {
      const parsed = parseMessage(String(row['body']), [definition]);
      return parsed.kind === 'ok' ? [parsed.message.data] : [];
    });
  }
}
