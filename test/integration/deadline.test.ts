import assert from 'node:assert/strict';
import type { Delivery } from '#core/messages/delivery.ts';
import { AskingAgent } from '#test/asking-agent.ts';
import { type ControlOnBus, startControlOnBus } from '#test/control-on-bus.ts';
import { chatRequestOf } from '#test/messages.ts';
import { Operator } from '#test/operator.ts';
import { waitFor } from '#test/wait.ts';

const FLEET = 'f1';
/** Within it, what is to be in time is asked for, taken up and answered, on a busy machine too. */
const DEADLINE_MS = 8000;
/** Control looks every two seconds. */
const LONG = { timeoutMs: 30_000 };

describe('a task whose deadline passes', () => {
  let control: ControlOnBus;
  let athena: AskingAgent;
  let ada: Operator;
  before(async function () {
    this.timeout(120_000);
    control = await startControlOnBus(FLEET, ['athena'], { OLYMPUS_TASK_DEADLINE_MS: String(DEADLINE_MS) });
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
  /** Waits until it has, and looks at what is the same for every task: where it stands, why, and what its asker is told. */
  async function untilExpired(id: string): Promise<void> {
    const { state, reason, createdAt, deadline, updatedAt, history } = await ada.untilState(
      id,
      'expired',
      LONG,
    );
    assert.deepEqual([state, reason], ['expired', 'its deadline has passed']);
    assert.equal(Date.parse(deadline) - Date.parse(createdAt), DEADLINE_MS);
    assert.ok(updatedAt >= deadline, `it expired at ${updatedAt}, before ${deadline}`);
    const last = history.at(-1);
    assert.deepEqual([last?.who, last?.event, last?.state], ['control', 'expire', 'expired']);
    const { owner, reason: why, next } = await ada.why(id);
    assert.deepEqual(
      [owner, why, next],
      ['requester', 'its deadline has passed', `olympus task retry ${id}`],
    );
    const said = await athena.hearSaid(id, /^This expired before it was done: its deadline was /);
    assert.equal(said.state, 'expired');
    assert.ok(said.text?.includes(deadline), said.text);
  }

  it('expires in the queue, is told so, and is never released', async () => {
    assert.equal((await ada.cli('agent', 'drain', 'athena', '--why', 'a new kernel')).code, 0);
    const id = await asked('never begun');
    assert.equal((await ada.show(id)).state, 'queued');

    await untilExpired(id);

    assert.equal((await ada.cli('agent', 'resume', 'athena')).code, 0);
    const next = await asked('begun');
    await athena.succeed((await athena.takeRun(next)).data, 'done');
    await ada.untilState(next, 'completed');
    assert.deepEqual((await ada.show(id)).runs, []);
  }).timeout(120_000);

  it('expires while its run is under way, and what that still brings changes nothing', async () => {
    const id = await asked('too slow');
    const { data: run } = await athena.takeRun(id);
    await athena.tell(run, 'started');
    await ada.untilState(id, 'running');

    await untilExpired(id);

    const before = await ada.show(id);
    await athena.succeed(run, 'at last');
    await waitFor('the result to be read', async () => (await ada.show(id)).runs[0]?.finishedAt);
    const after = await ada.show(id);
    assert.deepEqual(
      [after.state, after.reason, after.answer, after.updatedAt],
      ['expired', before.reason, undefined, before.updatedAt],
    );
    assert.deepEqual(after.history, before.history);
    assert.equal(after.runs[0]?.state, 'completed', 'what it has used is on record');
    assert.deepEqual(
      (await toldUntilNow(id)).filter(({ text }) => text !== undefined),
      [],
    );
    const again = await ada.retry(id);
    assert.notEqual(again.id, id);
    await athena.succeed((await athena.takeRun(again.id)).data, 'in time');
    assert.equal((await ada.untilState(again.id, 'completed')).answer, 'in time');
  }).timeout(120_000);

  /** What the asker was told of a task and has not been looked at: all that stands before what is told of a later one. */
  async function toldUntilNow(id: string): Promise<Delivery['data'][]> {
    const marker = await asked(`after ${id}`);
    await athena.succeed((await athena.takeRun(marker)).data, 'the marker');
    const told = new Set<Delivery['data']>();
    await athena.hear('the marker', (each): each is Delivery['data'] => {
      const { taskId, text } = each as Delivery['data'];
      if (taskId === id) told.add(each as Delivery['data']);
      return taskId === marker && text === 'the marker';
    });
    return [...told];
  }
});
