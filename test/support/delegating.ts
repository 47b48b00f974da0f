import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { z } from 'zod';
import { delegationHash } from '#core/action.ts';
import { parseMessage, type TrustLabel } from '#core/envelope.ts';
import type { FailureCode } from '#core/failures.ts';
import { Decision } from '#core/messages/decision.ts';
import { DelegationRequest } from '#core/messages/delegation-request.ts';
import { Delivery } from '#core/messages/delivery.ts';
import { RunEventMessage } from '#core/messages/run-event.ts';
import { RunResult } from '#core/messages/run-result.ts';
import { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { noUsage } from '#core/usage.ts';
import { systemClock } from '#lib/clock.ts';
import { releaseDue } from '../../src/control/dispatcher/release.ts';
import type { RunRecord, TaskRecord } from '../../src/control/store/records.ts';
import { Store } from '../../src/control/store/store.ts';
import { arrived, controlOver, headOf } from './control-without-bus.ts';
import { chatRequestOf, heartbeatOf } from './messages.ts';

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
    const { id: runId, taskId, epoch } = run;
    const hash = await delegationHash({ agent, text });
    const key = `agent:${taskId}:${hash}`;
    const data = { key, taskId, runId, epoch, expiresInMs: 3_600_000, agent, text };
    const message = DelegationRequest.create(headOf(taskId), data);
    await this.control.delegation(arrived(`${FLEET}.requests.${run.agent}.delegation`, message));
    const task = await this.store.read.tasks.byDedupKey(`control:child:${taskId}:${hash}`);
    return task ?? this.decisions(run.agent).findLast((told) => told.key === key)?.why ?? 'nothing was told';
  }

  /** The same, where a task has to come of it. */
  async child(run: RunRecord, agent: string, text: string): Promise<TaskRecord> {
    const child = await this.delegate(run, agent, text);
    assert.ok(typeof child !== 'string', String(child));
    return child;
  }

  async succeed(task: Pick<TaskRecord, 'id' | 'agent' | 'domain'>, summary: string): Promise<void> {
    await this.#handIn(await this.run(task), task.domain, { outcome: 'success', summary });
  }

  async fail(task: Pick<TaskRecord, 'id' | 'agent' | 'domain'>, failure: FailureCode): Promise<void> {
    const end = { outcome: 'failed', summary: '', failure: { class: failure, message: 'played' } } as const;
    await this.#handIn(await this.run(task), task.domain, end);
  }

  async park({ id: runId, taskId, epoch, agent }: RunRecord): Promise<void> {
    const message = RunEventMessage.create(headOf(runId), { taskId, runId, epoch, agent, event: 'parked' });
    await this.control.runEvent(arrived(`${FLEET}.runs.${agent}.${runId}.parked`, message));
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

  async #handIn(
    { id: runId, taskId, epoch, attempt, agent }: RunRecord,
    domain: string,
    end: Pick<RunResult['data'], 'outcome' | 'summary' | 'failure'>,
  ): Promise<void> {
    const at = new Date().toISOString();
    const result = RunResult.create(headOf(runId), {
      ...{ taskId, runId, epoch, attempt, agent, usage: noUsage },
      ...{ sessionKey: 'key', startedAt: at, finishedAt: at },
      ...end,
    });
    await this.control.result(arrived(`${FLEET}.results.${domain}.${agent}.${taskId}`, result));
  }
}
