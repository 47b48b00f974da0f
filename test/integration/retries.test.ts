import assert from 'node:assert/strict';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { ApprovalView } from '#core/api-approvals.ts';
import { failureClasses } from '#core/failures.ts';
import type { TaskDispatch } from '#core/messages/task-dispatch.ts';
import { subjectsOf } from '#core/subjects.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { exhaust } from '#test/exhaust.ts';
import { chatRequestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
const RETRY_SCALE = 0.1;

describe('a task whose run fails', () => {
  let control: ControlOnBus;
  let athena: AskingAgent;
  let ada: Operator;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena'], { OLYMPUS_RETRY_SCALE: String(RETRY_SCALE) });
    athena = await AskingAgent.join(control, FLEET, 'athena');
    ada = new Operator(control);
  });
  after(async () => {
    await athena?.[Symbol.asyncDispose]();
    await control?.[Symbol.asyncDispose]();
  });

  async function asked(text: string): Promise<string> {
    await athena.publish('requests.athena.task-create', chatRequestOf('athena', text));
    return (await ada.taskOf(text)).id;
  }
  const run = async (id: string): Promise<TaskDispatch['data']> => (await athena.takeRun(id)).data;
  /** What the record says of each time that it was queued again. */
  const retries = async (id: string): Promise<(string | undefined)[]> =>
    (await ada.show(id)).history.filter(({ event }) => event === 'retry').map(({ reason }) => reason);

  /** Takes its run, has people asked, parks the run, and has them say yes. */
  async function parkAndApprove(id: string): Promise<TaskDispatch['data']> {
    const parked = await run(id);
    await athena.askApproval(parked, `deploy for ${id}`);
    const approval = await waitFor('something to decide', async () => {
      const { body } = await control.api<{ approvals: ApprovalView[] }>('GET', '/v1/approvals?state=pending');
      return body.approvals.find(({ taskId }) => taskId === id);
    });
    await athena.tell(parked, 'parked');
    await ada.untilState(id, 'parked');
    const decision = { by: 'ada', hash: approval.hash };
    assert.equal((await control.api('POST', `/v1/approvals/${approval.id}/approve`, decision)).status, 200);
    return parked;
  }
  /** Gives its next run back until it is put aside, and says which that was. */
  async function giveUp(id: string): Promise<string> {
    const last = await waitFor('its run', async () =>
      (await ada.show(id)).runs.find(({ state }) => state === 'released'),
    );
    await exhaust(athena.bus, 'athena', subjectsOf(FLEET).task('planning', 'athena', last.id));
    await ada.untilState(id, 'dead_lettered');
    return last.id;
  }

  /** When it was to be released at the earliest, also once it was. */
  function notBefore(id: string): number {
    using db = new DatabaseSync(path.join(control.stateDir, 'control.sqlite'), { readOnly: true });
    return Number(db.prepare('SELECT not_before AS at FROM tasks WHERE id = ?').get(id)?.['at']);
  }

  it('is tried again with the next epoch, not before its wait is over, and fails after its last attempt', async () => {
    const id = await asked('three times');
    await athena.fail(await run(id), 'gateway_unready');
    let waitedMs = 0;
    for (const attempt of [2, 3]) {
      const next = await run(id);
      assert.deepEqual([next.attempt, next.epoch], [attempt, attempt]);
      const { runs, history } = await ada.show(id);
      const failedAt = Date.parse(history.findLast(({ event }) => event === 'retry')?.at ?? '');
      const releasedAt = Date.parse(runs.at(-1)?.releasedAt ?? '');
      assert.ok(releasedAt >= notBefore(id), 'released before its wait was over');
      const waitMs = notBefore(id) - failedAt;
      const { baseMs } = failureClasses.gateway_unready.backoff;
      assert.ok(waitMs <= baseMs * 2 ** (attempt - 1) * RETRY_SCALE, `${waitMs} ms`);
      waitedMs += waitMs;
      await athena.fail(next, 'gateway_unready');
    }
    assert.ok(waitedMs > 0, 'one wait may be next to nothing, not both');

    const failed = await ada.untilState(id, 'failed');
    assert.equal(failed.reason, 'gateway_unready');
    assert.deepEqual(
      failed.runs.map(({ state, failure }) => [state, failure]),
      Array.from({ length: 3 }, () => ['failed', 'gateway_unready']),
    );
    const said = await athena.hearSaid(id, /./);
    assert.equal(said.state, 'failed');
    assert.equal(
      said.text,
      `I could not finish this: my OpenClaw gateway does not answer. I tried 3 times. Nothing is pending; mention me again to retry. (task \`${id}\`)\n> played`,
    );
    assert.equal((await ada.why(id)).next, failureClasses.gateway_unready.remedy);
  });

  it('fails at once where trying again cannot help', async () => {
    const id = await asked('no use');
    await athena.fail(await run(id), 'model_auth');

    const failed = await ada.untilState(id, 'failed');

    assert.equal(failed.reason, 'model_auth');
    assert.equal(failed.runs.length, 1);
    assert.deepEqual(await retries(id), []);
    const { text } = await athena.hearSaid(id, /./);
    assert.match(text ?? '', /the model provider refuses my key \(401\)\. Nothing is pending/);
  });

  it('takes nothing more of a run that has failed', async () => {
    const id = await asked('changes its mind');
    const first = await run(id);
    await athena.fail(first, 'gateway_unready');
    const second = await run(id);

    await athena.succeed(first, 'after all');
    await athena.fail(first, 'model_auth');

    await athena.succeed(second, 'done');
    const { answer, runs } = await ada.untilState(id, 'completed');
    assert.equal(answer, 'done');
    assert.deepEqual(
      runs.map(({ state, failure }) => [state, failure]),
      [
        ['failed', 'gateway_unready'],
        ['completed', undefined],
      ],
    );
  });

  it('has all its attempts after a run that waited for people, which is none', async () => {
    const id = await asked('ask first');
    await parkAndApprove(id);

    for (let attempt = 1; attempt <= 3; attempt += 1) await athena.fail(await run(id), 'gateway_unready');

    await athena.hearSaid(id, /my OpenClaw gateway does not answer\. I tried 3 times\. Nothing is pending/);
    assert.equal((await ada.show(id)).runs.length, 4);
    const [second, third, ...more] = await retries(id);
    assert.match(second ?? '', /^gateway_unready: attempt 2 of 3 in \d+ s$/);
    assert.match(third ?? '', /^gateway_unready: attempt 3 of 3 in \d+ s$/);
    assert.deepEqual(more, []);
  });

  it('has all its attempts again when a person takes it up that was given up, and its old run changes nothing', async function () {
    this.timeout(120_000);
    const id = await asked('given up');
    const runId = await giveUp(id);
    await ada.retry(id);

    const again = await run(id);
    assert.deepEqual([again.attempt, again.epoch], [1, 2]);
    await athena.succeed({ ...again, runId, epoch: 1 }, 'too late');
    await waitFor(
      'the old result to be read',
      async () => (await ada.show(id)).runs.find((each) => each.id === runId)?.finishedAt,
    );
    assert.equal((await ada.show(id)).state, 'released');
    await athena.fail(again, 'model_overloaded');
    await athena.fail(await run(id), 'model_overloaded');

    await athena.hearSaid(id, /the model provider is failing \(5xx\)\. I tried 2 times\./);
    const [before, anew] = await retries(id);
    assert.equal(before, 'tried again');
    assert.match(anew ?? '', /^model_overloaded: attempt 2 of 2 in /);
    const { runs, answer } = await ada.show(id);
    assert.deepEqual(
      runs.map(({ epoch, state }) => [epoch, state]),
      [
        [1, 'completed'],
        [2, 'failed'],
        [3, 'failed'],
      ],
    );
    assert.equal(answer, undefined);
  });

  it('still knows what people have decided when it is taken up again', async function () {
    this.timeout(120_000);
    const id = await asked('decided, and given up');
    const parked = await parkAndApprove(id);
    await giveUp(id);

    await ada.retry(id);

    const again = await run(id);
    assert.equal(again.resumeOf, parked.runId);
    assert.match(again.input.text, /Approved by ada/);
    await athena.succeed(again, 'done');
    await ada.untilState(id, 'completed');
  });
});
